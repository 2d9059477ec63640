"""prefault_kit.studies.trial.watching: the faults of a program, by the mappings it makes."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace

import numpy
import pytest

from prefault_kit.kernel.perf import TaskEvent
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.tracer import End, Event, Rule
from prefault_kit.studies.trial import Choice, Plan, Setting, watching
from prefault_kit.studies.trial.result import FaultCounts, Resident
from prefault_kit.studies.trial.run import Watched
from prefault_kit.studies.trial.running import survey
from prefault_kit.studies.trial.watching import ELSEWHERE, FEW, Faults, attribute, watch
from tests.kernel import traced
from tests.studies.trial.made import runs

PAGES = 512
SIZE = PAGES * PAGE
NO_HUGE_PAGE = 15
POPULATE = Rule(("MADV_NOHUGEPAGE", "MADV_POPULATE_WRITE"), least_bytes=SIZE, access="w")


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
@pytest.mark.needs("fault_events")
def test_faults_by_mapping_without_and_with_advice() -> None:
    """Each page that is written is one; populated before, none; resident is the same."""
    command = (traced.program(), "write", str(PAGES), "2", str(NO_HUGE_PAGE))
    groups, _ = survey(Plan(command, Choice(least_bytes=SIZE)))
    at = next(index for index, each in enumerate(groups) if each.kind == "anonymous private")
    plain, _ = watch(command, Setting(), (), groups, least_bytes=SIZE)
    advised, watched = watch(command, Setting(), [POPULATE], groups, least_bytes=SIZE)
    assert plain.faults and plain.faults[at] == FaultCounts(2 * PAGES, 0)
    assert advised.faults and advised.faults[at] == FaultCounts(0, 0)
    assert watched.run.advised == 2
    one, other = plain.resident[at], advised.resident[at]
    assert one and other and one == other and one.bytes == one.mappings * SIZE
    assert plain.elsewhere and plain.elsewhere.total > 0
    assert plain.pss_bytes and plain.pss_bytes >= SIZE
    assert plain.lost == 0 and plain.why_not is None
    assert plain.longest and plain.waited_ms and plain.longest.elapsed_ms <= plain.waited_ms


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_where_faults_cannot_be_observed_the_rest_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, in the words of the kernel or of ``doctor``."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(watching, "FaultWaits", refuse)
    command = (traced.program(), "write", str(PAGES), "1")
    groups, _ = survey(Plan(command, Choice(least_bytes=SIZE)))
    seen, _ = watch(command, Setting(), (), groups, least_bytes=SIZE)
    assert seen.faults is None and seen.longest is None and seen.waited_ms is None
    assert seen.why_not
    assert any(seen.resident)


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_what_comes_too_fast_is_lost_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a program with more faults than are kept."""
    monkeypatch.setattr(watching, "MOST_FAULTS", 100)
    command = (traced.program(), "write", str(PAGES), "1", str(NO_HUGE_PAGE))
    seen, _ = watch(command, Setting(), (), (), least_bytes=SIZE)
    if seen.why_not is None:
        assert seen.lost + 100 >= PAGES
        assert seen.elsewhere and seen.elsewhere.total <= 100


def event(what: str, time_ns: int, pid: int, address: int = 0, length: int = 0) -> Event:
    """What a process did."""
    return Event(
        what, pid, pid, time_ns, address, length, 0, "anonymous private", "rw-", 0, "", None, None,
        None, None, False, 0, 0, (), 0, 0, 0, 0,
    )  # fmt: skip


def fork(time_ns: int, pid: int, parent: int) -> TaskEvent:
    """A process that another one made."""
    return TaskEvent("fork", time_ns, pid, pid, parent, parent)


def fed(*each: tuple[int, int, int], times: int = 1) -> Faults:
    """Faults: when, whose, where; each so often."""
    when, pid, address = (numpy.repeat(column, times) for column in zip(*each, strict=True))
    count = len(when)
    return Faults(
        when, address.astype("u8"), pid.astype("u4"), numpy.zeros(count, "?"),
        numpy.full(count, 5), [],
    )  # fmt: skip


def seen_of(events: list[Event], of: dict[int, int], faults: Faults) -> list[int]:
    """The group of each fault, None where it does not count."""
    end = End(0, 0, 0, 0, 0, 0, None, None, None, 1, 1, 0, 0, 0, 0, False)
    watched = Watched(replace(runs([1.0])[0]), events, end, "", 1000)
    where, counted = attribute(faults, watched, of)
    return [int(at) if yes else -9 for at, yes in zip(where, counted, strict=True)]


@pytest.mark.parametrize("times", [1, 2 * FEW])
def test_an_address_means_what_is_mapped_then(times: int) -> None:
    """One mapping over another, a child's copy, a new program: few faults and many at a time."""
    events = [
        event("exec", 5, 1),
        event("mmap", 10, 1, 0x10000, 0x8000),
        event("mmap", 30, 1, 0x14000, 0x1000),
        event("munmap", 37, 1, 0x10000, 0x1000),
        event("exec", 70, 2),
    ]
    faults = fed(
        (1001, 1, 0x10000),  # before the program
        (1015, 1, 0x14000),
        (1035, 1, 0x14000),
        (1035, 1, 0x17FFF),
        (1035, 1, 0x18000),
        (1038, 1, 0x10FFF),
        (1038, 1, 0x11000),
        (1050, 2, 0x14FFF),
        (1080, 2, 0x14000),
        times=times,
    )
    faults.forks.append(fork(1040, 2, 1))
    found = seen_of(events, {1: 3, 2: 4}, faults)
    assert found[::times] == [-9, 3, 4, 3, ELSEWHERE, ELSEWHERE, 3, 4, ELSEWHERE]
    assert len(set(zip(found, numpy.repeat(range(9), times), strict=True))) == 9


def test_no_fault_at_all() -> None:
    """Is an empty answer."""
    none = Faults(*(numpy.empty(0, kind) for kind in ("i8", "u8", "u4", "?", "i8")))  # type: ignore[arg-type]
    assert seen_of([event("exec", 5, 1)], {}, none) == []


def test_resident_is_of_the_group() -> None:
    """By address, each once."""

    class Told:
        used_bytes: Callable[[Event], int | None] = staticmethod(
            lambda each: None if each.address == 3 else each.length
        )

    events = [event("mmap", 1, 1, at, 4096) for at in (1, 1, 2, 3)]
    found = watching._resident(events, {0: 0, 1: 0, 2: 0, 3: 1}, Told(), 2)  # type: ignore[arg-type]
    assert found == (Resident(8192, 2), None)
