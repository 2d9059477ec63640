"""Page tables: which pages of a range are present, the zero page, huge, swapped.

By the ioctl PAGEMAP_SCAN (Linux 6.7, unprivileged); else from ``/proc/self/pagemap``, which cannot
tell the zero page or huge pages: those counts are then None. All counts are in system pages, also
for huge pages. Source: Documentation/admin-guide/mm/pagemap.rst.
"""

from __future__ import annotations

import errno
import os
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from prefault_kit.kernel.errors import check, span_text
from prefault_kit.kernel.looking import Looking
from prefault_kit.kernel.native import ffi, lib
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from prefault_kit.kernel.native import LookPointer, PageCountsPointer

PAGE_STATES: dict[str, int] = {
    "present": lib.PF_STATE_PRESENT,
    "zero": lib.PF_STATE_ZERO,
    "huge": lib.PF_STATE_HUGE,
    "swapped": lib.PF_STATE_SWAPPED,
    "file": lib.PF_STATE_FILE,
}
"""The bits of a page's state, as :class:`Pages` gives them."""

PRESENT = PAGE_STATES["present"]
ZERO = PAGE_STATES["zero"]
HUGE = PAGE_STATES["huge"]
SWAPPED = PAGE_STATES["swapped"]
FILE = PAGE_STATES["file"]


@dataclass(frozen=True)
class Pages:
    """The page states of a range, as counts and one by one."""

    present: int
    """Pages with a page-table entry to memory, the zero page included."""
    zero: int | None
    """Of those, entries to the shared zero page."""
    huge: int | None
    """Of those, pages mapped by a huge entry (one of 2 MiB counts as 512 pages of 4 KiB)."""
    swapped: int
    file: int | None
    """Present pages of a file or of shared memory, as opposed to private copies; if asked for."""
    state_bytes: bytearray
    """One byte of PRESENT | ZERO | HUGE | SWAPPED | FILE bits a page."""

    @property
    def states(self) -> NDArray[np.uint8]:
        """``state_bytes`` as an array of shape (pages,), uint8; not a copy."""
        import numpy  # here, so that importing the kit stays quick

        return numpy.frombuffer(self.state_bytes, dtype=numpy.uint8)

    def as_dict(self) -> dict[str, int | None]:
        """The counts, as ``run --json`` gives them."""
        return {
            "present": self.present,
            "zero": self.zero,
            "huge": self.huge,
            "swapped": self.swapped,
        }


def scan(address: int, length: int, *, file: bool = False, fallback: bool = False) -> Pages:
    """Look up the pages of a range of this process.

    ``file`` asks of each page whether it is a file's, which takes three times as long.
    ``fallback=True`` reads /proc/self/pagemap even where the kernel has PAGEMAP_SCAN.
    """
    if not fallback:
        try:
            states, counts = page_states(address, length, file=file)
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL, errno.EPERM):
                raise
        else:
            files = counts.file if file else None
            return Pages(counts.present, counts.zero, counts.huge, counts.swapped, files, states)
    states, counts = page_states(address, length, scan=False)
    return Pages(counts.present, None, None, counts.swapped, counts.file, states)


class PageCounts(NamedTuple):
    """System pages of a range, in each state."""

    present: int
    zero: int
    huge: int
    swapped: int
    file: int


def page_states(
    address: int,
    length: int,
    *,
    scan: bool = True,
    file: bool = False,
    pagemap: int | None = None,
) -> tuple[bytearray, PageCounts]:
    """One byte of :data:`PAGE_STATES` bits a page, and how many have each.

    Of this process's pages, or of those of which ``pagemap`` is a descriptor. By
    PAGEMAP_SCAN, which tells whether a page is a file's only if asked to (``file``); with
    ``scan=False`` from /proc/self/pagemap, which tells neither the zero page nor huge pages.
    OSError ENOTTY or EINVAL where the kernel has no PAGEMAP_SCAN.
    """
    states = _page_bytes(length)
    counts = cast("PageCountsPointer", ffi.new("pf_page_counts *"))
    answer = (ffi.from_buffer(states), counts)
    with _pagemap() if pagemap is None else nullcontext(pagemap) as fd:
        place = (fd, address, length, PAGE_SIZE_BYTES)
        if scan:
            result = lib.pf_scan_pages(*place, file, *answer)
        else:
            result = lib.pf_read_pagemap(*place, *answer)
    check(result, f"{'PAGEMAP_SCAN' if scan else 'pagemap'}({span_text(address, length)})")
    return states, PageCounts(counts.present, counts.zero, counts.huge, counts.swapped, counts.file)


NO_COUNTS = PageCounts(0, 0, 0, 0, 0)


