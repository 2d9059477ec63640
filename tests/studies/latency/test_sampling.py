"""prefault_kit.studies.latency.sampling: which touches fault, by preparation and event."""

from pathlib import Path

from prefault_kit import Backing
from prefault_kit.host import features
from prefault_kit.studies.latency import Latencies, Probe, run
from prefault_kit.studies.latency.preparations import TOUCHED

NONE, ALL = "none", "all"
UNPREPARED = {"nothing", "MLOCK_ONFAULT"}
LOCKED = {"MLOCK", "MLOCK_ONFAULT", "MLOCK_ONFAULT+POPULATE_WRITE"}


def probed(backing: Backing, event: str) -> Latencies:
    """A probe of one second: 250 touches of each mapping."""
    return run(Probe(backing, seconds=1, event=event))


def faulting(found: Latencies) -> tuple[set[str], set[str]]:
    """The preparations where all touches fault, before the event and after; no other faults."""
    faulted = {name: found.faulted(name) for name in found.samples}
    assert {part for both in faulted.values() for part in both} <= {NONE, ALL}, faulted
    before, after = ({name for name, parts in faulted.items() if parts[i] == ALL} for i in (0, 1))
    return before, after


def test_anonymous_memory_before_and_beside_a_fork() -> None:
    """READ prepares no write; a fork undoes every preparation, and no lock helps."""
    found = probed(Backing.anon(), "fork")
    before, after = faulting(found)
    assert before == (UNPREPARED | {"POPULATE_READ"}) & set(found.samples)
    assert after == set(found.samples)
    assert {len(each.waits_ns) for each in found.samples.values()} == {found.probe.touches} == {250}
    unprepared = found.samples["nothing"]
    assert unprepared.faults_before >= found.probe.touches_before
    assert unprepared.faults_after >= 250 - found.probe.touches_before


def test_shared_memory_keeps_what_is_locked_from_reclaim() -> None:
    """What is populated and not locked is taken away; the kernel refuses for what is locked. (It
    takes its time, in which touches do not fault yet: some.)"""
    found = probed(Backing.memfd(), "reclaim")
    before, after = ({name: found.faulted(name)[i] for name in found.samples} for i in (0, 1))
    assert set(before.values()) <= {NONE, ALL}
    assert {name for name in before if before[name] == ALL} == UNPREPARED & set(before)
    taken = (UNPREPARED | {"POPULATE_READ", "POPULATE_WRITE", TOUCHED}) & set(after)
    assert {name for name in after if after[name] != NONE} == taken
    for name in LOCKED & set(found.samples):
        assert found.refused[name] == "reclaim is refused: Invalid argument"


def test_a_file_waits_again_after_a_sync(disk_directory: Path) -> None:
    """Locking it prepares no write; a sync undoes every preparation. (What is written back by
    itself meanwhile faults again too: some.)"""
    found = probed(Backing.file(disk_directory), "sync")
    before = {name: found.faulted(name)[0] for name in found.samples}
    assert ALL not in {before["POPULATE_WRITE"], before[TOUCHED]}
    assert before["nothing"] == ALL
    if "MLOCK" in found.samples:
        assert before["MLOCK"] == before["POPULATE_READ"] == ALL
        assert before["MLOCK_ONFAULT+POPULATE_WRITE"] != ALL
    assert NONE not in {found.faulted(name)[1] for name in found.samples}  # a sync takes its time


def test_huge_pages_leave_no_fault() -> None:
    """Collapsing takes nothing away from who was prepared."""
    assert features.collapse("anon", "private") is None
    found = run(Probe(Backing.anon(), seconds=1, event="collapse"), ["nothing", "POPULATE_WRITE"])
    assert found.faulted("POPULATE_WRITE") == (NONE, NONE)
    assert found.faulted("nothing")[0] == ALL
