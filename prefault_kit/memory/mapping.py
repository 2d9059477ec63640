"""A mapping of memory to populate, touch, discard and look at."""

from __future__ import annotations

import errno
import operator
import os
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Self, SupportsIndex

from prefault_kit.kernel import (
    errors,
    hugepages,
    mounts,
    page_cache,
    pagemap,
    smaps,
    syscalls,
    timed,
)
from prefault_kit.kernel.syscalls import MAP, PROTECTION
from prefault_kit.kernel.timed import Work
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.sizes import check_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

SHARINGS = ("private", "shared")
MOST_FD = 2**31 - 1
"""The highest descriptor that a C int can name."""
BLIND = ("overlay",)
"""File systems that keep their pages under another inode, where cachestat cannot see them."""


def _whole(name: str, value: SupportsIndex) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} is a whole number of bytes, not {value!r}") from None


def _release(fence: int, fence_length: int, fd: int | None) -> None:
    syscalls.unmap(fence, fence_length)
    if fd is not None:
        os.close(fd)


class Mapping:
    """A mapping of ``size_bytes`` of a backing, fenced by PROT_NONE so that no neighbour merges.

    Ranges are ``offset`` and ``length`` in bytes; without them the whole mapping. What the kernel
    says is passed on as OSError with its errno; a SIGBUS or SIGSEGV during a touch becomes EFAULT.
    Use it as a context manager, or call :meth:`close`.

    >>> from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
    >>> with Mapping(Backing.anon(), size_bytes=8 * PAGE_SIZE_BYTES) as m:
    ...     read = m.populate_read()
    ...     m.usage().rss, m.pages().present, m.touch_write().minor_faults
    (0, 8, 8)

    ``fd`` maps a file that is already open and as large as need be, and leaves it open. ``thp``
    False advises MADV_NOHUGEPAGE, True MADV_HUGEPAGE, None nothing.
    ``reserve=False`` is MAP_NORESERVE: hugetlb pages are then not promised at mmap time.
    ``writable=False`` maps for reading alone, which a file that is open for reading needs.
    """

    def __init__(
        self,
        backing: Backing,
        size_bytes: SupportsIndex,
        sharing: str = "private",
        *,
        fd: SupportsIndex | None = None,
        thp: bool | None = False,
        reserve: bool = True,
        writable: bool = True,
    ) -> None:
        if sharing not in SHARINGS:
            raise ValueError(f"sharing is private or shared, not {sharing!r}")
        size_bytes = errors.whole("size_bytes", size_bytes, 1, errors.HIGHEST // 2)
        check_size(size_bytes, backing.page_size_bytes)
        if fd is not None:
            fd = errors.whole("fd", fd, 0, MOST_FD)
        self.backing = backing
        self.sharing = sharing
        self.size_bytes = size_bytes
        self._flags = MAP["MAP_PRIVATE"] if sharing == "private" else MAP["MAP_SHARED"]
        if backing.kind == "anon":
            self._flags |= MAP["MAP_ANONYMOUS"]
            if backing.is_hugetlb:
                log2 = backing.page_size_bytes.bit_length() - 1
                self._flags |= MAP["MAP_HUGETLB"] | log2 << MAP["MAP_HUGE_SHIFT"]
        if not reserve:
            self._flags |= MAP["MAP_NORESERVE"]
        self._protection = PROTECTION["rw" if writable else "r"]
        own_fd = None
        if backing.has_file and fd is None:
            own_fd = fd = backing.open()
        self.fd: int = -1 if fd is None else fd
        # Always on a huge-page border: which pages share a page table or a fault-around window
        # then never depends on where mmap happened to find room.
        align = max(backing.page_size_bytes, hugepages.default_size_bytes() or 0)
        try:
            if own_fd is not None:
                os.ftruncate(own_fd, size_bytes)
            self.address, fence, fence_length = syscalls.map_fenced(
                size_bytes,
                align=align,
                protection=self._protection,
                flags=self._flags,
                fd=self.fd,
            )
        except BaseException:
            if own_fd is not None:
                os.close(own_fd)
            raise
        self._release = weakref.finalize(self, _release, fence, fence_length, own_fd)
        self._thp = None if backing.is_hugetlb else thp
        self._advise_thp()

    def _advise_thp(self) -> None:
        if self._thp is None:
            return
        try:
            self.advise("MADV_HUGEPAGE" if self._thp else "MADV_NOHUGEPAGE")
        except OSError as error:
            if self._thp or error.errno != errno.EINVAL:  # a kernel without THP has none to avoid
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmap, and close the file if the mapping made it. May be called again."""
        self._release()

    def span(self, offset: int = 0, length: int | None = None) -> tuple[int, int]:
        """Address and length of a range; ValueError outside of the mapping."""
        if not self._release.alive:
            raise ValueError("the mapping is closed")
        offset = _whole("offset", offset)
        length = self.size_bytes - offset if length is None else _whole("length", length)
        if offset < 0 or length < 0 or offset + length > self.size_bytes:
            raise ValueError(
                f"offset {offset} and length {length} are not within the {self.size_bytes} bytes "
                "of the mapping"
            )
        return self.address + offset, length

    def _timed(
        self, operation: str, offset: int, length: int | None, threads: int, interruptible: bool
    ) -> Work:
        address, length = self.span(offset, length)
        return timed.range_timed(
            operation,
            address,
            length,
            step=self.backing.page_size_bytes,
            threads=threads,
            interruptible=interruptible,
        )

    # Populating. All return the Work of the call: elapsed_ns, faults, done_bytes.

    def populate_read(
        self,
        offset: int = 0,
        length: int | None = None,
        *,
        threads: int = 1,
        interruptible: bool = True,
    ) -> Work:
        """madvise(MADV_POPULATE_READ). PrefaultError has errno and ``populated_bytes``."""
        return self._timed("MADV_POPULATE_READ", offset, length, threads, interruptible)

    def populate_write(
        self,
        offset: int = 0,
        length: int | None = None,
        *,
        threads: int = 1,
        interruptible: bool = True,
    ) -> Work:
        """madvise(MADV_POPULATE_WRITE). PrefaultError has errno and ``populated_bytes``."""
        return self._timed("MADV_POPULATE_WRITE", offset, length, threads, interruptible)

    def touch_read(
        self,
        offset: int = 0,
        length: int | None = None,
        *,
        threads: int = 1,
        interruptible: bool = True,
    ) -> Work:
        """Read one byte of each page. A SIGBUS is PrefaultError(EFAULT) with ``page``."""
        return self._timed("touch_read", offset, length, threads, interruptible)

    def touch_write(
        self,
        offset: int = 0,
        length: int | None = None,
        *,
        threads: int = 1,
        interruptible: bool = True,
    ) -> Work:
        """Write 0 to the first byte of each page. A SIGBUS is PrefaultError(EFAULT)."""
        return self._timed("touch_write", offset, length, threads, interruptible)

    def touch_read_write(
        self,
        offset: int = 0,
        length: int | None = None,
        *,
        threads: int = 1,
        interruptible: bool = True,
    ) -> Work:
        """Read one byte of each page and write it back: keeps content, races with writers."""
        return self._timed("touch_read_write", offset, length, threads, interruptible)

    def touch_atomic(
        self,
        offset: int = 0,
        length: int | None = None,
        *,
        threads: int = 1,
        interruptible: bool = True,
    ) -> Work:
        """Atomically OR 0 into one byte of each page: keeps content, also under writers."""
        return self._timed("touch_atomic", offset, length, threads, interruptible)

    def access(
        self, pages: ArrayLike, writes: ArrayLike, *, threads: int = 1
    ) -> tuple[Work, NDArray[np.uint32]]:
        """Access pages in an order of one's own: the work, and each access's nanoseconds.

        ``pages`` (which page, in the mapping's page size) and ``writes`` (1 writes, 0 reads) are
        arrays of whole numbers, of one length; the times are an array of uint32. A SIGBUS is
        PrefaultError(EFAULT) with ``page``.
        """
        return timed.access_timed(
            *self.span(),
            step=self.backing.page_size_bytes,
            pages=pages,
            writes=writes,
            threads=threads,
        )

    def mlock(
        self,
        offset: int = 0,
        length: int | None = None,
        *,
        threads: int = 1,
        interruptible: bool = True,
    ) -> Work:
        """mlock(2): populate and keep in memory. ENOMEM or EPERM beyond RLIMIT_MEMLOCK."""
        return self._timed("mlock", offset, length, threads, interruptible)

    def mlock_on_fault(self, offset: int = 0, length: int | None = None) -> Work:
        """mlock2(2) with MLOCK_ONFAULT: keep in memory what comes, and populate nothing."""
        return self._timed("mlock_on_fault", offset, length, threads=1, interruptible=False)

    def munlock(self, offset: int = 0, length: int | None = None) -> None:
        """munlock(2): let go what :meth:`mlock` holds."""
        syscalls.munlock(*self.span(offset, length))

    def fallocate(self, offset: int = 0, length: int | None = None) -> Work:
        """fallocate(2) of the file. OSError ENOSPC when it is full, EBADF without a file."""
        _, length = self.span(offset, length)
        return timed.fallocate_timed(self.fd, offset, length)

    def map_populate(self) -> Work:
        """Map the whole range anew with MAP_POPULATE; mmap(2) swallows what goes wrong."""
        address, length = self.span()
        no_thp = self._thp is False
        if no_thp:  # MADV_NOHUGEPAGE can only come after mmap, which is too late here
            syscalls.disable_thp(True)
        try:
            work = timed.remap_timed(
                address,
                length,
                protection=self._protection,
                flags=self._flags | MAP["MAP_POPULATE"],
                fd=self.fd,
                step=self.backing.page_size_bytes,
            )
        finally:
            if no_thp:
                syscalls.disable_thp(False)
        self._advise_thp()
        return work

    def advise(self, advice: str, offset: int = 0, length: int | None = None) -> Work:
        """madvise(2) by the advice's name (``MADV_DONTNEED``), as a single call."""
        if advice not in syscalls.ADVICE:
            known = ", ".join(syscalls.ADVICE)
            raise ValueError(f"there is no advice {advice!r}; the kit knows {known}")
        return self._timed(advice, offset, length, threads=1, interruptible=False)

    def protect(self, protection: str, offset: int = 0, length: int | None = None) -> Work:
        """mprotect(2): ``none``, ``r``, ``w``, ``rw`` or ``rx``."""
        if protection not in PROTECTION:
            known = ", ".join(PROTECTION)
            raise ValueError(f"there is no protection {protection!r}; choose from {known}")
        return self._timed(f"protect {protection}", offset, length, threads=1, interruptible=False)

    def punch_hole(self, offset: int = 0, length: int | None = None) -> None:
        """fallocate(FALLOC_FL_PUNCH_HOLE): give the file's blocks back."""
        _, length = self.span(offset, length)
        timed.punch_hole(self.fd, offset, length)

    def sync(self) -> Work:
        """msync(MS_SYNC) and fsync the file: everything dirty is written back."""
        return timed.sync_timed(*self.span(), self.fd)

    def read(self, offset: int, length: int) -> bytes:
        """Copy bytes out; PrefaultError(EFAULT) where reading raises SIGBUS or SIGSEGV.

        Its ``page`` is where; none of the bytes count as done.
        """
        return timed.read_memory(*self.span(offset, length))

    def write(self, offset: int, data: bytes) -> None:
        """Copy bytes in; PrefaultError(EFAULT) where writing raises SIGBUS or SIGSEGV.

        ``data`` are bytes, or an array for its bytes. Its ``page`` is where; some of the bytes may
        be there, but none count as done.
        """
        try:
            view = memoryview(data)
        except TypeError:
            raise ValueError(f"data are bytes or an array, not {type(data).__name__}") from None
        timed.write_memory(self.span(offset, view.nbytes)[0], view)

    def buffer(self) -> memoryview:
        """The memory itself, for numpy.frombuffer: to be used until :meth:`close`, no longer.

        An access where no page can be had is then a real SIGBUS.
        """
        return syscalls.memory(*self.span())

    # The three views

    def usage(self) -> smaps.Usage:
        """Accounting, from smaps, in bytes."""
        return smaps.usage(*self.span())

    def pages(self, *, file: bool = False) -> pagemap.Pages:
        """Page tables: counts and per-page states, in system pages; see :func:`pagemap.scan`."""
        return pagemap.scan(*self.span(), file=file)

    def mincore(self, offset: int = 0, length: int | None = None) -> bytes:
        """mincore(2): 1 for each system page that is in memory, mapped or not, and 0 for others.

        >>> from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
        >>> with Mapping(Backing.anon(), 4 * PAGE_SIZE_BYTES) as m:
        ...     work = m.touch_write(0, PAGE_SIZE_BYTES)
        ...     list(m.mincore())
        [1, 0, 0, 0]
        """
        return bytes(each & 1 for each in syscalls.mincore(*self.span(offset, length)))

    def file_cache(self) -> page_cache.FileCache | None:
        """Page cache of the file, in system pages; None without a file."""
        if self.fd < 0:
            return None
        address, length = self.span()
        directory = self.backing.find_directory() if self.backing.on_disk else None
        blind = directory is not None and mounts.file_system(directory) in BLIND
        return page_cache.of(self.fd, address=address, length=length, blind=blind)
