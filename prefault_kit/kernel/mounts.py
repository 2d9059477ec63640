"""The mounted file systems: which one a directory is on, and where tmpfs and hugetlbfs are.

Source: ``/proc/self/mountinfo``, proc_pid_mountinfo(5).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

USUAL = {"tmpfs": "/dev/shm", "hugetlbfs": "/dev/hugepages"}
"""Where distributions mount the file systems that are found rather than named."""
IN_MEMORY = ("tmpfs", "ramfs", "devtmpfs", "hugetlbfs")
"""File systems without a disk, where nothing is ever written back."""


@dataclass(frozen=True)
class Mount:
    """One line of mountinfo."""

    directory: str
    file_system: str
    options: tuple[str, ...]
    """Options of the mount and of the file system."""
    source: str = ""
    """What is mounted: a block device's path, for file systems on one."""


def parse(text: str) -> list[Mount]:
    """Read mountinfo, in the order of mounting."""
    mounts = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, tail = left.split(" "), right.split(" ")
        options = (*fields[5].split(","), *(tail[2].split(",") if len(tail) > 2 else ()))
        options = tuple(map(_unescape, options))
        source = _unescape(tail[1]) if len(tail) > 1 else ""
        mounts.append(Mount(_unescape(fields[4]), tail[0], options, source))
    return mounts


def _unescape(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def mounts() -> list[Mount]:
    """The mounts that this process sees."""
    return parse(Path("/proc/self/mountinfo").read_text())


def mount_of(directory: str | os.PathLike[str]) -> Mount:
    """The mount that a path is on: the longest mount point above it, the latest of equals.

    In a chroot(2) that is no mount point, mountinfo names none above it: the type is then
    ``unknown``.
    """
    path = os.path.realpath(directory)
    found = Mount("/", "unknown", ())
    for mount in mounts():
        above = path == mount.directory or path.startswith(mount.directory.rstrip("/") + "/")
        if above and len(mount.directory) >= len(found.directory):
            found = mount
    return found


def file_system(directory: str | os.PathLike[str]) -> str:
    """The type of the file system that a path is on: ``ext4``, ``tmpfs``, ``overlay``..."""
    return mount_of(directory).file_system


def in_memory(directory: str | os.PathLike[str]) -> str | None:
    """The type of file system in memory that a path's files lie on; None where that is a disk.

    What is written to an overlay lies on the file system of its ``upperdir``; where that directory
    is out of sight, as in a container, a disk is assumed.
    """
    mount = mount_of(directory)
    if mount.file_system == "overlay":
        for option in mount.options:
            name, _, upper = option.partition("=")
            if name == "upperdir" and os.path.isdir(upper) and mount_of(upper) != mount:
                return in_memory(upper)
    return mount.file_system if mount.file_system in IN_MEMORY else None


def find(kind: str, *, block_bytes: int | None = None) -> str | None:
    """A writable directory on a file system of a ``kind``, the usual place first; None if none is.

    ``block_bytes`` asks for a block size, which on hugetlbfs is the huge page size.
    """
    usual = USUAL.get(kind)
    places = [mount.directory for mount in mounts() if mount.file_system == kind]
    for place in sorted(set(places), key=lambda place: (place != usual, places.index(place))):
        if (
            os.access(place, os.W_OK | os.X_OK)
            and mount_of(place).file_system == kind  # else a later mount covers it
            and (block_bytes is None or os.statvfs(place).f_bsize == block_bytes)
        ):
            return place
    return None
