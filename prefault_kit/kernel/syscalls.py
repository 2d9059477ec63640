"""The system calls, one function each; the only importer of the C.

A failed call is an :class:`OSError` whose errno is kept and whose text names the call and the
range. Operations that are timed return a :class:`Work`. Lengths and offsets are bytes, addresses
are integers.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefault_kit.kernel.native._prefault import ffi, lib

if TYPE_CHECKING:
    from typing_extensions import Buffer

PAGE_SIZE_BYTES = os.sysconf("SC_PAGE_SIZE")
"""The system's page size; every page count of the kit is in pages of this size."""

SLICE_NS = 100_000_000
"""How long an interruptible operation stays in C before Python looks for a Ctrl-C."""

ADVICE: dict[str, int] = {name: getattr(lib, name) for name in dir(lib) if name.startswith("MADV_")}
"""Advice names of madvise(2), in the kernel's spelling, and their numbers."""

OPERATIONS: dict[str, tuple[int, int]] = {
    "touch_read": (lib.PF_TOUCH_READ, 0),
    "touch_write": (lib.PF_TOUCH_WRITE, 0),
    "touch_read_write": (lib.PF_TOUCH_READ_WRITE, 0),
    "touch_atomic": (lib.PF_TOUCH_ATOMIC, 0),
    "mlock": (lib.PF_MLOCK, 0),
    **{name: (lib.PF_ADVISE, advice) for name, advice in ADVICE.items()},
}
"""What :func:`range_timed` can do to a range: its C operation and advice."""

PROTECTION: dict[str, int] = {
    "none": lib.PROT_NONE,
    "r": lib.PROT_READ,
    "w": lib.PROT_WRITE,
    "rw": lib.PROT_READ | lib.PROT_WRITE,
    "rx": lib.PROT_READ | lib.PROT_EXEC,
}
"""The protections that :meth:`prefault_kit.Mapping.protect` takes."""

MAP: dict[str, int] = {name: getattr(lib, name) for name in dir(lib) if name.startswith("MAP_")}
"""Flags of mmap(2)."""

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


