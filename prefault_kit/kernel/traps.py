"""What a page fault tried, reading or writing, as the processor told the kernel.

A record of a page fault (:mod:`prefault_kit.kernel.faults`) does not say it. The trap before it
does, in its error code, and the tracepoints exceptions:page_fault_user and page_fault_kernel show
that: to root (or CAP_PERFMON) alone, where tracefs is mounted, on x86. Elsewhere it is not told.

Sources: arch/x86/include/asm/trace/exceptions.h, Documentation/trace/events.rst.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefault_kit.kernel import perf
from prefault_kit.kernel.faults import ANY, FaultStream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
NAMES = ("page_fault_user", "page_fault_kernel")
FIELDS = {"address": (8, 8), "ip": (16, 8), "error_code": (24, 8)}
"""Offset and size in bytes of what is read of a record, as in ``perf.c``."""
MOUNT = "sudo mount -t tracefs nodev /sys/kernel/tracing"


def tracepoints() -> tuple[int, int]:
    """The numbers of the two tracepoints, of the program's traps and of those that the kernel took.

    OSError: EACCES where tracefs is not this user's to see, ENODEV where it is not mounted, ENOENT
    where this kernel has no such tracepoints, or others than these.
    """
    for place in PLACES:
        events = Path(place) / "events"
        try:
            if not events.is_dir():
                continue
            found = tuple(_number(events / "exceptions" / name) for name in NAMES)
        except PermissionError:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), place) from None
        return found[0], found[1]
    raise OSError(errno.ENODEV, "tracefs is not mounted", PLACES[0])


def _number(event: Path) -> int:
    """Of a tracepoint whose records are as ``perf.c`` reads them."""
    described = (event / "format").read_text("ascii")
    fields = re.findall(r"\bfield:.*\b(\w+);\s*offset:(\d+);\s*size:(\d+);", described)
    known = {name: (int(offset), int(size)) for name, offset, size in fields}
    if any(known.get(name) != place for name, place in FIELDS.items()):
        raise FileNotFoundError(errno.ENOENT, "its records are others than those of x86", event)
    return int((event / "id").read_text("ascii"))


class TrapStream(FaultStream):
    """The traps of a program: as :class:`FaultStream`, whose faults they become.

    Their records have ``access``, :data:`~prefault_kit.kernel.perf.READ` or ``WRITE``, and the time
    when they came, which is before that of the fault. OSError as of :func:`tracepoints`, and EACCES
    or EPERM for an ordinary user.
    """

    def _begin(self, *known: Any) -> None:
        super()._begin(*known)
        self._tracepoints = tracepoints()

    def _open(self, tid: int, cpu: int, major: bool) -> int | None:
        """Here ``major`` are the traps that the kernel took for the program."""
        try:
            return perf.open_trap(
                tid,
                cpu,
                self._tracepoints[major],
                options=self._options,
                watermark_bytes=self._watermark_bytes,
            )
        except OSError as error:
            if error.errno in (errno.ENODEV, errno.ENXIO) and cpu != ANY:
                return None
            raise

    def _kind_of(self, _: bool) -> int:
        return perf.TRAPS


def accesses(faults: NDArray[np.void], traps: NDArray[np.void]) -> NDArray[np.uint8]:
    """What each fault tried: of the trap of its thread that came last before it.

    Records of :data:`~prefault_kit.kernel.perf.FAULT_DTYPE`, in any order. UNTOLD of a fault
    without its trap: one of another address, or one that was lost.

    >>> import numpy
    >>> trap, fault = numpy.zeros(2, perf.FAULT_DTYPE), numpy.zeros(3, perf.FAULT_DTYPE)
    >>> trap["time_ns"], trap["address"], trap["access"] = [1, 4], 0x1000, [perf.READ, perf.WRITE]
    >>> fault["time_ns"], fault["address"] = [2, 5, 0], [0x1000, 0x2000, 0x1000]
    >>> accesses(fault, trap).tolist() == [perf.READ, perf.UNTOLD, perf.UNTOLD]
    True
    """
    import numpy  # here, so that importing the kit stays quick

    found = numpy.zeros(len(faults), "u1")
    if not len(faults) or not len(traps):
        return found
    traps = traps[numpy.lexsort((traps["time_ns"], traps["tid"]))]
    order = numpy.lexsort((faults["time_ns"], faults["tid"]))
    sought = faults[order]
    begins = numpy.searchsorted(traps["tid"], sought["tid"], "left")
    ends = numpy.searchsorted(traps["tid"], sought["tid"], "right")
    # of a thread, as both are in the order of time: where its faults lie among its traps
    every = numpy.concatenate([traps["tid"], sought["tid"]])
    times = numpy.concatenate([traps["time_ns"], sought["time_ns"]])
    is_fault = numpy.arange(len(every)) >= len(traps)
    merged = numpy.lexsort((is_fault, times, every))
    before = numpy.cumsum(~is_fault[merged])[is_fault[merged]]  # traps up to each fault
    at = numpy.minimum(numpy.maximum(before - 1, 0), len(traps) - 1)
    matches = (before > begins) & (before <= ends) & (traps["address"][at] == sought["address"])
    found[order] = numpy.where(matches, traps["access"][at], perf.UNTOLD)
    return found
