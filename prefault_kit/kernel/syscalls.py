"""The system calls, one function each.

Only this module and :mod:`prefault_kit.kernel.userfaultfd` import the C.

A failed call is an :class:`OSError` whose errno is kept and whose text names the call and the
range. Operations that are timed return a :class:`Work`. Lengths and offsets are bytes, addresses
are integers.
"""

from __future__ import annotations

import errno
import operator
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, SupportsIndex, cast

from prefault_kit.kernel.native._prefault import ffi, lib

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from prefault_kit.kernel.native._prefault import (
        CacheCountsPointer,
        PageCountsPointer,
        WorkPointer,
    )

PAGE_SIZE_BYTES = os.sysconf("SC_PAGE_SIZE")
"""The system's page size; every page count of the kit is in pages of this size."""

SLICE_NS = 100_000_000
"""How long an interruptible operation stays in C before Python looks for a Ctrl-C."""

HIGHEST = 2 ** (8 * ffi.sizeof("uintptr_t")) - 1
"""The highest address that C can name."""

MOST_THREADS = 1024
"""Threads of one operation. More than the processors are no faster, and a slip of the keys could
take all the threads that the system has."""

ACCESS_BYTES = 9
"""What :func:`access_timed` allocates for an access at most: 4 for its time, 5 where the page and
the kind of access come in another type than C reads."""

ADVICE: dict[str, int] = {name: getattr(lib, name) for name in dir(lib) if name.startswith("MADV_")}
"""Advice names of madvise(2), in the kernel's spelling, and their numbers."""

PROTECTION: dict[str, int] = {
    "none": lib.PROT_NONE,
    "r": lib.PROT_READ,
    "w": lib.PROT_WRITE,
    "rw": lib.PROT_READ | lib.PROT_WRITE,
    "rx": lib.PROT_READ | lib.PROT_EXEC,
}
"""The protections that :meth:`prefault_kit.Mapping.protect` takes."""

OPERATIONS: dict[str, tuple[int, int]] = {
    "touch_read": (lib.PF_TOUCH_READ, 0),
    "touch_write": (lib.PF_TOUCH_WRITE, 0),
    "touch_read_write": (lib.PF_TOUCH_READ_WRITE, 0),
    "touch_atomic": (lib.PF_TOUCH_ATOMIC, 0),
    "mlock": (lib.PF_MLOCK, 0),
    "mlock_on_fault": (lib.PF_MLOCK_ONFAULT, 0),
    **{f"protect {name}": (lib.PF_PROTECT, flags) for name, flags in PROTECTION.items()},
    **{name: (lib.PF_ADVISE, advice) for name, advice in ADVICE.items()},
}
"""What :func:`range_timed` can do to a range: its C operation, and the advice or protection."""

MAP: dict[str, int] = {name: getattr(lib, name) for name in dir(lib) if name.startswith("MAP_")}
"""Flags of mmap(2)."""

CLONE_NEWNS, CLONE_NEWUSER = lib.CLONE_NEWNS, lib.CLONE_NEWUSER
"""What :func:`unshare` takes: mounts, users."""

ERRNO_NAMES = {lib.EHWPOISON: "EHWPOISON", **errno.errorcode}
"""Names of errno; Python before 3.14 does not know that of a poisoned page."""

PAGE_STATES: dict[str, int] = {
    "present": lib.PF_STATE_PRESENT,
    "zero": lib.PF_STATE_ZERO,
    "huge": lib.PF_STATE_HUGE,
    "swapped": lib.PF_STATE_SWAPPED,
    "file": lib.PF_STATE_FILE,
}
"""The bits of a page's state, as :func:`page_states` gives them."""


class PageCounts(NamedTuple):
    """System pages of a range, in each state."""

    present: int
    zero: int
    huge: int
    swapped: int
    file: int


class CacheCounts(NamedTuple):
    """What cachestat(2) says of a file, in system pages."""

    cached: int
    dirty: int
    writeback: int
    evicted: int
    recently_evicted: int