@dataclass(frozen=True)
class Work:
    """What one timed operation cost and how far it came."""

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

    ``populated_bytes`` is the exact prefix that is populated (with several threads: the sum of
    the prefixes of their shares); ``page`` is the index of the first page that could not be had,
    in steps of the mapping's page size; ``work`` is what the failed call cost.
    """

    def __init__(self, number: int, message: str, *, page: int, work: Work) -> None:
        super().__init__(number, message)
        self.page = page
        self.work = work
        self.populated_bytes = work.done_bytes


def _error(number: int, call: str) -> OSError:
    return OSError(number, f"{call}: {os.strerror(number)}")


def _check(result: int, call: str) -> int:
    if result < 0:
        raise _error(-result, call)
    return result


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
    _check(
        lib.pf_map_fenced(
            length, align, protection, flags, fd, offset, fence, fence_length, address
        ),
        f"mmap({length} bytes, flags 0x{flags:x})",
    )
    return address[0], fence[0], fence_length[0]


def unmap(address: int, length: int) -> None:
    """munmap(2)."""
    _check(lib.pf_unmap(address, length), f"munmap({_range(address, length)})")


def protect(address: int, length: int, protection: int) -> None:
    """mprotect(2)."""
    _check(lib.pf_protect(address, length, protection), f"mprotect({_range(address, length)})")


def munlock(address: int, length: int) -> None:
    """munlock(2)."""
    _check(lib.pf_munlock(address, length), f"munlock({_range(address, length)})")


def msync(address: int, length: int) -> None:
    """msync(2) with MS_SYNC."""
    _check(lib.pf_msync(address, length, lib.MS_SYNC), f"msync({_range(address, length)})")


def mincore(address: int, length: int) -> bytearray:
    """mincore(2): one byte a page; for file mappings it tells of the page cache, mapped or not."""
    vector = bytearray(-(-length // PAGE_SIZE_BYTES))
    _check(
        lib.pf_mincore(address, length, ffi.from_buffer(vector)),
        f"mincore({_range(address, length)})",
    )
    return vector


def evict(fd: int) -> None:
    """posix_fadvise(2) with POSIX_FADV_DONTNEED: a request, which dirty or mapped pages survive."""
    _check(lib.pf_fadvise(fd, 0, 0, lib.POSIX_FADV_DONTNEED), "posix_fadvise(DONTNEED)")


def fill(fd: int, offset: int, length: int, data: bytes) -> None:
    """pwrite(2) ``data`` again and again over a range; each write is ``len(data)`` bytes."""
    _check(lib.pf_fill(fd, offset, length, data, len(data)), f"pwrite({length} bytes)")


def disable_thp(disabled: bool) -> None:
    """prctl(PR_SET_THP_DISABLE) for this process: the only way to keep MAP_POPULATE off THP."""
    _check(lib.pf_prctl(lib.PR_SET_THP_DISABLE, int(disabled)), "prctl(PR_SET_THP_DISABLE)")


def _timed(call: str, step: int, run: Callable[[Any], int]) -> Work:
    """Run one C operation; its work, or :class:`PrefaultError`."""
    native = ffi.new("pf_work *", {"error_offset": -1})
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
    number, advice = OPERATIONS[operation]
    done = ffi.new("int64_t[]", threads)

    def run(native: Any) -> int:
        while True:
            result: int = lib.pf_range_timed(
                native,
                number,
                advice,
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

    return _timed(f"{operation}({_range(address, length)})", step, run)


def access_timed(
    address: int, length: int, *, step: int, pages: Any, writes: Any, threads: int = 1
) -> tuple[Work, Any]:
    """Access pages in an order of the caller's; the work, and how long each access took.

    ``pages`` (uint32) and ``writes`` (uint8) are arrays of one length: which page of ``step``
    bytes, and whether it is written. The times are an array of uint32, in nanoseconds from one
    reading of the clock to the next. A SIGBUS is PrefaultError(EFAULT) with ``page``.
    """
    import numpy  # here, so that importing the kit is quick

    times = numpy.full(len(pages), numpy.iinfo("uint32").max, "uint32")  # all there beforehand

    def run(native: Any) -> int:
        result: int = lib.pf_access_timed(
            native,
            address,
            length,
            step,
            ffi.from_buffer("uint32_t[]", pages),
            ffi.from_buffer("unsigned char[]", writes),
            len(pages),
            threads,
            ffi.from_buffer("uint32_t[]", times),
        )
        return result

    return _timed(f"access({_range(address, length)})", step, run), times


def remap_timed(
    address: int, length: int, *, protection: int, flags: int, fd: int = -1, step: int
) -> Work:
    """mmap(2) with MAP_FIXED over a range of ours, timed: how MAP_POPULATE is measured."""
    return _timed(
        f"mmap({_range(address, length)}, flags 0x{flags:x})",
        step,
        lambda native: int(lib.pf_remap_timed(native, address, length, protection, flags, fd, 0)),
    )


def fallocate_timed(fd: int, offset: int, length: int, *, mode: int = 0) -> Work:
    """fallocate(2), timed; begun anew when a signal that Python handles interrupts it."""

    def run(native: Any) -> int:
        while True:
            result: int = lib.pf_fallocate_timed(native, fd, mode, offset, length)
            if result != -errno.EINTR:
                return result

    return _timed(f"fallocate(mode {mode}, {offset}, {length} bytes)", PAGE_SIZE_BYTES, run)


def memory(address: int, length: int) -> memoryview:
    """Writable bytes at an address; nothing keeps them there."""
    return memoryview(ffi.buffer(ffi.cast("char *", address), length))


@contextmanager
def borrowed(buffer: Buffer) -> Iterator[tuple[int, int]]:
    """Address and length of a C-contiguous buffer of any format, which is held meanwhile.

    BufferError where it is read-only; what the exporter raises where it gives none.
    """
    data = ffi.from_buffer(buffer)
    try:
        try:
            ffi.release(ffi.from_buffer(buffer, require_writable=True))
        except (ValueError, BufferError):
            raise BufferError("the buffer is read-only") from None
        yield int(ffi.cast("uintptr_t", data)), len(data)
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
) -> tuple[bytearray, Any]:
    """One byte of :data:`PAGE_STATES` bits a page, and the C counts, of this process's pages.

    By PAGEMAP_SCAN, which tells whether a page is a file's only if asked to (``file``); with
    ``scan=False`` from /proc/self/pagemap, which tells neither the zero page nor huge pages.
    OSError ENOTTY or EINVAL where the kernel has no PAGEMAP_SCAN.
    """
    states = bytearray(length // PAGE_SIZE_BYTES)
    counts = ffi.new("pf_page_counts *")
    pagemap = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    place = (pagemap, address, length, PAGE_SIZE_BYTES)
    answer = (ffi.from_buffer(states), counts)
    try:
        if scan:
            result = lib.pf_scan_pages(*place, file, *answer)
        else:
            result = lib.pf_read_pagemap(*place, *answer)
    finally:
        os.close(pagemap)
    _check(result, f"{'PAGEMAP_SCAN' if scan else 'pagemap'}({_range(address, length)})")
    return states, counts


def cachestat(fd: int, offset: int = 0, length: int = 0) -> Any:
    """cachestat(2): cached, dirty, writeback, evicted, recently_evicted pages (length 0: all).

    OSError ENOSYS before Linux 6.5, EOPNOTSUPP on hugetlbfs.
    """
    counts = ffi.new("pf_cache_counts *")
    _check(lib.pf_cachestat(fd, offset, length, counts), "cachestat")
    return counts
