"""What reached the disk: this process's share, and everything that its device took.

The first is exact and this program's alone; the second also has the file system's journal and
metadata, and whatever else writes to the same device meanwhile.
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
    """What this process has made dirty for disks (write_bytes, proc_pid_io(5)); None if untold."""
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

    def written_bytes(self) -> int | None:
        """What it has been given to write since it came; None if the kernel does not tell."""
        for line in Path("/proc/diskstats").read_text().splitlines():
            fields = line.split()
            if fields[:2] == [str(self.major), str(self.minor)]:
                return int(fields[SECTORS_WRITTEN]) * SECTOR_BYTES
        return None


def under(directory: str | os.PathLike[str]) -> Device | None:
    """The device that a directory's file system is on; None where it is none, or several."""
    try:
        found = os.stat(mounts.mount_of(directory).source)
    except OSError:
        return None
    if not stat.S_ISBLK(found.st_mode):
        return None
    return Device(os.major(found.st_rdev), os.minor(found.st_rdev))
