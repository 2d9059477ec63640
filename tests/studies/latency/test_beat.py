"""prefault_kit.studies.latency.beat: which touches fault, by preparation and by what happened."""

from pathlib import Path

from prefault_kit import Backing
from prefault_kit.host import features
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
