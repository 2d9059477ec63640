"""The pages of one mapping of a process: each by itself, or in cells where there are too many."""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import folios, pagemap
from prefault_kit.kernel.errors import whole
from prefault_kit.kernel.looking import Looking
from prefault_kit.kernel.pagemap import PageCounts, Pages
from prefault_kit.kernel.process import ProcessDirectory
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.studies.process.mapping import ProcessMapping, asks

MOST_PAGES = 1 << 20
"""So many are told one by one: 4 GiB of 4 KiB."""
CELLS = 1024
MOST_CELLS = 1 << 16
MOST_FOLIO_PAGES = 1 << 16
"""Frames are looked up one by one."""


@dataclass(frozen=True)
class PageMap:
    """A mapping's pages in cells of equally many, but for the last."""

    mapping: ProcessMapping
    pages_per_cell: int
    cells: tuple[PageCounts, ...]
    """How many pages of each cell are in each state."""
    pages: Pages | None
    """The state of every page; None where there are more than :data:`MOST_PAGES`."""
    folios: dict[int, int] | None
    """How many folios of so many pages are mapped whole or in part; None where this user may not
    know, or of more than :data:`MOST_FOLIO_PAGES`. A folio of one page is not counted."""
    looking: Looking


def take(process: ProcessDirectory, mapping: ProcessMapping, *, cells: int = CELLS) -> PageMap:
    """Look at the pages of a mapping: bounded in memory and time, whatever its size.

    ValueError unless ``cells`` is 1 to 65536. OSError ENOTTY where more than :data:`MOST_PAGES`
    are to be told and the kernel has no PAGEMAP_SCAN.
    """
    whole("the number of cells", cells, 1, MOST_CELLS)
    count = mapping.size_bytes // PAGE_SIZE_BYTES
    per_cell = -(-count // cells)
    looking = Looking()
    file = asks(mapping.head)
    fd = process.open("pagemap")
    try:
        pages = None
        if count <= MOST_PAGES:
            pages = pagemap.states_of(fd, mapping.address, mapping.size_bytes, looking, file=file)
            found = tuple(
                _counted(pages.state_bytes[first : first + per_cell], mapping.shared)
                for first in range(0, count, per_cell)
            )
        else:
            found = tuple(
                _cell(fd, mapping, first, min(per_cell, count - first), looking, file)
                for first in range(0, count, per_cell)
            )
        sizes = _folios(fd, mapping, count)
    finally:
        os.close(fd)
    return PageMap(mapping, per_cell, found, pages, sizes, looking)


def _folios(fd: int, mapping: ProcessMapping, count: int) -> dict[int, int] | None:
    if count > MOST_FOLIO_PAGES:
        return None
    spans = folios.spans(pagemap.entries(mapping.address, mapping.size_bytes, fd))
    return None if spans is None else dict(Counter(length for _, length in spans))


def _counted(states: bytearray, shared: bool) -> PageCounts:
    """The pages of a cell by their states; of shared memory all that are present are a file's."""
    values = [(value, states.count(value)) for value in set(states)]

    def having(bit: int) -> int:
        return sum(count for value, count in values if value & bit)

    present = having(pagemap.PRESENT)
    return PageCounts(
        present,
        having(pagemap.ZERO),
        having(pagemap.HUGE),
        having(pagemap.SWAPPED),
        present if shared else having(pagemap.FILE),
    )


def _cell(
    fd: int, mapping: ProcessMapping, first: int, count: int, looking: Looking, file: bool
) -> PageCounts:
    address = mapping.address + first * PAGE_SIZE_BYTES
    try:
        counts = pagemap.count_pages(fd, address, count * PAGE_SIZE_BYTES, looking, file=file)
    except OSError as error:
        if error.errno not in (errno.ENOTTY, errno.EINVAL, errno.EPERM):
            raise
        why = Unavailable("a mapping of more than 1,048,576 pages takes PAGEMAP_SCAN (Linux 6.7)")
        raise OSError(errno.ENOTTY, why.reason) from error
    return counts._replace(file=counts.present) if mapping.shared else counts
