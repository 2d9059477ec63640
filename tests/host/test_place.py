"""The directory of a file: each thing that can be wrong with it is told apart."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefault_kit import Backing
from prefault_kit.host import place

Ask = Callable[..., Any]
Namespace = Callable[[str], list[str]]

CELL = "sharing='shared', method='Read', size_bytes=1 << 16, backing=Backing"


def _problem(backing: Backing) -> tuple[str, str | None]:
    found = place.check(backing)
    assert found is not None
    return found.reason, found.command


def test_good(disk: str) -> None:
    """A directory on a disk is right for a file, and nothing stays in it."""
    before = os.listdir(disk)
    assert place.check(Backing.file(disk)) is None
    assert os.listdir(disk) == before


@pytest.mark.parametrize("kind", ["anon", "memfd"])
def test_no_place(kind: str) -> None:
    """Memory without a named file needs no place."""
    assert place.check(Backing.anon() if kind == "anon" else Backing.memfd()) is None


@pytest.mark.parametrize("make", [Backing.file, Backing.tmpfs, Backing.hugetlbfs])
def test_missing(make: Callable[[str], Backing], tmp_path: Path) -> None:
    """A missing directory is said to be missing, and the command that makes it works."""
    directory = tmp_path / "with a space" / "deep"
    reason, command = _problem(make(str(directory)))
    assert reason == f"the directory {directory} does not exist"
    assert command is not None
    os.system(command)
    assert directory.is_dir()


def test_not_a_directory(tmp_path: Path) -> None:
    """A file in place of a directory, and within the path, is told."""
    (tmp_path / "file").write_text("")
    reason, _ = _problem(Backing.file(str(tmp_path / "file")))
    assert "is not a directory: give the directory" in reason
    reason, _ = _problem(Backing.file(str(tmp_path / "file" / "below")))
    assert "a part of its path is a file" in reason


def test_too_long() -> None:
    """A path that the kernel refuses is told in its words."""
    reason, _ = _problem(Backing.file("/" + "x" * 300))
    assert reason.endswith("cannot be used as a directory: File name too long")


def test_not_writable(closed_directory: str, ordinary_user: None) -> None:
    """An ordinary user is told that a directory is closed to writing."""
    reason, command = _problem(Backing.file(closed_directory))
    assert reason == f"this user may not write to {closed_directory}: choose another directory"
    assert command is None


def test_not_to_be_seen(ordinary_user: None) -> None:
    """A directory within one that is closed to this user is told apart from a missing one."""
    reason, _ = _problem(Backing.file("/proc/1/cwd"))
    assert reason == "this user may not look into the path of /proc/1/cwd"


def test_no_files_here() -> None:
    """A directory whose file system makes no files is found out by trying."""
    found = place.check(Backing.file("/proc"))
    assert found is not None
    assert "/proc" in found.reason


def test_file_on_tmpfs(ask: Ask, namespace: Namespace) -> None:
    """Backing file refuses a tmpfs and says which backing to choose."""
    before = namespace("mount -t tmpfs none /mnt")
    reason, command = ask(before, f"{CELL}.file('/mnt')")
    assert reason == (
        "/mnt is on tmpfs, which is memory and not a disk: "
        "choose backing tmpfs for it, or a directory on disk"
    )
    assert command is None


def test_file_on_ramfs(ask: Ask, namespace: Namespace) -> None:
    """ramfs, which has no limit at all, is no place for backing file nor for backing tmpfs."""
    before = namespace("mount -t ramfs none /mnt")
    reason, _ = ask(before, f"{CELL}.file('/mnt')")
    assert reason == (
        "/mnt is on ramfs, which is memory and not a disk: choose a directory on disk"
    )
    reason, _ = ask(before, f"{CELL}.tmpfs('/mnt')")
    assert "is on ramfs, not on tmpfs" in reason


def test_file_on_an_overlay_in_memory(ask: Ask, namespace: Namespace) -> None:
    """An overlay whose upper directory is in memory, as on a live system, is no disk either."""
    overlay = "lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work"
    line = (
        "mount -t tmpfs none /mnt && mkdir /mnt/lower /mnt/upper /mnt/work /mnt/merged && "
        f"mount -t overlay -o {overlay} none /mnt/merged"
    )
    reason, _ = ask(namespace(line), f"{CELL}.file('/mnt/merged')")
    assert reason == (
        "/mnt/merged is on overlay over tmpfs, which is memory and not a disk: "
        "choose a directory on disk"
    )


@pytest.mark.parametrize("kind", ["tmpfs", "hugetlbfs"])
def test_memory_backing_on_disk(kind: str, disk: str) -> None:
    """tmpfs and hugetlbfs refuse a directory on disk and say which backing to choose."""
    make = Backing.tmpfs if kind == "tmpfs" else Backing.hugetlbfs
    reason, _ = _problem(make(disk))
    assert f"not on {kind}: choose backing file for it, or a directory on {kind}" in reason


def test_hugetlbfs_on_tmpfs(ask: Ask, namespace: Namespace) -> None:
    """hugetlbfs refuses a tmpfs and names it."""
    before = namespace("mount -t tmpfs none /mnt")
    reason, _ = ask(before, f"{CELL}.hugetlbfs('/mnt')")
    assert "/mnt is on tmpfs, not on hugetlbfs: choose backing tmpfs for it" in reason


def test_read_only(ask: Ask, namespace: Namespace) -> None:
    """A read-only mount is told, with the command that makes it writable, which works."""
    line = "mount -t tmpfs -o ro none /mnt"
    reason, command = ask(namespace(line), f"{CELL}.tmpfs('/mnt')")
    assert reason == "/mnt is on a file system mounted read-only"
    assert command == "sudo mount -o remount,rw /mnt"
    if os.geteuid() == 0:
        repaired = f"{line} && {command.removeprefix('sudo ')}"
        assert ask(namespace(repaired), f"{CELL}.tmpfs('/mnt')") is None


def test_no_inodes(ask: Ask, namespace: Namespace) -> None:
    """A file system without a free inode is found out by trying."""
    before = namespace("mount -t tmpfs -o nr_inodes=2 none /mnt && touch /mnt/a")
    reason, _ = ask(before, f"{CELL}.tmpfs('/mnt')")
    assert reason == (
        "no file can be made in /mnt (no space left on device): choose another directory"
    )


@pytest.mark.needs("root")
def test_no_tmpfs(ask: Ask, namespace: Namespace) -> None:
    """Without any tmpfs to be found, the command that mounts one is told, and works."""
    line = """
        while read -r _ _ _ _ where rest; do
            case $rest in *" - tmpfs "*) echo "$where" ;; esac
        done </proc/self/mountinfo | sort -r |
        while read -r where; do umount -l "$where"; done
    """
    reason, command = ask(namespace(line), f"{CELL}.tmpfs()")
    assert reason == "no tmpfs is mounted"
    assert command == "sudo mkdir -p /dev/shm && sudo mount -t tmpfs -o mode=1777 none /dev/shm"
    mounted = f"{line}\n{command.replace('sudo ', '')}"
    assert ask(namespace(mounted), f"{CELL}.tmpfs()") is None


def test_mount_command_of_another_page_size() -> None:
    """The command for huge pages that are not the default ones names their size."""
    command = place.mount_command("hugetlbfs", 16 << 30)
    assert shlex.split(command)[-4:] == [
        "-o",
        f"mode=1777,pagesize={16 << 20}K",
        "none",
        f"/dev/hugepages-{16 << 20}kB",
    ]
