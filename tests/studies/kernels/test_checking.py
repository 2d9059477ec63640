"""prefault_kit.studies.kernels.checking: what a guest is asked, and the record of its answer."""

import json
import subprocess
from pathlib import Path

import pytest

from prefault_kit import host
from prefault_kit.studies.kernels import checking
from prefault_kit.studies.kernels.architecture import AARCH64
from prefault_kit.studies.kernels.guest import Guest, Outcome

VERDICTS = [{"id": "a", "verdict": "holds", "reason": None}]


def answered(**files: bytes) -> Outcome:
    """A guest that has ended."""
    return Outcome("tcg", 1.0, 0, {name.replace("_", "."): each for name, each in files.items()})


def test_a_script_makes_each_file_system_and_checks_on_it() -> None:
    """One of the shell's syntax."""
    script = checking.script(("ext4", "tmpfs"))
    subprocess.run(["sh", "-n"], input=script, text=True, check=True, timeout=60)
    assert "mkfs.ext4" in script
    assert "mount -t tmpfs" in script
    assert "/job/ext4 && made ext4" in script
    assert "/job/tmpfs && made tmpfs" in script
    assert "xfs" not in script


def test_an_answer_is_recorded_without_what_is_the_host_s(tmp_path: Path) -> None:
    """Its facts are those of the kernel, with what matters of its configuration."""
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / "config-6.1.9").write_text(
        "# CONFIG_SECRETMEM is not set\nCONFIG_MEMCG=y\nCONFIG_FUSE_FS=m\nCONFIG_SOUND=y\n"
    )
    doctor = json.dumps({"host": host.facts()}).encode()
    made = checking.record(
        "6.1.9",
        Guest(tmp_path, tmp_path, AARCH64),
        ("ext4", "xfs"),
        answered(
            doctor_json=doctor, verdicts_json=json.dumps(VERDICTS).encode(), mounted=b"ext4\n"
        ),
    )
    own = checking.record(
        checking.OWN,
        Guest(tmp_path, tmp_path),
        ("ext4",),
        answered(doctor_json=doctor, verdicts_json=b"[]"),
    )
    assert own.version == host.facts()["kernel"]  # as it calls itself
    assert list(made.file_systems) == ["ext4"]
    assert made.architecture == "aarch64"
    assert made.configuration == {"FUSE_FS": "m", "MEMCG": "y"}
    assert made.verdicts == VERDICTS
    assert made.error == ""
    assert made.facts["kernel"] == host.facts()["kernel"]
    assert not set(made.facts) & {"cpu", "date", "memory_bytes", "hypervisor"}


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome("tcg", 1.0, None, {}, ("one", "panic")), "did not finish: one | panic"),
        (
            Outcome("tcg", 1.0, None, {}, ("the root is not there", "panic")),
            "to find its root a kernel needs virtio_pci, virtio_blk and ext4",
        ),
        (Outcome("tcg", 1.0, 3, {"said": b"no room\n"}), "ended with status 3: no room"),
        (Outcome("tcg", 1.0, 0, {"doctor.json": b"{", "verdicts.json": b""}), "with status 0"),
    ],
)
def test_a_guest_that_did_not_answer_is_a_record_that_says_so(
    outcome: Outcome, error: str, tmp_path: Path
) -> None:
    """With its last words."""
    made = checking.record("6.1.9", Guest(tmp_path, tmp_path), ("ext4",), outcome)
    assert made.configuration == {}
    assert error in made.error
    assert list(made.verdicts) == []


STUB = """#!/bin/sh
case "$*" in *doctor*) echo '{}'; exit 0;; esac
echo "$*" >>$PLACE/asked
printf "$VERDICTS"
exit $STATUS
"""
"""In place of Python in a guest: it says what it was asked, and answers as it is told."""


@pytest.mark.parametrize(
    ("status", "verdicts", "ended"),
    [(0, "[]", 0), (1, "[]", 0), (1, "", 1), (2, "[]", 2), (2, "", 2), (137, "[", 137)],
)
def test_a_check_that_found_a_surprise_has_ended_well(
    status: int, verdicts: str, ended: int, tmp_path: Path
) -> None:
    """With status 1 and verdicts it has answered; with any other status it has not. Memory is no
    place for files, so that tmpfs is no directory of the check."""
    (tmp_path / "result").mkdir()
    (tmp_path / "python3").write_text(STUB)
    (tmp_path / "python3").chmod(0o755)
    script = f"{checking.MADE}\nmade ext4\nmade tmpfs\n{checking.CHECK}\n"
    for place in ("/result/", "/tmp/status"):
        script = script.replace(place, f"{tmp_path}{place.replace('/tmp', '')}")
    done = subprocess.run(
        ["sh", "-c", script],
        env={
            "PATH": f"{tmp_path}:/usr/bin:/bin", "PLACE": str(tmp_path), "STATUS": str(status),
            "VERDICTS": verdicts,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (ended, "")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["-m prefault_kit check --json --dir /job/ext4"]
    assert (tmp_path / "result" / "verdicts.json").read_text() == verdicts
    assert (tmp_path / "result" / "mounted").read_text().split() == ["ext4", "tmpfs"]
