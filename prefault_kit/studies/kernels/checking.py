"""Ask a kernel for all promises: the guest's script, and the record of what it answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from prefault_kit.studies.kernels import initramfs
from prefault_kit.studies.kernels.guest import Guest, Outcome
from prefault_kit.studies.kernels.record import FACTS, Record, configuration

NEEDED = (
    "to find its root a kernel needs virtio_pci, virtio_blk and ext4, built in or as modules "
    "(--modules)"
)
OWN = "own"
"""The version of a kernel that was not fetched, until it says what it is called."""
FILE_SYSTEMS = ("ext4", "xfs", "btrfs", "tmpfs")
IMAGE = "320M"
"""The size of a file system in a guest; xfs wants 300 MiB."""
MAKE = {
    "xfs": "mkfs.xfs -q -i nrext64=0,exchange=0 -n parent=0",
    "btrfs": "mkfs.btrfs -q",
    "ext4": "mkfs.ext4 -q",
}
"""As kernels from 5.10 on can mount it."""
DISK = """truncate -s {size} /scratch/{name}.img
{make} /scratch/{name}.img >/dev/null
busybox mount -t {name} -o loop /scratch/{name}.img /job/{name} && made {name}"""
MEMORY = "busybox mount -t tmpfs -o size=64m none /job/tmpfs && made tmpfs"
MADE = """made() {
    echo $1 >>/result/mounted
    test $1 = tmpfs && return # it is no place for files
    directories="$directories --dir /job/$1"
    export PREFAULT_TEST_DIRS="${PREFAULT_TEST_DIRS:+$PREFAULT_TEST_DIRS:}$1=/job/$1"
}"""
LENT = """export TMPDIR=/scratch
lend() {
    export PREFAULT_TEST_DIRS="${PREFAULT_TEST_DIRS:+$PREFAULT_TEST_DIRS:}$1=/job/$1"
}
mkdir -p /job/tmpfs_small /job/hugetlbfs /job/overlay /scratch/lower /scratch/upper /scratch/work
busybox mount -t tmpfs -o size=1m none /job/tmpfs_small && lend tmpfs_small
busybox mount -t hugetlbfs none /job/hugetlbfs && lend hugetlbfs
layers=lowerdir=/scratch/lower,upperdir=/scratch/upper,workdir=/scratch/work
busybox mount -t overlay -o $layers none /job/overlay && lend overlay"""
"""What the project's tests get beside the disks (tests/conftest.py)."""
CHECK = """python3 -m prefault_kit doctor --json >/result/doctor.json
export PREFAULT_BAR=lines
(python3 -m prefault_kit check --json $directories >/result/verdicts.json; echo $? >/tmp/status) \
    2>&1 | tee /result/said
status=$(cat /tmp/status)
test $status = 1 && test -s /result/verdicts.json && exit 0
exit $status"""


def mounts(file_systems: Sequence[str]) -> str:
    """Lines of shell that make file systems below /job, each under its name; those that the kernel
    cannot mount are left out."""
    lines = [MADE]
    for name in file_systems:
        lines.append(f"mkdir -p /job/{name}")
        disk = name != "tmpfs"
        lines.append(DISK.format(name=name, size=IMAGE, make=MAKE[name]) if disk else MEMORY)
    return "\n".join(lines)


def script(file_systems: Sequence[str]) -> str:
    """What a guest runs to answer for its kernel on these file systems."""
    return f"{mounts(file_systems)}\n{CHECK}\n"


def record(version: str, guest: Guest, file_systems: Sequence[str], outcome: Outcome) -> Record:
    """What a guest answered; with an error in place of verdicts where it did not."""
    mounted = outcome.files.get("mounted", b"").decode().split()
    there = [name for name in file_systems if name in mounted]
    known = configuration(guest.modules)
    architecture = guest.architecture.name
    made = Record(version, architecture, outcome.accelerator, there, {}, [], "", known)
    if outcome.status is None:
        text = f"it did not finish: {' | '.join(outcome.tail)}"
        disk = any(initramfs.NO_ROOT in line for line in outcome.tail)
        return _failed(made, f"{text}; {NEEDED}" if disk else text)
    try:
        facts = json.loads(outcome.files["doctor.json"])["host"]
        verdicts = json.loads(outcome.files["verdicts.json"])
    except (KeyError, ValueError):
        said = outcome.files.get("said", b"").decode(errors="replace").strip()
        _, _, last = said.rpartition("\n")
        return _failed(made, f"it ended with status {outcome.status}: {last}")
    version = facts["kernel"] if version == OWN else version
    kept = {name: facts.get(name) for name in FACTS}
    return replace(made, version=version, facts=kept, verdicts=verdicts)


def _failed(made: Record, error: str) -> Record:
    return replace(made, error=error)
