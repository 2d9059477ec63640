"""Storage: which blocks a file has, page by page.

By the ioctl FIEMAP; on file systems without it (tmpfs, hugetlbfs) by SEEK_DATA and SEEK_HOLE, which
cannot tell blocks that are reserved from those that hold data. Source:
Documentation/filesystems/fiemap.rst, lseek(2).
"""

from __future__ import annotations

from prefault_kit.kernel.errors import check
from prefault_kit.kernel.native import ffi, lib
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES

HOLE = "hole"
STATES: dict[int, str] = {
    lib.PF_BLOCK_NONE: HOLE,
    lib.PF_BLOCK_DELAYED: "to be allocated",
    lib.PF_BLOCK_UNWRITTEN: "reserved",
    lib.PF_BLOCK_WRITTEN: "data",
}
"""What is behind a page: nothing; data in the page cache whose blocks are chosen at write-back;
blocks that read as zeros (of fallocate); blocks that hold data."""


def of(fd: int, pages: int) -> list[str]:
    """A word of :data:`STATES` for each of the first ``pages`` pages of a file.

    >>> import os
    >>> from prefault_kit import PAGE_SIZE_BYTES, Backing
    >>> fd = Backing.memfd().open()
    >>> written = os.pwrite(fd, b"x", PAGE_SIZE_BYTES)
    >>> of(fd, 3)
    ['hole', 'data', 'hole']
    >>> os.close(fd)
    """
    states = bytearray(pages)
    check(lib.pf_extents(fd, pages, PAGE_SIZE_BYTES, ffi.from_buffer(states)), "FIEMAP")
    return [STATES[state] for state in states]
