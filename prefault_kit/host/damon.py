"""DAMON: whether this kernel takes idle memory back by itself, with no shortage.

An operator may have set up a scheme that pages out what is not accessed. Pages of the page cache
are then evicted at any time, and counts of them fall between two looks.
Source: Documentation/admin-guide/mm/damon/usage.rst.
"""

from __future__ import annotations

import contextlib
import os


def threads(proc: str = "/proc") -> list[str]:
    """Names of the kernel's threads that monitor accesses; [] where there are none to be seen.

    What their schemes do is for root to read, in /sys/kernel/mm/damon/admin/kdamonds.
    """
    found = []
    for pid in filter(str.isdigit, os.listdir(proc)):
        with contextlib.suppress(OSError), open(f"{proc}/{pid}/comm", "rb") as comm:
            name = comm.read().decode(errors="replace").strip()
            if name.startswith("kdamond"):
                found.append(name)
    return sorted(found)
