"""watch: which touches fault, by how memory was prepared and what happened."""

import math
import resource
from pathlib import Path

import numpy
import pytest

from prefault_kit import Backing
from prefault_kit.host import features, rlimits, thp
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies import latency
from prefault_kit.studies.latency.ways import TOUCHED

NONE, ALL = "none", "all"
UNPREPARED = {"nothing", "MLOCK_ONFAULT"}
LOCKED = {"MLOCK", "MLOCK_ONFAULT", "MLOCK_ONFAULT+POPULATE_WRITE"}


def watched(backing: Backing, event: str) -> latency.Latencies:
    """A watch of a second, of 250 beats."""
    return latency.run(latency.Watch(backing, seconds=1, event=event))


def faulting(found: latency.Latencies) -> tuple[set[str], set[str]]:
    """The ways of which all touches fault, before the event and after; of the others none do."""
    faulted = {way: found.faulted(way) for way in found.ways}
    assert {part for both in faulted.values() for part in both} <= {NONE, ALL}, faulted
    before, after = ({way for way, said in faulted.items() if said[i] == ALL} for i in (0, 1))
    return before, after


def test_anonymous_memory_before_and_beside_a_fork() -> None:
    """READ prepares no write; a fork undoes every preparation, and no lock helps."""
    found = watched(Backing.anon(), "fork")
    before, after = faulting(found)
    assert before == (UNPREPARED | {"POPULATE_READ"}) & set(found.ways)
    assert after == set(found.ways)
    assert {len(way.waits_ns) for way in found.ways.values()} == {found.watch.beats} == {250}


def test_shared_memory_keeps_what_is_locked_from_reclaim() -> None:
    """What is populated and not locked is taken away; the kernel refuses for what is locked."""
    found = watched(Backing.memfd(), "reclaim")
    before, after = faulting(found)
    assert before == UNPREPARED & set(found.ways)
    assert after == (UNPREPARED | {"POPULATE_READ", "POPULATE_WRITE", TOUCHED}) & set(found.ways)
    for way in LOCKED & set(found.ways):
        assert found.refused[way] == "reclaim is refused: Invalid argument"


def test_a_file_waits_again_after_a_sync(disk_directory: Path) -> None:
    """Locking it prepares no write; a sync undoes every preparation. (What is written back by
    itself meanwhile faults again too: some.)"""
    found = watched(Backing.file(disk_directory), "sync")
    before = {way: found.faulted(way)[0] for way in found.ways}
    assert ALL not in {before["POPULATE_WRITE"], before[TOUCHED]}
    assert before["nothing"] == ALL
    if "MLOCK" in found.ways:
        assert before["MLOCK"] == before["POPULATE_READ"] == ALL
        assert before["MLOCK_ONFAULT+POPULATE_WRITE"] != ALL
    assert NONE not in {found.faulted(way)[1] for way in found.ways}  # a sync takes its time


def test_huge_pages_leave_no_fault() -> None:
    """Collapsing takes nothing away from who was prepared."""
    assert features.collapse("anon", "private") is None
    found = latency.run(
        latency.Watch(Backing.anon(), seconds=1, event="collapse"), ["nothing", "POPULATE_WRITE"]
    )
    assert found.faulted("POPULATE_WRITE") == (NONE, NONE)
    assert found.faulted("nothing")[0] == ALL


def test_a_watch_is_read_as_it_was_saved(tmp_path: Path) -> None:
    """Every wait, and what was counted and refused."""
    found = latency.run(latency.Watch(Backing.anon(), seconds=1), ["nothing", TOUCHED])
    found.save(tmp_path / "watch.npz")
    again = latency.read(tmp_path / "watch.npz")
    assert (again.watch, again.refused) == (found.watch, found.refused)
    assert list(again.ways) == list(found.ways)
    assert [again.faulted(way) for way in again.ways] == [found.faulted(way) for way in found.ways]
    assert (again.ways["nothing"].waits_ns == found.ways["nothing"].waits_ns).all()
    assert again.host == found.host


def made(waits_ns: list[int], **other: object) -> latency.Latencies:
    """A watch that was not made."""
    watch = latency.Watch(Backing.anon(), seconds=1, period_us=250_000, **other)  # type: ignore[arg-type]
    way = latency.Way(numpy.array(waits_ns, "uint32"), 0, 2)
    return latency.Latencies(watch, {"nothing": way})


def test_figures_are_of_the_halves() -> None:
    """Four beats, the event before the third."""
    found = made([1000, 3000, 5000, 9000], event="fork")
    before, after = found.quantiles_us("nothing")
    assert (before["p50"], before["max"], after["p50"], after["max"]) == (2, 3, 7, 9)
    assert found.worst_us("nothing") == ([0, 0.25, 0.5, 0.75], [1, 3, 5, 9])
    assert found.slower("nothing") == ([1, 3], [1, 0.5])
    assert made([1000, 3000, 5000, 9000]).slower("nothing")[0] == [1, 3, 5, 9]
    assert found.watch.event_s == 0.5


def test_half_a_watch_has_no_second_half() -> None:
    """While it is under way."""
    _, after = made([1000], event="fork").quantiles_us("nothing")
    assert math.isnan(after["p50"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"backing": Backing.tmpfs("/")}, "memory is one of anon, memfd, file"),
        ({"event": "rain"}, "event is one of"),
        ({"event": "sync"}, "choose file"),
        ({"backing": Backing.file("."), "event": "collapse"}, "choose anon"),
        ({"seconds": 0}, "1 to 3600 seconds"),
        ({"seconds": math.nan}, "1 to 3600 seconds"),
        ({"period_us": 10}, "at least 100"),
    ],
)
def test_what_makes_no_sense_is_refused(words: dict[str, object], said: str) -> None:
    """In one sentence."""
    with pytest.raises(ValueError, match=said):
        latency.Watch(**({"backing": Backing.anon()} | words))  # type: ignore[arg-type]


def test_no_room_is_said_beforehand() -> None:
    """And nothing is run."""
    watch = latency.Watch(Backing.anon(), seconds=3600, period_us=100)
    with pytest.raises(OSError, match=r"memory are needed|is refused by the kernel"):
        latency.run(watch)


def test_who_may_not_lock_sees_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit and what would help."""
    monkeypatch.setattr(rlimits, "memlock_bytes", lambda: 1 << 16)
    real = resource.getrlimit
    small = {resource.RLIMIT_MEMLOCK: (1 << 16, 1 << 16)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: small.get(kind) or real(kind))
    refused = latency.Watch(Backing.anon(), seconds=1).refused()
    assert set(refused) == LOCKED
    assert all("RLIMIT_MEMLOCK" in why and "prlimit" in why for why in refused.values())


def test_mappings_are_whole_huge_pages() -> None:
    """So that they can be collapsed; a page a beat fits."""
    watch = latency.Watch(Backing.anon(), seconds=10)
    assert watch.size_bytes >= watch.beats * PAGE
    assert watch.size_bytes % (thp.size_bytes() or PAGE) == 0
