"""prefault_kit.studies.kernels.image: the guests' root, made once, and its first process."""

import subprocess
from pathlib import Path

import pytest

from prefault_kit.studies.kernels import debian, image
from prefault_kit.studies.kernels.architecture import AARCH64, ARCHITECTURES, X86_64
from prefault_kit.studies.kernels.cache import Cache, CacheError
from prefault_kit.studies.kernels.debian import Apt, PackagesError


def test_an_image_that_is_here_is_taken(tmp_path: Path) -> None:
    """Without a network."""
    told: list[str] = []
    for each in (X86_64, AARCH64):
        place = tmp_path / f"root-{each.name}-{image.REVISION}"
        place.mkdir()
        (place / "root.img").touch()
        found = image.ensure(Cache(tmp_path), each, lambda _, words: told.append(words))
        assert found == place / "root.img"
    assert told == []


def test_without_what_makes_it_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CacheError, match="sudo apt install e2fsprogs"):
        image.ensure(Cache(tmp_path), X86_64, lambda *_: None)


def test_the_first_process_is_a_script(tmp_path: Path) -> None:
    """One of the shell's syntax, that says when the guest's own work begins."""
    subprocess.run(["sh", "-n"], input=image.INIT, text=True, check=True, timeout=60)
    assert f"echo {image.BEGUN}\n" in image.INIT


def test_a_suite_that_lacks_a_package_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the next, before which its packages go; the last one's error is told."""

    def download(apt: Apt, _: object) -> list[Path]:
        done.append(f"asked {apt.suite}")
        if apt.suite == has:
            return [tmp_path]
        raise PackagesError(f"{apt.suite} lacks one")

    monkeypatch.setattr(debian, "KEYRING", tmp_path)
    monkeypatch.setattr(Apt, "update", lambda _: None)
    monkeypatch.setattr(Apt, "download", download)
    monkeypatch.setattr(Apt, "drop_packages", lambda apt: done.append(f"dropped {apt.suite}"))
    for number, has in enumerate(image.SUITES):
        done: list[str] = []
        apt, packages = image._packages(Cache(tmp_path), AARCH64)
        assert (apt.suite, packages) == (has, [tmp_path])
        before = image.SUITES[:number]
        lacking = [f"{did} {suite}" for suite in before for did in ("asked", "dropped")]
        assert done == [*lacking, f"asked {has}"]
    has = "none"
    with pytest.raises(PackagesError, match=f"{image.SUITES[-1]} lacks one"):
        image._packages(Cache(tmp_path), AARCH64)


def test_a_guest_that_compiles_gets_a_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where this host's C does not serve, and there alone."""
    asked: list[set[str]] = []
    monkeypatch.setattr(debian, "KEYRING", tmp_path)
    monkeypatch.setattr(Apt, "update", lambda _: None)
    monkeypatch.setattr(Apt, "download", lambda _, names: asked.append(set(names)))
    for each in ARCHITECTURES.values():
        image._packages(Cache(tmp_path), each)
        assert set(image.PACKAGES) <= asked[-1]
        assert asked[-1] & set(image.COMPILER) == (set() if each.is_here else set(image.COMPILER))
