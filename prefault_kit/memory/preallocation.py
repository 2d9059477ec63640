"""Preallocate memory as a hypervisor does: all of it now, or an error that says where.

``MADV_POPULATE_WRITE`` in threads, each with its share. Content never changes, even under
concurrent writers: the kernel faults pages in as a write would, and writes nothing.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefault_kit.kernel import errors, syscalls, timed
from prefault_kit.kernel.errors import MOST_THREADS, whole
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.memory import support
from prefault_kit.memory.mapping import Mapping

if TYPE_CHECKING:
    from typing_extensions import Buffer

SHARE_BYTES = 64 << 20
"""What a thread is worth: a smaller share is populated before the thread is there."""
POPULATING = "MADV_POPULATE_WRITE"
CAUSES = {
    "EFAULT": "there is no page to be had: its tmpfs or disk is full, its huge pages are "
    "exhausted, or it lies beyond the end of its file",
    "ENOMEM": "the range has a hole, or its memory cgroup is full",
    "EINVAL": "the mapping may not be written, or is one that cannot be populated",
    "EHWPOISON": "the page is poisoned: its memory is broken",
}
"""What an errno says here (madvise(2)), by its name."""


@dataclass(frozen=True)
class Preallocation:
    """What was done. Less than all of it only if it was stopped.

    >>> preallocate(bytearray(1 << 20)).complete
    True
    """

    size_bytes: int
    """Whole pages: those that the buffer lies in."""
    done_bytes: int
    threads: int
    touched: bool
    """Whether pages were touched, as the kernel lacks the advice."""
    work: Work

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return self.done_bytes == self.size_bytes


def preallocate(
    memory: Mapping | Buffer,
    threads: int | None = None,
    *,
    touch: bool = False,
    on_progress: Callable[[int, int], object] | None = None,
    stop: threading.Event | None = None,
) -> Preallocation:
    """Bring every page of ``memory`` into memory and into the page table, writable.

    >>> memory = bytearray(4 << 20)
    >>> preallocate(memory, threads=2).threads
    2

    ``memory`` is a :class:`Mapping`, or any writable contiguous buffer: a numpy array of any type,
    a memmap, an mmap, multiprocessing's shared memory. Without ``threads`` there is one for each
    processor, and for each 64 MiB. ``on_progress`` is called with bytes done and bytes in all,
    ``stop`` ends it, both within 0.1 s; Ctrl-C does too.

    The buffer is held until this returns: its content may be read and written, but another thread
    that resizes it (a bytearray) or closes it (an mmap, a shared memory) gets a BufferError.

    Where the kernel lacks MADV_POPULATE_WRITE (before Linux 5.14) this is an OSError, unless
    ``touch`` allows touching instead: an atomic OR of 0 to a byte of each page, which keeps content
    under concurrent writers too; a page that cannot be had is the same error then, not a SIGBUS.

    Raises PrefaultError with errno, ``page`` (the first that could not be had, counted from the
    page that the buffer begins in) and ``populated_bytes``: what came before stays populated.
    ValueError says what is wrong with the buffer.
    """
    if threads is not None:
        threads = whole("threads", threads, 1, MOST_THREADS)
    lacking = support.populate_refusal(POPULATING)
    if lacking and not touch:
        raise OSError(
            errno.EINVAL,
            f"madvise({POPULATING}) answers {lacking} where it should work: the kernel is older "
            "than Linux 5.14, or a seccomp filter stops it; with touch=True each page is touched "
            "instead",
        )
    with _range(memory) as (address, size_bytes, step):
        if threads is None:
            threads = _usual_threads(size_bytes)

        def go_on(done_bytes: int) -> bool:
            if on_progress:
                on_progress(done_bytes, size_bytes)
            return not (stop and stop.is_set())

        try:
            work = timed.range_timed(
                "touch_atomic" if lacking else POPULATING,
                address,
                size_bytes,
                step=step,
                threads=threads,
                go_on=go_on,
            )
        except PrefaultError as error:
            raise _explained(error, threads) from None
    if on_progress:
        on_progress(work.done_bytes, size_bytes)
    return Preallocation(size_bytes, work.done_bytes, threads, lacking is not None, work)


def _usual_threads(size_bytes: int) -> int:
    return max(1, min(len(os.sched_getaffinity(0)), size_bytes // SHARE_BYTES))


def _explained(error: PrefaultError, threads: int) -> PrefaultError:
    """The same error, with what it means."""
    number = error.errno or 0
    if number == errno.EAGAIN:
        text = f"this process may not start {threads} threads: choose fewer"
    else:
        name = errors.ERRNO_NAMES.get(number, str(number))
        cause = CAUSES.get(name, os.strerror(number).lower())
        text = f"page {error.page} cannot be preallocated ({name}): {cause}"
    return PrefaultError(number, text, page=error.page, work=error.work)


@contextmanager
def _range(memory: Mapping | Buffer) -> Iterator[tuple[int, int, int]]:
    """Address, length and page size of the pages that a buffer lies in; it is held meanwhile."""
    if isinstance(memory, Mapping):
        yield *memory.span(), memory.backing.page_size_bytes
        return
    with ExitStack() as held:
        try:
            address, length = held.enter_context(syscalls.borrowed(memory))
        except (TypeError, ValueError, BufferError) as error:
            raise _refusal(memory, error) from None
        if not length:
            raise ValueError("the buffer is of zero length: there is nothing to preallocate")
        begin = address - address % PAGE_SIZE_BYTES
        end = -(-(address + length) // PAGE_SIZE_BYTES) * PAGE_SIZE_BYTES
        yield begin, end - begin, PAGE_SIZE_BYTES


def _refusal(buffer: object, error: Exception) -> Exception:
    """Why an object gives no memory to write to, in a sentence."""
    if isinstance(error, TypeError):
        kind = type(buffer).__name__
        return TypeError(
            f"{kind!r} objects have no buffer: give a Mapping, a numpy array, an mmap or a "
            "memoryview"
        )
    said = str(error)
    if "contiguous" in said:
        return ValueError(
            "the buffer is not contiguous: give the array that it is a part of, or if its order is "
            "Fortran's the transposed one"
        )
    if "read-only" in said:
        return ValueError("the buffer is read-only: preallocating needs permission to write")
    return ValueError(f"there is no memory behind the buffer: {said}")
