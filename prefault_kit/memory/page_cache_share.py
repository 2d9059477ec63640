"""What the page cache has of a part of a file, as far as this kernel tells this user."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prefault_kit.kernel import mounts, page_cache, syscalls
from prefault_kit.kernel.syscalls import MAP, PAGE_SIZE_BYTES, PROTECTION
from prefault_kit.memory.mapping import BLIND

AT_ONCE_BYTES = 1 << 30
"""Of a file, mapped at a time to ask for its pages."""
CANNOT = (errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP)
"""What cachestat(2) answers where it does not tell: an old kernel, a file of somebody else's that
is open for reading alone, hugetlbfs."""
UNMAPPABLE = (errno.ENODEV, errno.EACCES, errno.EPERM)
"""What mmap(2) answers where a file system lets nobody map a file, or not this user."""
NOT_TOLD = "what of the file is cached the kernel tells its owner, or who may write it, alone"
MEMORY_FILES = ("/memfd:", "/dev/zero", "/SYSV", "/dev/shm/", "/anon_hugepage")
"""How the paths of files begin that are memory and nothing else, and often have no name."""


@dataclass(frozen=True)
class Cache:
    """What the page cache has of a part of a file, in system pages; None if it cannot be known."""

    cached: int | None
    dirty: int | None = None


def cache_of(fd: int, offset: int, length: int, *, blind: bool) -> Cache:
    """Ask cachestat(2), and where it does not tell mincore(2), which knows of no dirty pages."""
    if length <= 0:
        return Cache(0, 0)
    if blind:
        return Cache(cached_by_mincore(fd, offset, length))
    try:
        found = page_cache.cachestat(fd, offset, length)
    except OSError as error:
        if error.errno not in CANNOT:
            raise
        known = error.errno != errno.EOPNOTSUPP  # of hugetlbfs mincore tells the page tables
        return Cache(cached_by_mincore(fd, offset, length) if known else None)
    return Cache(found.cached, found.dirty)


def is_blind(fd: int) -> bool:
    """Whether a file is on a file system whose pages cachestat cannot see."""
    path = _path(fd)
    return not path.startswith(MEMORY_FILES) and mounts.file_system(path) in BLIND


def is_in_memory(fd: int) -> bool:
    """Whether a file is memory and nothing else, as on tmpfs: what is not there are its holes."""
    path = _path(fd)
    return path.startswith(MEMORY_FILES) or mounts.in_memory(path) is not None


def _path(fd: int) -> str:
    return os.readlink(f"/proc/self/fd/{fd}")


def cached_by_mincore(fd: int, offset: int, length: int) -> int | None:
    """Cached pages of a part of a file, by a mapping of it; None if the kernel does not tell."""
    vector = cached_pages(fd, offset, length)
    return None if vector is None else sum(vector)


def cached_pages(fd: int, offset: int, length: int) -> bytearray | None:
    """1 for each page of a part of a file that is in the page cache, by mincore(2), and 0 for the
    others and for those beyond its end; None if the kernel does not tell this user of this file.

    Of a file of somebody else's that may not be written it says that all of it is there.
    """
    first = offset // PAGE_SIZE_BYTES * PAGE_SIZE_BYTES
    end = min(offset + length, os.fstat(fd).st_size)
    found = bytearray()
    try:
        for at in range(first, end, AT_ONCE_BYTES):
            with mapped(fd, at, min(end - at, AT_ONCE_BYTES)) as (address, size):
                found += bytes(byte & 1 for byte in syscalls.mincore(address, size))
    except OSError as error:
        if error.errno not in UNMAPPABLE:
            raise
        return None
    if all(found) and not _may_ask(os.fstat(fd)):
        return None
    return found + bytes(-(-(offset + length - first) // PAGE_SIZE_BYTES) - len(found))


def _may_ask(file: os.stat_result) -> bool:
    return os.geteuid() in (0, file.st_uid)


@contextmanager
def mapped(fd: int, offset: int, length: int) -> Iterator[tuple[int, int]]:
    """Address and length of a shared mapping for reading of a file's part, from a page's border."""
    size = -(-length // PAGE_SIZE_BYTES) * PAGE_SIZE_BYTES
    address, fence, fence_length = syscalls.map_fenced(
        size,
        align=PAGE_SIZE_BYTES,
        protection=PROTECTION["r"],
        flags=MAP["MAP_SHARED"],
        fd=fd,
        offset=offset,
    )
    try:
        yield address, size
    finally:
        syscalls.unmap(fence, fence_length)