def count_pages(
    pagemap: int, address: int, length: int, looking: Looking, *, file: bool = False
) -> PageCounts:
    """How many pages of a range are in each state, by an open pagemap of any process.

    In pieces, so that the process never waits for long, and without walking what is sparse; costs
    are added to ``looking``. By PAGEMAP_SCAN: OSError ENOTTY or EINVAL where there is none.
    """
    counts = cast("PageCountsPointer", ffi.new("pf_page_counts *"))
    look = cast("LookPointer", ffi.new("pf_look *"))
    result = lib.pf_count_pages(pagemap, address, length, PAGE_SIZE_BYTES, file, counts, look)
    looking.add(look.calls, look.elapsed_ns, look.longest_ns)
    looking.rest()
    check(result, f"PAGEMAP_SCAN({span_text(address, length)})")
    return PageCounts(counts.present, counts.zero, counts.huge, counts.swapped, counts.file)


PIECE_PAGES = 8192
"""Of a scan that gives the state of each page of another process: so many a call."""


def states_of(
    pagemap: int, address: int, length: int, looking: Looking, *, file: bool = False
) -> Pages:
    """The state of each page of a range, by an open pagemap of any process; a byte a page.

    In pieces, as :func:`count_pages`. Without PAGEMAP_SCAN by the entries of pagemap, which tell
    neither the zero page nor huge pages.
    """
    states = bytearray()
    totals = [0] * len(NO_COUNTS)
    by_scan = True
    for start in range(address, address + length, PIECE_PAGES * PAGE_SIZE_BYTES):
        size = min(PIECE_PAGES * PAGE_SIZE_BYTES, address + length - start)
        began = time.perf_counter_ns()
        try:
            piece, counts = page_states(start, size, pagemap=pagemap, scan=by_scan, file=file)
        except OSError as error:
            if not by_scan or error.errno not in (errno.ENOTTY, errno.EINVAL, errno.EPERM):
                raise
            by_scan = False
            piece, counts = page_states(start, size, pagemap=pagemap, scan=False)
        took = time.perf_counter_ns() - began
        looking.add(1, took, took)
        looking.rest()
        states += piece
        totals = [a + b for a, b in zip(totals, counts, strict=True)]
    present, zero, huge, swapped, files = totals
    if not by_scan:
        return Pages(present, None, None, swapped, files, states)
    return Pages(present, zero, huge, swapped, files if file else None, states)


def written_pages(address: int, length: int) -> list[int]:
    """The pages of a range that were written since userfaultfd protected them with WP_ASYNC.

    Their numbers, ascending. By PAGEMAP_SCAN; without such a userfaultfd every page is.
    """
    return _pages_that_are("PAGE_IS_WRITTEN", address, length)


def guard_pages(address: int, length: int) -> list[int]:
    """The pages of a range that are in guard regions (MADV_GUARD_INSTALL).

    Their numbers, ascending. By PAGEMAP_SCAN. OSError EINVAL before Linux 6.16, ENOTTY before 6.7.
    """
    return _pages_that_are("PAGE_IS_GUARD", address, length)


def _pages_that_are(category: str, address: int, length: int) -> list[int]:
    """The pages of a category, by their numbers."""
    states = _page_bytes(length)
    wanted = getattr(lib, f"PF_{category}")
    with _pagemap() as pagemap:
        place = (pagemap, address, length, PAGE_SIZE_BYTES)
        result = lib.pf_scan_category(*place, wanted, ffi.from_buffer(states))
    check(result, f"PAGEMAP_SCAN({span_text(address, length)}, {category})")
    return [page for page, state in enumerate(states) if state]


SOFT_DIRTY, WRITE_PROTECTED, GUARD = 1 << 55, 1 << 57, 1 << 58
"""The bits of an entry of /proc/PID/pagemap for pages that were written since clear_refs (where the
kernel is built with CONFIG_MEM_SOFT_DIRTY), for userfaultfd's write protection (Linux 5.14) and for
guard regions (Linux 6.15)."""


def entries(address: int, length: int, pagemap: int | None = None) -> array[int]:
    """The entries of /proc/self/pagemap for a range, one of 64 bits a page, as they are.

    Or of the process of which ``pagemap`` is a descriptor.
    """
    size = 8 * -(-length // PAGE_SIZE_BYTES)
    with _pagemap() if pagemap is None else nullcontext(pagemap) as fd:
        read = os.pread(fd, size, 8 * (address // PAGE_SIZE_BYTES))
    return array("Q", read)


def _page_bytes(length: int) -> bytearray:
    """A byte for each page of a range."""
    return bytearray(-(-length // PAGE_SIZE_BYTES))


@contextmanager
def _pagemap() -> Iterator[int]:
    pagemap = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield pagemap
    finally:
        os.close(pagemap)
