"""Page cache: how much of a file is in memory, dirty, in write-back, and allocated on disk.

By cachestat(2) (Linux 6.5). Where it is missing or blind, mincore(2) counts the cached pages and
the rest is None. tmpfs and memfd never count a page as dirty: nothing is ever written back.
"""

from __future__ import annotations

import errno
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from prefault_kit.kernel import syscalls
from prefault_kit.kernel.errors import check
from prefault_kit.kernel.native import ffi, lib
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import evict_timed

if TYPE_CHECKING:
    from prefault_kit.kernel.native import CacheCountsPointer

BLOCK_BYTES = 512
"""The unit of st_blocks, whatever the file system's block size is (stat(3type))."""

PAGE_WORDS = ("in write-back", "dirty", "cached", "not cached")
"""What the page cache holds for a page, the most pressing first."""

EVICT_TRIES = 20
EVICT_PAUSE_S = 0.05


class CacheCounts(NamedTuple):
    """What cachestat(2) says of a file, in system pages."""

    cached: int
    dirty: int
    writeback: int
    evicted: int
    recently_evicted: int


def cachestat(fd: int, offset: int = 0, length: int = 0) -> CacheCounts:
    """cachestat(2): cached, dirty, writeback, evicted, recently_evicted pages (length 0: all).

    OSError ENOSYS before Linux 6.5, EOPNOTSUPP on hugetlbfs.
    """
    counts = cast("CacheCountsPointer", ffi.new("pf_cache_counts *"))
    check(lib.pf_cachestat(fd, offset, length, counts), "cachestat")
    return CacheCounts(
        counts.cached, counts.dirty, counts.writeback, counts.evicted, counts.recently_evicted
    )


@dataclass(frozen=True)
class FileCache:
    """A file's pages in the page cache, in system pages, and its blocks, in bytes."""

    cached: int | None
    dirty: int | None
    writeback: int | None
    allocated_bytes: int

    def as_dict(self) -> dict[str, int | None]:
        """All fields, as ``run --json`` gives them."""
        return asdict(self)


def of(fd: int, *, address: int = 0, length: int = 0, blind: bool = False) -> FileCache:
    """Ask the kernel of the whole file behind ``fd``.

    ``blind`` says that cachestat cannot see this file's pages (overlayfs keeps them in the file
    below), so the mapping of ``length`` bytes at ``address`` is asked through mincore.
    """
    allocated_bytes = os.fstat(fd).st_blocks * BLOCK_BYTES
    if not blind:
        try:
            counts = cachestat(fd)
            return FileCache(counts.cached, counts.dirty, counts.writeback, allocated_bytes)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
                raise
            if error.errno == errno.EOPNOTSUPP:  # hugetlbfs: mincore tells of its page tables
                return FileCache(None, None, None, allocated_bytes)
    cached = None
    if length:
        cached = sum(byte & 1 for byte in syscalls.mincore(address, length))
    return FileCache(cached, None, None, allocated_bytes)


def of_pages(fd: int, pages: int) -> list[str]:
    """A word of :data:`PAGE_WORDS` for each of the first ``pages`` pages of a file.

    OSError as :func:`cachestat`. What is all alike is asked for once.
    """
    words: list[str] = []

    def ask(first: int, count: int) -> None:
        found = cachestat(fd, first * PAGE_SIZE_BYTES, count * PAGE_SIZE_BYTES)
        each = (found.writeback, found.dirty, found.cached)
        if count > 1 and any(0 < number < count for number in each):
            ask(first, count // 2)
            ask(first + count // 2, count - count // 2)
        else:
            known = zip(PAGE_WORDS, (*each, count), strict=True)
            words.extend([next(word for word, number in known if number)] * count)

    if pages:
        ask(0, pages)
    return words


def evict(fd: int) -> int | None:
    """Write a file back and drop it from the page cache; returns the pages that stayed.

    Pages that are mapped stay, so unmap first. None where the kernel cannot count them.
    """
    os.fsync(fd)
    left: int | None = 0
    for _ in range(EVICT_TRIES):
        evict_timed(fd)
        left = of(fd).cached
        if not left:
            break
        time.sleep(EVICT_PAUSE_S)  # pages just written back may still be on a per-CPU list
    return left
