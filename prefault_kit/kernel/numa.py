"""NUMA: the nodes of this machine, their processors, and on which of them pages lie.

Sources: mbind(2), move_pages(2), Documentation/admin-guide/mm/numa_memory_policy.rst.
"""

from __future__ import annotations

import errno
from pathlib import Path

from prefault_kit.kernel.errors import check, span_text
from prefault_kit.kernel.native import ffi, lib
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES

NODES = Path("/sys/devices/system/node")


def parse_list(text: str) -> tuple[int, ...]:
    """Read a list of the kernel's: numbers and spans of them.

    >>> parse_list("0-2,5")
    (0, 1, 2, 5)
    """
    found: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return tuple(found)


def _list(name: str) -> tuple[int, ...] | None:
    try:
        return parse_list((NODES / name).read_text())
    except OSError:  # a kernel without NUMA, or no /sys
        return None


def nodes() -> tuple[int, ...]:
    """The nodes that are online; node 0 alone where the kernel knows of none."""
    return _list("online") or (0,)


def nodes_with_memory() -> tuple[int, ...]:
    """Those of :func:`nodes` that have memory: pages can lie nowhere else."""
    return _list("has_memory") or nodes()


def processors(node: int) -> tuple[int, ...]:
    """The processors of a node; none where the kernel does not say."""
    return _list(f"node{node}/cpulist") or ()


def prefer(address: int, length: int, node: int) -> None:
    """mbind(2) with MPOL_PREFERRED: pages of a range that come from now on are a node's if it has
    room, else another's. MPOL_BIND would call the OOM killer in its place.

    Of a range with a file on a disk the kernel takes no notice. OSError ENOSYS without NUMA.
    """
    call = f"mbind({span_text(address, length)}, MPOL_PREFERRED, node {node})"
    check(lib.pf_mbind(address, length, lib.MPOL_PREFERRED, node), call)


def page_nodes(address: int, length: int) -> dict[int, int] | None:
    """How many pages of a range of this process lie on each node, in system pages.

    Absent pages and the zero page are on none. None where the kernel cannot tell.
    """
    known = nodes()
    counts = ffi.new("int64_t[]", max(known) + 1)
    try:
        result = lib.pf_page_nodes(address, length, PAGE_SIZE_BYTES, counts, len(counts))
        check(result, f"move_pages({span_text(address, length)})")
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM):  # without NUMA; a container's filter
            return None
        raise
    return {node: int(counts[node]) for node in known}
