"""The file behind a mapping of another process, opened for reading, and only if it is that one.

First ``/proc/PID/map_files``, which names the very file, deleted or in a container, and which needs
CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE; else the mapping's path below ``/proc/PID/root``; else what
the process has open. Device and inode are compared. Source: proc_pid_map_files(5).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefault_kit.kernel import address_space, page_cache, syscalls
from prefault_kit.kernel.address_space import DELETED, Region
from prefault_kit.kernel.process import ProcessDirectory
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES

MOST_DESCRIPTORS = 4096
"""Of the process, of which one may be the file's."""
WINDOW_BYTES = 1 << 30
"""How much of a file is mapped at a time, to ask mincore."""


class ReplacedError(OSError):
    """The path leads to another file now than the one that is mapped."""


@contextmanager
def opened(process: ProcessDirectory, head: Region) -> Iterator[int]:
    """A descriptor for reading the file that a mapping maps.

    :class:`ReplacedError` where its path has another file by now and it cannot be had otherwise;
    OSError EINVAL for what is no regular file (a device is never opened); else as it comes.
    """
    fd = _find(process, head)
    try:
        yield fd
    finally:
        os.close(fd)


def _find(process: ProcessDirectory, head: Region) -> int:
    with suppress(PermissionError, FileNotFoundError):
        return _regular(process, f"map_files/{head.address:x}-{head.end:x}")
    failure: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), head.name)
    for path in paths(head.name):
        try:
            found = _regular(process, f"root{path}")
        except OSError as error:
            failure = error
            continue
        if is_behind(found, head):
            return found
        os.close(found)
        failure = ReplacedError(errno.ESTALE, "its path leads to another file now", head.name)
    return _among_descriptors(process, head, failure)


def paths(name: str) -> list[str]:
    """What the name of a mapping may mean: maps writes a line end as ``\\012``, but no other."""
    if not name.startswith("/"):
        return []
    meant = [name, name.replace("\\012", "\n")]
    return list(dict.fromkeys([*meant, *(path.removesuffix(DELETED) for path in meant)]))


def _regular(process: ProcessDirectory, name: str) -> int:
    """Open a regular file; nothing else is opened, for that may have effects."""
    there = process.open(name, os.O_PATH)
    try:
        if not stat.S_ISREG(os.fstat(there).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", name)
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        return os.open(f"/proc/self/fd/{there}", flags)
    finally:
        os.close(there)


def is_behind(fd: int, head: Region) -> bool:
    """Whether a descriptor is of the file that a mapping maps.

    btrfs and overlayfs report another device to stat(2) than to maps: there a page of it is mapped
    here, without access, to see what maps says of it.
    """
    found = os.fstat(fd)
    if found.st_ino != head.inode:
        return False
    if (os.major(found.st_dev), os.minor(found.st_dev)) == head.device:
        return True
    with _mapped(fd, 0, PAGE_SIZE_BYTES) as address:
        here = address_space.of("self").find(address)
    if here is None:
        return False
    return (here.device, here.inode) == (head.device, head.inode)


def _among_descriptors(process: ProcessDirectory, head: Region, failure: OSError) -> int:
    """The file by a descriptor that the process has of it; the failure where it has none."""
    with suppress(OSError):
        listed = process.open("fd", os.O_RDONLY | os.O_DIRECTORY)
        try:
            names = os.listdir(listed)[:MOST_DESCRIPTORS]
        finally:
            os.close(listed)
        for name in names:
            with suppress(OSError):
                if os.stat(f"fd/{name}", dir_fd=process.fd).st_ino == head.inode:
                    found = _regular(process, f"fd/{name}")
                    if is_behind(found, head):
                        return found
                    os.close(found)
    raise failure


def fate(process: ProcessDirectory, head: Region) -> str:
    """What has become of the path of a mapped file, as the process itself sees it.

    ``there``, ``deleted``, ``replaced`` by another file, or ``out of sight`` of whoever asks.
    """
    answer = "deleted" if head.name.endswith(DELETED) else "out of sight"
    for path in paths(head.name):
        try:
            found = os.stat(f"root{path}", dir_fd=process.fd)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return "out of sight"
        if found.st_ino == head.inode:  # device numbers do not compare on every file system
            return "there"
        if stat.S_ISREG(found.st_mode):  # shared memory without a file is called /dev/zero
            answer = "replaced"
    return answer


def cache(fd: int, offset: int, length: int, present: int) -> page_cache.CacheCounts | int | None:
    """What the page cache has of a range of a file, of which ``present`` pages are mapped.

    All counts; or cached pages alone, by mincore on a mapping without access, where cachestat is
    missing, forbidden, or blind, as on overlayfs, which keeps the pages in a file below; or None
    where mincore may not tell either.
    """
    length = min(length, os.fstat(fd).st_size - offset)
    if length <= 0:
        return page_cache.CacheCounts(0, 0, 0, 0, 0)
    with suppress(OSError):
        counts = page_cache.cachestat(fd, offset, length)
        if counts.cached >= present and (counts.cached or length > WINDOW_BYTES):
            return counts
        cached = _by_mincore(fd, offset, length)
        return counts if cached is None or cached <= counts.cached else cached
    return _by_mincore(fd, offset, length)


def _by_mincore(fd: int, offset: int, length: int) -> int | None:
    """Cached pages of a range; None where the kernel would say "all" to hide what is."""
    if os.fstat(fd).st_uid != os.geteuid() and not os.access(
        f"/proc/self/fd/{fd}", os.W_OK, effective_ids=True
    ):
        return None
    cached = 0
    for start in range(offset, offset + length, WINDOW_BYTES):
        size = min(WINDOW_BYTES, offset + length - start)
        with _mapped(fd, start, size) as address:
            cached += sum(map((1).__and__, syscalls.mincore(address, size)))
    return cached


@contextmanager
def _mapped(fd: int, offset: int, length: int) -> Iterator[int]:
    """Map a range of a file, without access to it."""
    address, fence, whole = syscalls.map_fenced(
        length,
        align=PAGE_SIZE_BYTES,
        protection=syscalls.PROTECTION["none"],
        flags=syscalls.MAP["MAP_SHARED"],
        fd=fd,
        offset=offset,
    )
    try:
        yield address
    finally:
        syscalls.unmap(fence, whole)
