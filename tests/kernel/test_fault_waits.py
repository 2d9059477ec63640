"""prefault_kit.kernel.fault_waits: each fault with the time that it took."""

from __future__ import annotations

import threading
import time

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel import fault_waits
from prefault_kit.kernel.fault_waits import UNKNOWN_NS, FaultWaits
from prefault_kit.kernel.faults import FaultStream
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE

PAGES = 64

pytestmark = pytest.mark.needs("fault_events")


def test_each_fault_has_its_time() -> None:
    """None longer than all of them together took, in threads as well; and none is lost."""
    began = time.monotonic_ns()
    with FaultWaits() as waits, Mapping(Backing.anon(), 2 * PAGES * PAGE) as m:
        thread = threading.Thread(target=lambda: m.touch_write(0, PAGES * PAGE))
        thread.start()
        m.touch_write(PAGES * PAGE, PAGES * PAGE)
        thread.join()
        faults, took = waits.read()
        passed = time.monotonic_ns() - began
        mine = (faults.address >= m.address) & (faults.address < m.address + m.size_bytes)
    assert waits.lost == 0 and waits.timed
    assert mine.sum() == 2 * PAGES
    assert ((took[mine] > 0) & (took[mine] < passed)).all()


def test_a_fault_that_ends_later_keeps_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in two parts: the beginning waits for its end, by thread."""
    made = FaultStream.of_this_thread()
    empty = made.read()
    made.close()

    class Fed:
        lost, kernel_included = 0, True

        def __init__(self, parts: list[list[tuple[int, int, int]]]) -> None:
            self._parts = parts

        def read(self) -> object:
            import numpy

            records = numpy.zeros(len(self._parts[0]), empty.records.dtype)
            for at, (when, tid, page) in enumerate(self._parts.pop(0)):
                records[at]["time_ns"], records[at]["tid"] = when, tid
                records[at]["address"] = page * PAGE + when % PAGE
            return type(empty)(records, empty.ips, numpy.zeros(len(records), "i8"))

        def close(self) -> None: ...

    ends = Fed([[(30, 1, 7)], [(90, 2, 8), (95, 1, 9)], [(101, 2, 7)]])
    begins = Fed([[(10, 1, 7), (20, 2, 8)], [(92, 1, 6)], [(100, 1, 7)]])
    monkeypatch.setattr(
        fault_waits, "FaultStream", lambda *_, begins=False, **__: _begins if begins else ends
    )
    _begins = begins
    with FaultWaits() as waits:
        assert waits.read()[1].tolist() == [20]
        assert waits.read()[1].tolist() == [70, UNKNOWN_NS]  # the last began elsewhere
        assert waits.read()[1].tolist() == [UNKNOWN_NS]  # and this one in another thread


def test_without_a_second_buffer_there_are_faults_and_no_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which is told."""
    real = FaultStream

    def refuse(*arguments: object, begins: bool = False, **known: object) -> FaultStream:
        if begins:
            raise PermissionError(1, "no memory may be locked")
        return real(*arguments, **known)  # type: ignore[arg-type]

    monkeypatch.setattr(fault_waits, "FaultStream", refuse)
    with FaultWaits() as waits, Mapping(Backing.anon(), PAGE) as m:
        m.touch_write()
        faults, took = waits.read()
    assert not waits.timed
    assert len(faults) and set(took.tolist()) == {UNKNOWN_NS}
