"""What is written to disk: by this process, and by everything that uses the same device.

The first is exact and counts this process alone; the second includes the file system's journal and
metadata, and whatever other processes write to the device meanwhile.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from prefault_kit.kernel import mounts

SECTOR_BYTES = 512
"""The unit of /proc/diskstats (Documentation/admin-guide/iostats.rst)."""
SECTORS_WRITTEN = 9
"""The field of /proc/diskstats."""


def charged_bytes() -> int | None:
    """Bytes that this process has dirtied for disks (write_bytes, proc_pid_io(5)), or None."""
    try:
        found = re.search(r"^write_bytes: (\d+)$", Path("/proc/self/io").read_text(), re.M)
    except OSError:
        return None
    return int(found[1]) if found else None


@dataclass(frozen=True)
class Device:
    """A block device, by its numbers."""

    major: int
    minor: int

    def whole(self) -> Device:
        """The whole device, if it is a partition; limits on I/O are of whole ones."""
        place = Path(f"/sys/dev/block/{self.major}:{self.minor}")
        try:
            if not (place / "partition").exists():
                return self
            major, _, minor = (place.resolve().parent / "dev").read_text().partition(":")
            return Device(int(major), int(minor))
        except (OSError, ValueError):
            return self

    def written_bytes(self) -> int | None:
        """What has been written to it since it appeared; None if the kernel does not report it."""
        try:
            lines = Path("/proc/diskstats").read_text().splitlines()
        except OSError:
            return None
        for fields in map(str.split, lines):
            if fields[:2] == [str(self.major), str(self.minor)]:
                return int(fields[SECTORS_WRITTEN]) * SECTOR_BYTES
        return None


def holding(path: str | os.PathLike[str]) -> Device | None:
    """The device that a file lies on; None if there is none, or several, or no file.

    By the number that the file system gives it; by the mount's source where that is no device's, as
    on btrfs.
    """
    try:
        number = os.stat(path).st_dev
    except OSError:
        return None
    if os.path.exists(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"):
        return Device(os.major(number), os.minor(number))
    return under(path)


def under(directory: str | os.PathLike[str]) -> Device | None:
    """The device of a directory's file system; None if it has none, or several."""
    try:
        found = os.stat(mounts.mount_of(directory).source)
    except OSError:
        return None
    if not stat.S_ISBLK(found.st_mode):
        return None
    return Device(os.major(found.st_rdev), os.minor(found.st_rdev))