@dataclass(frozen=True)
class Work:
    """What one timed operation cost and how far it came.

    >>> Work(elapsed_ns=2_000_000, done_bytes=4096).elapsed_ms
    2.0
    """

    elapsed_ns: int = 0
    minor_faults: int = 0
    major_faults: int = 0
    done_bytes: int = 0
    cpu_ns: int = 0
    """Processor time of the threads that did it, user's and system's (CLOCK_THREAD_CPUTIME_ID)."""
    waits: int = 0
    """How often they slept: for a lock, for a disk (voluntary context switches)."""

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds around the operation alone (CLOCK_MONOTONIC, read in C)."""
        return self.elapsed_ns / 1e6

    def __add__(self, other: Work) -> Work:
        return Work(
            self.elapsed_ns + other.elapsed_ns,
            self.minor_faults + other.minor_faults,
            self.major_faults + other.major_faults,
            other.done_bytes,
            self.cpu_ns + other.cpu_ns,
            self.waits + other.waits,
        )


class PrefaultError(OSError):
    """A populate or a touch that failed midway: errno as the kernel gave it, and how far it came.

    >>> from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
    >>> with Mapping(Backing.memfd(), size_bytes=4 * PAGE_SIZE_BYTES) as m:
    ...     os.ftruncate(m.fd, PAGE_SIZE_BYTES)
    ...     try:
    ...         m.populate_read()
    ...     except PrefaultError as error:
    ...         print(ERRNO_NAMES[error.errno], "at page", error.page)
    EFAULT at page 1

    ``populated_bytes`` is the exact prefix that is populated (with several threads: the sum of
    the prefixes of their shares); ``page`` is the index of the first page that could not be had,
    in steps of the mapping's page size; ``work`` is what the failed call cost.
    """

    def __init__(self, number: int, message: str, *, page: int, work: Work) -> None:
        super().__init__(number, message)
        self.page = page
        self.work = work
        self.populated_bytes = work.done_bytes


def check(result: int, call: str) -> int:
    """A result of the C; OSError that names the call where it is -errno."""
    if result < 0:
        raise OSError(-result, f"{call}: {os.strerror(-result)}")
    return result


def whole(name: str, value: SupportsIndex, least: int, most: int) -> int:
    """A whole number within bounds, as C needs it; ValueError in a sentence."""
    try:
        number = operator.index(value)  # numpy's integers are welcome
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        raise ValueError(f"{name} is a whole number from {least} to {most}, not {value!r}")
    return number


def _range(address: int, length: int) -> str:
    return f"0x{address:x}, {length} bytes"


def map_fenced(
    length: int, *, align: int, protection: int, flags: int, fd: int = -1, offset: int = 0
) -> tuple[int, int, int]:
    """Map ``length`` bytes aligned to ``align`` with PROT_NONE on both sides.

    Returns the address of the mapping, and address and length of the whole reservation, which is
    what to hand to :func:`unmap`.
    """
    fence, address = ffi.new("uintptr_t *"), ffi.new("uintptr_t *")
    fence_length = ffi.new("size_t *")
    check(
        lib.pf_map_fenced(
            length, align, protection, flags, fd, offset, fence, fence_length, address
        ),
        f"mmap({length} bytes, flags 0x{flags:x})",
    )
    return address[0], fence[0], fence_length[0]


def unmap(address: int, length: int) -> None:
    """munmap(2)."""
    check(lib.pf_unmap(address, length), f"munmap({_range(address, length)})")


def munlock(address: int, length: int) -> None:
    """munlock(2)."""
    check(lib.pf_munlock(address, length), f"munlock({_range(address, length)})")


def mlockall_on_fault() -> None:
    """mlockall(2) with MCL_FUTURE and MCL_ONFAULT: whatever this process maps from now on."""
    check(lib.pf_mlockall(lib.MCL_FUTURE | lib.MCL_ONFAULT), "mlockall(MCL_FUTURE | MCL_ONFAULT)")


def msync(address: int, length: int) -> None:
    """msync(2) with MS_SYNC."""
    check(lib.pf_msync(address, length, lib.MS_SYNC), f"msync({_range(address, length)})")


def mincore(address: int, length: int) -> bytearray:
    """mincore(2): one byte a page; for file mappings it tells of the page cache, mapped or not."""
    vector = _page_bytes(length)
    check(
        lib.pf_mincore(address, length, ffi.from_buffer(vector)),
        f"mincore({_range(address, length)})",
    )
    return vector


def evict(fd: int) -> None:
    """posix_fadvise(2) with POSIX_FADV_DONTNEED: a request, which dirty or mapped pages survive."""
    check(lib.pf_fadvise(fd, 0, 0, lib.POSIX_FADV_DONTNEED), "posix_fadvise(DONTNEED)")


def fill(fd: int, offset: int, length: int, data: bytes) -> None:
    """pwrite(2) ``data`` again and again over a range; each write is ``len(data)`` bytes.

    OSError EINVAL without data.
    """
    check(lib.pf_fill(fd, offset, length, data, len(data)), f"pwrite({length} bytes)")


def disable_thp(disabled: bool) -> None:
    """prctl(PR_SET_THP_DISABLE) for this process: the only way to keep MAP_POPULATE off THP."""
    check(lib.pf_prctl(lib.PR_SET_THP_DISABLE, int(disabled)), "prctl(PR_SET_THP_DISABLE)")


def unshare(flags: int) -> None:
    """unshare(2): give this process namespaces of its own, for good."""
    check(lib.pf_unshare(flags), f"unshare(0x{flags:x})")


def make_mounts_private() -> None:
    """mount(2) with MS_REC and MS_PRIVATE: what is mounted from now on, other namespaces miss."""
    check(
        lib.pf_mount(ffi.NULL, b"/", ffi.NULL, lib.MS_REC | lib.MS_PRIVATE, ffi.NULL),
        "mount(/, MS_REC | MS_PRIVATE)",
    )


def mount(file_system: str, directory: str, options: str) -> None:
    """mount(2) a file system that is made of memory over a directory."""
    name, data = os.fsencode(file_system), os.fsencode(options)
    result = lib.pf_mount(b"none", os.fsencode(directory), name, 0, data)
    check(result, f"mount({file_system} on {directory})")


def memfd_secret() -> int:
    """memfd_secret(2): a file of memory that the kernel itself cannot reach. ENOSYS without it."""
    return check(lib.pf_memfd_secret(), "memfd_secret")


def perf_dummy() -> int:
    """perf_event_open(2) of an event that counts nothing, whose ring buffer can be mapped."""
    return check(lib.pf_perf_dummy(), "perf_event_open")


def timed(call: str, step: int, run: Callable[[WorkPointer], int]) -> Work:
    """Run one C operation that fills a ``pf_work``; its work, or :class:`PrefaultError`."""
    native = cast("WorkPointer", ffi.new("pf_work *", {"error_offset": -1}))
    result = run(native)
    work = Work(
        native.elapsed_ns,
        native.minor_faults,
        native.major_faults,
        native.done_bytes,
        native.cpu_ns,
        native.waits,
    )
    if result < 0:
        page = max(native.error_offset, 0) // step
        text = f"{call}: {os.strerror(-result)} ({work.done_bytes} bytes were done)"
        raise PrefaultError(-result, text, page=page, work=work)
    return work


def range_timed(
    operation: str,
    address: int,
    length: int,
    *,
    step: int,
    threads: int = 1,
    interruptible: bool = True,
    go_on: Callable[[int], bool] | None = None,
) -> Work:
    """Do one of :data:`OPERATIONS` over a range, in ``threads`` equal shares of whole steps.

    ``step`` is the mapping's page size: a touch accesses one byte a step. Interruptible work is
    done in slices of :data:`SLICE_NS`, so that Ctrl-C acts; the time between slices is not
    counted; ``go_on`` is then asked with the bytes that are done, and False ends the work.
    Otherwise the whole range is one system call.
    """
    number, argument = OPERATIONS[operation]
    threads = whole("threads", threads, 1, MOST_THREADS)
    address, length, step = _bounds(address, length, step)
    done = ffi.new("int64_t[]", threads)

    def run(native: WorkPointer) -> int:
        while True:
            result = lib.pf_range_timed(
                native,
                number,
                argument,
                address,
                length,
                step,
                threads,
                SLICE_NS if interruptible else 0,
                done,
            )
            if result < 0 or native.done_bytes >= length:
                return result
            if go_on and not go_on(native.done_bytes):
                return 0

    return timed(f"{operation}({_range(address, length)})", step, run)


def _bounds(address: int, length: int, step: int) -> tuple[int, int, int]:
    """A range and its step as C needs them: whole numbers, and an end that does not wrap around."""
    address = whole("address", address, 0, HIGHEST)
    length = whole("length", length, 0, HIGHEST - address)
    return address, length, whole("step", step, 1, HIGHEST - address - length)


def access_timed(
    address: int,
    length: int,
    *,
    step: int,
    pages: ArrayLike,
    writes: ArrayLike,
    threads: int = 1,
) -> tuple[Work, NDArray[np.uint32]]:
    """Access pages in an order of the caller's; the work, and how long each access took.

    ``pages`` (whole numbers: which page of ``step`` bytes) and ``writes`` (whether it is written)
    are arrays of one length. The times are an array of uint32, in nanoseconds from one reading of
    the clock to the next. A SIGBUS is PrefaultError(EFAULT) with ``page``. ValueError says what is
    wrong with the arrays. Memory: :data:`ACCESS_BYTES` an access at most, and none beside the
    times for uint32 and uint8.
    """
    import numpy  # here, so that importing the kit is quick

    threads = whole("threads", threads, 1, MOST_THREADS)
    address, length, step = _bounds(address, length, step)
    pages = _column("pages", pages, "uint32", length // step)
    writes = _column("writes", writes, "uint8", 2)
    if len(pages) != len(writes):
        raise ValueError(f"there are {len(pages)} pages, but {len(writes)} writes: give as many")
    times = numpy.full(len(pages), numpy.iinfo("uint32").max, "uint32")  # all there beforehand
    arrays = (
        ffi.from_buffer("uint32_t[]", pages.data),
        ffi.from_buffer("unsigned char[]", writes.data),
        len(pages),
    )
    answer = ffi.from_buffer("uint32_t[]", times.data)
    work = timed(
        f"access({_range(address, length)})",
        step,
        lambda native: lib.pf_access_timed(native, address, length, step, *arrays, threads, answer),
    )
    return work, times


def _column(name: str, values: ArrayLike, dtype: str, end: int) -> NDArray[np.generic]:
    """Numbers from 0 to ``end`` - 1 as C reads them; not a copy where they are so already."""
    import numpy

    array = numpy.asarray(values)
    kinds = "iub" if end == 2 else "iu"  # what is 0 or 1 may be a bool
    if array.ndim != 1 or array.dtype.kind not in kinds:
        raise ValueError(
            f"{name} is an array of whole numbers, not one of {array.dtype} in {array.ndim} "
            "dimensions"
        )
    end = min(end, 2 ** (8 * numpy.dtype(dtype).itemsize))
    if array.size and not 0 <= int(array.min()) <= int(array.max()) < end:
        raise ValueError(f"{name} are outside of 0 to {end - 1}: {array.min()} to {array.max()}")
    return numpy.ascontiguousarray(array, dtype)


def remap_timed(
    address: int, length: int, *, protection: int, flags: int, fd: int = -1, step: int
) -> Work:
    """mmap(2) with MAP_FIXED over a range of ours, timed: how MAP_POPULATE is measured."""
    return timed(
        f"mmap({_range(address, length)}, flags 0x{flags:x})",
        step,
        lambda native: lib.pf_remap_timed(native, address, length, protection, flags, fd, 0),
    )


def fallocate_timed(fd: int, offset: int, length: int, *, mode: int = 0) -> Work:
    """fallocate(2), timed; begun anew when a signal that Python handles interrupts it: all of the
    tries count."""

    def run(native: WorkPointer) -> int:
        while True:
            result = lib.pf_fallocate_timed(native, fd, mode, offset, length)
            if result != -errno.EINTR:
                return result

    return timed(f"fallocate(mode {mode}, {offset}, {length} bytes)", PAGE_SIZE_BYTES, run)


def touch_unguarded(operation: str, address: int, length: int, *, step: int) -> None:
    """As the touches of :func:`range_timed`, but as any program does: a SIGBUS kills."""
    number, _ = OPERATIONS[operation]
    lib.pf_touch_unguarded(number, *_bounds(address, length, step))


def memory(address: int, length: int) -> memoryview:
    """Writable bytes at an address; nothing keeps them there."""
    return memoryview(ffi.buffer(ffi.cast("char *", address), length))


@contextmanager
def borrowed(view: memoryview) -> Iterator[int]:
    """The address of a writable C-contiguous buffer, which cannot go away meanwhile."""
    data = ffi.from_buffer(view, require_writable=True)
    try:
        yield int(ffi.cast("uintptr_t", data))
    finally:
        ffi.release(data)


def punch_hole(fd: int, offset: int, length: int) -> None:
    """fallocate(2) with FALLOC_FL_PUNCH_HOLE: give a file's blocks back, keep its size."""
    fallocate_timed(fd, offset, length, mode=lib.FALLOC_FL_PUNCH_HOLE | lib.FALLOC_FL_KEEP_SIZE)


