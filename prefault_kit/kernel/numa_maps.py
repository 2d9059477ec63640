"""On which NUMA nodes the pages of a mapping are, by ``/proc/PID/numa_maps``.

Source: numa(7). The kernel walks the page tables for it as for smaps, so it is read only where
there is more than one node.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from prefault_kit.kernel.looking import Looking

ONLINE = Path("/sys/devices/system/node/online")
NODE = re.compile(r" N(\d+)=(\d+)")
PAGE_SIZE = re.compile(r" kernelpagesize_kB=(\d+)")
READ_BYTES = 1 << 12


def online_nodes() -> int:
    """How many nodes this machine has; 1 where the kernel knows none.

    >>> online_nodes() >= 1
    True
    """
    try:
        text = ONLINE.read_text().strip()
    except OSError:
        return 1
    bounds = (each.partition("-")[::2] for each in text.split(","))
    return sum(int(high or low) - int(low) + 1 for low, high in bounds)


def parse_line(line: str) -> tuple[int, dict[int, int]]:
    """Where a mapping begins, and bytes by node.

    >>> parse_line("7f00 default anon=3 dirty=3 N0=1 N1=2 kernelpagesize_kB=4")
    (32512, {0: 4096, 1: 8192})
    """
    size = PAGE_SIZE.search(line)
    unit = int(size[1]) * 1024 if size else 0
    nodes = {int(node): int(pages) * unit for node, pages in NODE.findall(line)}
    return int(line.partition(" ")[0], 16), nodes


def read(fd: int, looking: Looking) -> dict[int, dict[int, int]]:
    """Bytes by node of each mapping, by its address, from an open file of numa_maps."""
    text = b""
    while True:
        began = time.perf_counter_ns()
        part = os.read(fd, READ_BYTES)
        took = time.perf_counter_ns() - began
        looking.add(1, took, took)
        if not part:
            break
        text += part
        looking.rest()
    return dict(parse_line(line) for line in os.fsdecode(text).splitlines() if line)
