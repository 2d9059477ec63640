"""prefault_kit.studies.kernels.debian: versions, and packages that are unpacked alone."""

import subprocess
from pathlib import Path

import pytest

from prefault_kit.studies.kernels import debian
from prefault_kit.studies.kernels.architecture import X86_64
from prefault_kit.studies.kernels.debian import Apt, Package, PackagesError

pytestmark = pytest.mark.needs("debian")
AVAILABLE = """Package: linux-image-6.12.107+deb13-cloud-amd64
Version: 6.12.107-1
Size: 30000000
Description: one
 of two lines

Package: linux-image-6.12.117+deb13-cloud-amd64
Version: 6.12.117-1
Size: 30000001

Package: linux-image-6.12.117+deb13-rt-amd64
Version: 6.12.117-1
Size: 40000000

Package: linux-image-7.3-cloud-amd64
Version: 7.3~rc7-1~exp1
Size: 2000

Package: linux-binary-7.3-cloud-amd64
Version: 7.3~rc7-1~exp1
Size: 300

Package: linux-modules-7.3-cloud-amd64
Version: 7.3~rc7-1~exp1
Size: 40

Package: linux-image-7.0-cloud-amd64
Version: 7.0.13-1
Size: 2000

Package: linux-binary-7.0-cloud-amd64
Version: 7.0.13-1
Size: 300

Package: linux-image-cloud-amd64
Version: 6.12.117-1
Size: 1000

Package: linux-image-6.12.117+deb13-cloud-amd64-unsigned
Version: 6.12.117-1
Size: 1000
"""


def test_kernels_are_found_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Meta packages, unsigned ones and one that has lost its modules are none; a candidate is named
    as the kernel names it."""
    monkeypatch.setattr(debian, "KEYRING", tmp_path)
    apt = Apt(tmp_path, "trixie", "amd64")
    monkeypatch.setattr(apt, "_run", lambda *_: AVAILABLE)
    found = apt.kernels(X86_64.kernels)
    assert [(each.version, each.size_bytes) for each in found] == [
        ("6.12.107", 30000000),
        ("6.12.117", 30000001),
        ("7.3-rc7", 2340),
        ("6.12.117-rt", 40000000),
    ]
    assert [each.series for each in found] == ["6.12", "6.12", "7.3", "6.12-rt"]


def test_versions_are_ordered_as_they_came() -> None:
    """By number, and a candidate before its release."""
    versions = ["5.10.223", "6.1.176", "6.2", "6.12", "6.12.1", "7.3-rc7", "7.3-rc10", "7.3"]
    packages = [Package("sid", "x", version, 1) for version in versions]
    assert sorted(packages, key=lambda each: each.order) == packages


def test_a_package_is_unpacked_and_nothing_of_it_is_run(tmp_path: Path) -> None:
    """Its files are there; its script was not asked."""
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "DEBIAN").mkdir(parents=True)
    (source / "DEBIAN" / "control").write_text(
        "Package: one\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n"
    )
    script = source / "DEBIAN" / "postinst"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    (source / "usr").mkdir()
    (source / "usr" / "file").write_text("here")
    subprocess.run(
        ["dpkg-deb", "--build", str(source), str(tmp_path / "one.deb")],
        check=True,
        capture_output=True,
        timeout=60,
    )
    told: list[int] = []
    debian.unpack([tmp_path / "one.deb"], target, lambda: told.append(1))
    assert (target / "usr" / "file").read_text() == "here"
    assert told == [1]
    assert not (tmp_path / "ran").exists()


def test_a_corrupt_package_is_told(tmp_path: Path) -> None:
    """By its name."""
    (tmp_path / "one.deb").write_bytes(b"!<arch>\nno")
    with pytest.raises(PackagesError, match=r"one\.deb cannot be unpacked"):
        debian.unpack([tmp_path / "one.deb"], tmp_path / "target", lambda: None)


def test_a_system_without_apt_or_its_keys_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And what one can do there."""
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "none.gpg")
    with pytest.raises(PackagesError, match="sudo apt install debian-archive-keyring"):
        Apt(tmp_path, "trixie", "amd64")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackagesError, match="no apt: give a kernel of your own with --kernel"):
        Apt(tmp_path, "trixie", "amd64")


def test_what_apt_says_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The last of its errors; a mirror that nobody is at."""
    monkeypatch.setattr(debian, "MIRROR", "http://127.0.0.1:9/debian")
    monkeypatch.setattr(debian, "KEYRING", tmp_path)
    with pytest.raises(PackagesError, match="apt-get update for trixie failed: "):
        Apt(tmp_path / "apt", "trixie", "amd64").update()