def read_memory(address: int, length: int) -> bytes:
    """Copy memory out; SIGBUS or SIGSEGV becomes OSError(EFAULT)."""
    data = bytearray(length)
    _copy(address, data, write=False)
    return bytes(data)


def write_memory(address: int, data: bytes) -> None:
    """Copy memory in; SIGBUS or SIGSEGV becomes OSError(EFAULT)."""
    _copy(address, bytearray(data), write=True)


def _copy(address: int, data: bytearray, *, write: bool) -> None:
    at = ffi.new("int64_t *")
    result = lib.pf_copy(address, ffi.from_buffer(data), len(data), write, at)
    if result < 0:
        raise PrefaultError(
            -result,
            f"access to 0x{address + at[0]:x}: {os.strerror(-result)}",
            page=at[0] // PAGE_SIZE_BYTES,
            work=Work(done_bytes=at[0]),
        )


def page_states(
    address: int, length: int, *, scan: bool = True, file: bool = False
) -> tuple[bytearray, PageCounts]:
    """One byte of :data:`PAGE_STATES` bits a page, and how many have each, of this process's pages.

    By PAGEMAP_SCAN, which tells whether a page is a file's only if asked to (``file``); with
    ``scan=False`` from /proc/self/pagemap, which tells neither the zero page nor huge pages.
    OSError ENOTTY or EINVAL where the kernel has no PAGEMAP_SCAN.
    """
    states = _page_bytes(length)
    counts = cast("PageCountsPointer", ffi.new("pf_page_counts *"))
    answer = (ffi.from_buffer(states), counts)
    with _pagemap() as pagemap:
        place = (pagemap, address, length, PAGE_SIZE_BYTES)
        if scan:
            result = lib.pf_scan_pages(*place, file, *answer)
        else:
            result = lib.pf_read_pagemap(*place, *answer)
    check(result, f"{'PAGEMAP_SCAN' if scan else 'pagemap'}({_range(address, length)})")
    return states, PageCounts(counts.present, counts.zero, counts.huge, counts.swapped, counts.file)


def written_pages(address: int, length: int) -> list[int]:
    """The pages of a range that were written since userfaultfd protected them with WP_ASYNC.

    Their numbers, ascending. By PAGEMAP_SCAN; without such a userfaultfd every page is.
    """
    states = _page_bytes(length)
    with _pagemap() as pagemap:
        result = lib.pf_scan_written(
            pagemap, address, length, PAGE_SIZE_BYTES, ffi.from_buffer(states)
        )
    check(result, f"PAGEMAP_SCAN({_range(address, length)}, PAGE_IS_WRITTEN)")
    return [page for page, state in enumerate(states) if state]


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


def cachestat(fd: int, offset: int = 0, length: int = 0) -> CacheCounts:
    """cachestat(2): cached, dirty, writeback, evicted, recently_evicted pages (length 0: all).

    OSError ENOSYS before Linux 6.5, EOPNOTSUPP on hugetlbfs.
    """
    counts = cast("CacheCountsPointer", ffi.new("pf_cache_counts *"))
    check(lib.pf_cachestat(fd, offset, length, counts), "cachestat")
    return CacheCounts(
        counts.cached, counts.dirty, counts.writeback, counts.evicted, counts.recently_evicted
    )
