"""Preallocate memory as a hypervisor does: all of it now, or an error that says where.

``MADV_POPULATE_WRITE`` in threads, each with its share. Content never changes, even under
concurrent writers: the kernel faults pages in as a write would, and writes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefault_kit.kernel.errors import MOST_THREADS, whole
from prefault_kit.kernel.timed import Work
from prefault_kit.memory import population
from prefault_kit.memory.buffer import placed
from prefault_kit.memory.mapping import Mapping

if TYPE_CHECKING:
    from typing_extensions import Buffer


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
    a memmap, an mmap, multiprocessing's shared memory, a tensor on the CPU. Without ``threads``
    there is one for each processor, and for each 64 MiB. ``on_progress`` is called with bytes done
    and bytes in all, ``stop`` ends it, both within 0.1 s; Ctrl-C does too.

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
    operation = population.operation("write", touch=touch)
    with placed(memory, writable=True) as place:
        size_bytes = place.size_bytes
        if threads is None:
            threads = population.usual_threads(size_bytes)

        def go_on(done_bytes: int) -> bool:
            if on_progress:
                on_progress(done_bytes, size_bytes)
            return not (stop and stop.is_set())

        work = population.populate(
            operation,
            place.address,
            size_bytes,
            step=place.step,
            threads=threads,
            verb="preallocated",
            go_on=go_on,
        )
    if on_progress:
        on_progress(work.done_bytes, size_bytes)
    touched = operation != population.ADVICE["write"]
    return Preallocation(size_bytes, work.done_bytes, threads, touched, work)
