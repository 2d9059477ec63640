"""prefault_kit.studies.kernels.catalogue: kernels by series and by version, here or to be had."""

from pathlib import Path

import pytest

from prefault_kit.studies.kernels import catalogue, debian
from prefault_kit.studies.kernels.architecture import AARCH64, X86_64, Architecture
from prefault_kit.studies.kernels.cache import Cache
from prefault_kit.studies.kernels.debian import Apt, Package, PackagesError
from prefault_kit.studies.kernels.guest import Guest


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Two kernels of one series, one in /boot, one beside its modules; and half of a third."""
    for version, place in (("6.1.9", "boot"), ("6.1.176", "usr/lib/modules/6.1.176")):
        (tmp_path / f"linux-x86_64-{version}" / place).mkdir(parents=True)
        (tmp_path / f"linux-x86_64-{version}" / place / f"vmlinuz-{version}").touch()
    (tmp_path / "linux-x86_64-6.12.1.part-x").mkdir()
    return Cache(tmp_path)


def test_what_is_here_needs_no_network(cache: Cache) -> None:
    """The newest of a series, or the one of a version."""
    assert list(catalogue.here(cache, X86_64)) == ["6.1.176", "6.1.9"]
    version, guest = catalogue.fetched(cache, X86_64, "6.1")
    assert version == "6.1.176"
    assert guest.kernel.name == "vmlinuz-6.1.176"
    version, guest = catalogue.fetched(cache, X86_64, "6.1.9")
    assert (version, guest.kernel.parent.name) == ("6.1.9", "boot")


def test_an_unknown_version_names_the_nearest(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From old to new."""
    versions = ("5.10.2", "6.1.9", "6.1.9-rt", "6.12.3", "6.12.3-rt", "7.3")
    there = [Package("sid", "x", version, 1) for version in versions]
    monkeypatch.setattr(catalogue, "_listed", lambda *_: there)
    for wanted, near in (
        ("6.4", "6.1 and 6.1-rt"),
        ("6.13-rt", "6.12 and 6.12-rt"),
        ("6.9-16k", "6.12 and 6.12-rt"),
        ("4.19", "5.10 and 6.1"),
        ("x", "5.10 and 6.1"),
    ):
        with pytest.raises(
            ValueError, match=f"no kernel {wanted} is available for x86_64; the nearest are {near}$"
        ):
            catalogue.fetched(cache, X86_64, wanted)


def test_of_those_that_are_as_near_its_flavour_is_named(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the one that comes first by its letters."""
    there = [Package("sid", "x", f"6.12.3{flavour}", 1) for flavour in ("", "-16k", "-rt")]
    monkeypatch.setattr(catalogue, "_listed", lambda *_: there)
    with pytest.raises(ValueError, match=r"the nearest are 6\.12 and 6\.12-rt$"):
        catalogue.fetched(cache, AARCH64, "6.4-rt")


def test_no_package_is_left_of_a_kernel_that_was_fetched(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was unpacked is here; the file that brought it is not kept beside it."""

    def download(apt: Apt, name: str) -> list[Path]:
        place = tmp_path / "apt" / f"{apt.suite}-amd64" / "archives"
        place.mkdir(parents=True)
        (place / f"{name}_1_amd64.deb").write_bytes(b"deb")
        return list(place.iterdir())

    def unpack(packages: list[Path], target: Path, _: object) -> None:
        assert [each.read_bytes() for each in packages] == [b"deb"]
        (target / "vmlinuz-6.9.1").touch()

    monkeypatch.setattr(debian, "KEYRING", tmp_path)
    monkeypatch.setattr(Apt, "download_kernel", download)
    monkeypatch.setattr(debian, "unpack", unpack)
    monkeypatch.setattr(catalogue, "ROOM_BYTES", 1)
    there = [Package("sid", "linux-image-6.9.1", "6.9.1", 1)]
    monkeypatch.setattr(catalogue, "_listed", lambda *_: there)
    version, guest = catalogue.fetched(cache, X86_64, "6.9")
    assert (version, guest.kernel.exists()) == ("6.9.1", True)
    assert list(tmp_path.rglob("*.deb")) == []


def test_a_package_without_a_kernel_is_told(cache: Cache, tmp_path: Path) -> None:
    """And what helps."""
    (tmp_path / "linux-x86_64-9.9.9").mkdir()
    with pytest.raises(
        ValueError, match=r"no kernel in linux-x86_64-9\.9\.9: prefault-kit kernels clean"
    ):
        catalogue.fetched(cache, X86_64, "9.9")


def test_another_processor_has_its_own(cache: Cache, tmp_path: Path) -> None:
    """Of the same series, of another flavour, with an image of another name."""
    place = tmp_path / "linux-aarch64-6.1.176-16k" / "boot"
    place.mkdir(parents=True)
    (place / "vmlinux-6.1.0-50-arm64-16k").touch()
    assert list(catalogue.here(cache, AARCH64)) == ["6.1.176-16k"]
    version, guest = catalogue.fetched(cache, AARCH64, "6.1-16k")
    assert (version, guest.architecture) == ("6.1.176-16k", AARCH64)
    assert guest.kernel.name == "vmlinux-6.1.0-50-arm64-16k"


def test_a_suite_that_the_mirror_lacks_is_left_out(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it lacks them all."""

    def update(apt: Apt) -> None:
        if apt.suite in lacking:
            raise PackagesError(f"no {apt.suite}")

    monkeypatch.setattr(debian, "KEYRING", tmp_path)
    monkeypatch.setattr(Apt, "update", update)
    monkeypatch.setattr(Apt, "kernels", lambda apt, _: [Package(apt.suite, "x", "6.12.3", 1)])
    lacking: tuple[str, ...] = debian.SUITES[:-1]
    assert [each.suite for each in catalogue.offered(cache, AARCH64)] == [debian.SUITES[-1]]
    lacking = debian.SUITES
    with pytest.raises(PackagesError, match=f"no {debian.SUITES[-1]}"):
        catalogue.offered(cache, AARCH64)


def test_without_a_word_the_usual_ones_are_run(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of each series, of no other flavour."""
    there = [Package("sid", "x", version, 1) for version in ("6.1.9", "6.12.3", "6.12.3-rt")]
    monkeypatch.setattr(catalogue, "offered", lambda *_: there)
    assert catalogue.usual(cache, X86_64) == ["6.1", "6.12"]


def test_the_newest_that_the_mirror_has_is_taken(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may list a kernel that it has not; if it has none of them, the newest one's error is
    told."""

    def fetch(cache: Cache, architecture: Architecture, package: Package) -> Guest:
        if package.version in lacking:
            raise PackagesError(f"{package.version}: 404")
        return Guest(cache.place, cache.place)

    there = [Package("sid", "x", version, 1) for version in ("6.9.1", "6.12.1", "6.12.3")]
    monkeypatch.setattr(catalogue, "_listed", lambda *_: there)
    monkeypatch.setattr(catalogue, "_fetch", fetch)
    lacking = ["6.12.3"]
    assert catalogue.fetched(cache, X86_64, "6.12")[0] == "6.12.1"
    lacking.append("6.12.1")
    with pytest.raises(PackagesError, match=r"6\.12\.3: 404"):
        catalogue.fetched(cache, X86_64, "6.12")
