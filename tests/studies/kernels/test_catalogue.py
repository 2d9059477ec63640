"""prefault_kit.studies.kernels.catalogue: kernels by series and by version, here or to be had."""

from pathlib import Path

import pytest

from prefault_kit.studies.kernels import catalogue
from prefault_kit.studies.kernels.cache import Cache
from prefault_kit.studies.kernels.debian import Package


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Two kernels of one series, one in /boot, one beside its modules; and half of a third."""
    for version, place in (("6.1.9", "boot"), ("6.1.176", "usr/lib/modules/6.1.176")):
        (tmp_path / f"linux-{version}" / place).mkdir(parents=True)
        (tmp_path / f"linux-{version}" / place / f"vmlinuz-{version}").touch()
    (tmp_path / "linux-6.12.1.part-x").mkdir()
    return Cache(tmp_path)


def test_what_is_here_needs_no_network(cache: Cache) -> None:
    """The newest of a series, or the one of a version."""
    assert list(catalogue.here(cache)) == ["6.1.176", "6.1.9"]
    version, guest = catalogue.fetched(cache, "6.1")
    assert version == "6.1.176"
    assert guest.kernel.name == "vmlinuz-6.1.176"
    version, guest = catalogue.fetched(cache, "6.1.9")
    assert (version, guest.kernel.parent.name) == ("6.1.9", "boot")


def test_an_unknown_version_names_the_nearest(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From old to new."""
    there = [Package("sid", "x", version, 1) for version in ("5.10.2", "6.1.9", "6.12.3", "7.3")]
    monkeypatch.setattr(catalogue, "offered", lambda _: there)
    for wanted, near in (("6.4", "6.1 and 6.12"), ("4.19", "5.10 and 6.1"), ("x", "5.10 and 6.1")):
        with pytest.raises(
            ValueError, match=f"no kernel {wanted} to be had; the nearest are {near}"
        ):
            catalogue.fetched(cache, wanted)


def test_a_package_without_a_kernel_is_told(cache: Cache, tmp_path: Path) -> None:
    """And what helps."""
    (tmp_path / "linux-9.9.9").mkdir()
    with pytest.raises(ValueError, match=r"no kernel in linux-9\.9\.9: prefault-kit kernels clean"):
        catalogue.fetched(cache, "9.9")
