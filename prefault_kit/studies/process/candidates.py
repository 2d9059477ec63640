"""The processes that this user may look at, the largest first."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES

MOST = 40


class Candidate(NamedTuple):
    """A process to look at."""

    pid: int
    command: str
    """As the process calls itself: /proc/PID/comm, which may hold anything."""
    resident_bytes: int


def of(pid: int) -> Candidate:
    """A process as it is told from others; OSError if there is none."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        pages = int(statm.read().split()[1])
    with open(f"/proc/{pid}/comm", errors="backslashreplace", encoding="utf-8") as comm:
        return Candidate(pid, comm.read().rstrip("\n"), pages * PAGE_SIZE_BYTES)


def largest(most: int = MOST) -> list[Candidate]:
    """Those whose memory may be seen, by resident memory.

    >>> import os
    >>> os.getpid() in [each.pid for each in largest(1 << 20)]
    True
    """
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError, ValueError, IndexError):  # it ended, or is another user's
            each = of(int(name))
            if each.resident_bytes:
                os.close(os.open(f"/proc/{name}/maps", os.O_RDONLY | os.O_CLOEXEC))
                found.append(each)
    return sorted(found, key=lambda each: (-each.resident_bytes, each.pid))[:most]
