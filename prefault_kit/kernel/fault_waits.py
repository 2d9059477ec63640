"""How long each page fault took: from the kernel's beginning with it until it was handled.

Two streams see each fault: PERF_COUNT_SW_PAGE_FAULTS, which the kernel counts as it begins, and
the minor or major fault that it counts when it is done. The time between has all that the thread
waited for: locks, memory, the disk, its turn on a processor; and the record that was made of it,
but not the trap itself. Nothing has to be loaded into the kernel, and what one may observe one may
time.

>>> from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
>>> with Mapping(Backing.anon(), PAGE_SIZE_BYTES) as m, FaultWaits() as waits:
...     touched = m.touch_write()
...     faults, took_ns = waits.read()
...     mine = faults.address == m.address
...     int(mine.sum()), bool((took_ns[mine] > 0).all())
(1, True)

Sources: do_user_addr_fault in arch/x86/mm/fault.c, do_page_fault in arch/arm64/mm/fault.c,
mm_account_fault in mm/memory.c (Linux 5.9).
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from prefault_kit.kernel.faults import FaultBatch, FaultStream
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNKNOWN_NS = -1
"""Of a fault whose beginning was not recorded."""


class FaultWaits:
    """The faults of a process and its threads while they happen, with the time that each took.

    ``pid`` 0 is this process; ``children`` adds what it forks from now on. OSError and ValueError
    as of :class:`~prefault_kit.kernel.faults.FaultStream`.
    """

    timed: bool
    """Whether beginnings are recorded: not where no memory for a second buffer may be locked."""

    def __init__(self, pid: int = 0, *, children: bool = False) -> None:
        self._ends = FaultStream(pid, children=children, tasks=True)
        self._begins: FaultStream | None = None
        try:
            self._begins = FaultStream(pid, children=children, begins=True)
        except OSError:
            pass
        except BaseException:
            self._ends.close()
            raise
        self.timed = self._begins is not None
        self._pending: NDArray[np.void] | None = None

    @property
    def lost(self) -> int:
        """Faults that had no room in the buffer."""
        return self._ends.lost

    @property
    def kernel_included(self) -> bool:
        """Whether faults that the kernel takes for the program are among them."""
        return self._ends.kernel_included

    def read(self) -> tuple[FaultBatch, NDArray[np.int64]]:
        """What has happened since the last reading, without waiting, and how long each took.

        The times have shape (n,), in ns; :data:`UNKNOWN_NS` where one is not known.
        """
        import numpy  # here, so that importing the kit stays quick

        ends = self._ends.read()
        took = numpy.full(len(ends), UNKNOWN_NS, "i8")
        if self._begins is None:
            return ends, took
        new = self._begins.read().records  # read last: whatever has ended has begun
        begins = new if self._pending is None else numpy.concatenate([self._pending, new])
        at = numpy.concatenate([begins["time_ns"], ends.time_ns])
        tid = numpy.concatenate([begins["tid"], ends.tid])
        page = numpy.concatenate([begins["address"], ends.address]) // PAGE_SIZE_BYTES
        ended = numpy.arange(len(at)) >= len(begins)
        order = numpy.lexsort((ended, at, tid))
        here, before = order[1:], order[:-1]
        pair = ended[here] & ~ended[before]
        pair &= (tid[here] == tid[before]) & (page[here] == page[before])
        took[here[pair] - len(begins)] = at[here[pair]] - at[before[pair]]
        self._pending = begins[_last_of_threads(tid, order, ended)]
        return ends, took

    def wait(self, timeout_s: float) -> None:
        """Wait until a buffer is a quarter full, but no longer than that."""
        (self._begins or self._ends).wait(timeout_s)  # the first has the more records

    def close(self) -> None:
        """Let go of both streams; a second time does nothing."""
        self._ends.close()
        if self._begins is not None:
            self._begins.close()

    def __enter__(self) -> FaultWaits:
        """The streams, which are open already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them."""
        self.close()


def _last_of_threads(tid: Any, order: Any, ended: Any) -> Any:
    """The records with which threads end that have begun with a fault and are not done."""
    import numpy

    last = numpy.ones(len(order), "?")
    last[:-1] = tid[order[1:]] != tid[order[:-1]]
    found = order[last]
    return found[~ended[found]]
