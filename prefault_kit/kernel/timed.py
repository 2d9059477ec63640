"""Operations that are timed: the clock is read in C directly around each, the GIL released.

Each returns a :class:`Work`; one that fails midway raises :class:`PrefaultError`. Lengths and
offsets are bytes, addresses are integers.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from prefault_kit.kernel.errors import HIGHEST, MOST_THREADS, span_text, whole
from prefault_kit.kernel.native import ffi, lib
from prefault_kit.kernel.syscalls import ADVICE, PAGE_SIZE_BYTES, PROTECTION

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from prefault_kit.kernel.native import WorkPointer

SLICE_NS = 100_000_000
"""How long an interruptible operation stays in C before Python looks for a Ctrl-C."""

ACCESS_BYTES = 9
"""What :func:`access_timed` allocates for an access at most: 4 for its time, 5 where the page and
the kind of access come in another type than C reads."""

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
    ...         print(errno.errorcode[error.errno], "at page", error.page)
    EFAULT at page 1

    ``populated_bytes`` is the exact prefix that is populated (with several threads: the sum of
    the prefixes of their shares; of a copy always 0); ``page`` is the index of the first page that
    could not be had, in steps of the mapping's page size; ``work`` is what the failed call cost.
    """

    def __init__(self, number: int, message: str, *, page: int, work: Work) -> None:
        super().__init__(number, message)
        self.page = page
        self.work = work
        self.populated_bytes = work.done_bytes


def further(total: Work, offset: int, populate: Callable[[], Work]) -> Work:
    """The work so far and that of a part which begins at ``offset``; its end is what is done.

    PrefaultError has the work of all of it.
    """
    try:
        work = populate()
    except PrefaultError as error:
        whole = total + replace(error.work, done_bytes=offset + error.work.done_bytes)
        number, text = error.errno or 0, str(error.strerror)
        raise PrefaultError(number, text, page=error.page, work=whole) from None
    return total + replace(work, done_bytes=offset + work.done_bytes)


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

    return timed(f"{operation}({span_text(address, length)})", step, run)


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
        f"access({span_text(address, length)})",
        step,
        lambda native: lib.pf_access_timed(native, address, length, step, *arrays, threads, answer),
    )
    return work, times


def _column(name: str, values: ArrayLike, dtype: str, end: int) -> NDArray[np.generic]:
    """Numbers from 0 to ``end`` - 1 as C reads them; not a copy where they are so already."""
    import numpy

    array = numpy.asarray(values)
    kinds = "iub" if end == 2 else "iu"  # what is 0 or 1 may be a bool
    if array.ndim != 1 or (array.size and array.dtype.kind not in kinds):  # [] is of float64
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
        f"mmap({span_text(address, length)}, flags 0x{flags:x})",
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


def sync_timed(address: int, length: int, fd: int) -> Work:
    """msync(2) with MS_SYNC, and fsync(2) of the file where ``fd`` is one."""
    return timed(
        f"msync and fsync({span_text(address, length)})",
        PAGE_SIZE_BYTES,
        lambda native: lib.pf_sync_timed(native, address, length, fd),
    )


def evict_timed(fd: int) -> Work:
    """posix_fadvise(2) with POSIX_FADV_DONTNEED: a request, which dirty or mapped pages survive."""
    return timed(
        "posix_fadvise(DONTNEED)", PAGE_SIZE_BYTES, lambda native: lib.pf_evict_timed(native, fd)
    )


def read_timed(fd: int, address: int, length: int, offset: int) -> Work:
    """pread(2) of a range of a file into memory, until all is there or the file ends.

    PrefaultError as read(2) says: EFAULT into memory that may not be written, EINVAL for an
    O_DIRECT descriptor where address, length or offset is not a multiple of a block.
    """
    address, length, _ = _bounds(address, length, 1)
    offset = whole("offset", offset, 0, 2**63 - 1 - length)
    return timed(
        f"pread({span_text(address, length)})",
        PAGE_SIZE_BYTES,
        lambda native: lib.pf_read_timed(native, fd, address, length, offset),
    )


def touch_unguarded(operation: str, address: int, length: int, *, step: int) -> None:
    """As the touches of :func:`range_timed`, but as any program does: a SIGBUS kills."""
    number, _ = OPERATIONS[operation]
    lib.pf_touch_unguarded(number, *_bounds(address, length, step))


def punch_hole(fd: int, offset: int, length: int) -> None:
    """fallocate(2) with FALLOC_FL_PUNCH_HOLE: give a file's blocks back, keep its size."""
    fallocate_timed(fd, offset, length, mode=lib.FALLOC_FL_PUNCH_HOLE | lib.FALLOC_FL_KEEP_SIZE)


def read_memory(address: int, length: int) -> bytes:
    """Copy memory out; SIGBUS or SIGSEGV becomes PrefaultError(EFAULT), with nothing done."""
    data = bytearray(length)
    _copy(address, data, write=False)
    return bytes(data)


def write_memory(address: int, data: bytes | memoryview) -> None:
    """Copy memory in; SIGBUS or SIGSEGV becomes PrefaultError(EFAULT), with nothing done."""
    _copy(address, bytearray(data), write=True)


def _copy(address: int, data: bytearray, *, write: bool) -> None:
    at = ffi.new("int64_t *")
    result = lib.pf_copy(address, ffi.from_buffer(data), len(data), PAGE_SIZE_BYTES, write, at)
    if result < 0:
        raise PrefaultError(
            -result,
            f"access to 0x{address + at[0]:x}: {os.strerror(-result)}",
            page=(address % PAGE_SIZE_BYTES + at[0]) // PAGE_SIZE_BYTES,
            work=Work(),  # within a page memcpy keeps to no order: what it copied is not known
        )
