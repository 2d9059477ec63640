"""prefault_kit.studies.review.trial: one candidate, phase by phase, on real memory."""

import gc
import os
from pathlib import Path
from typing import Any

import numpy
import pytest

from prefault_kit import Backing
from prefault_kit.host import features
from prefault_kit.kernel import diskstats, page_cache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.timed import Work
from prefault_kit.measure import steps
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import check, questions
from prefault_kit.studies.review import Workload, trial
from prefault_kit.studies.review.accesses import Accesses
from prefault_kit.studies.review.candidates import DETOUR
from prefault_kit.studies.review.trial import Trial, TrialRun, _first_touch, perform

PAGES = 2048
SIZE = PAGES * PAGE
needs_cachestat = pytest.mark.skipif(features.cachestat() is not None, reason="needs cachestat")


def tried(case: Workload, candidate: str) -> Trial:
    runs = TrialRun(case)
    try:
        list(runs.content.prepare())
        return runs.trial(candidate, runs.plan(case.write))
    finally:
        runs.content.close()


@pytest.mark.parametrize(
    ("candidate", "present", "faults"),
    [("nothing", 0, PAGES), ("POPULATE_READ", PAGES, PAGES // 2), ("POPULATE_WRITE", PAGES, 0)],
)
def test_faults_are_those_of_the_accesses(candidate: str, present: int, faults: int) -> None:
    """Half of the pages written: READ leaves a fault for each of them, WRITE none."""
    case = Workload(
        Backing.anon(), "private", SIZE, read=0.5, write=0.5, pattern="sequential", repeats=2
    )
    # reads and writes go to the same pages, each read first
    found = tried(case, candidate)
    assert found.pages_after_prefault == present
    assert found.minor_faults == (PAGES if candidate == "nothing" else faults)
    assert sum(found.first_touch_bins) == PAGES // 2
    touch = found.first_touch_us
    assert 0 < touch["p50"] <= touch["p99"] <= touch["p999"] <= touch["max"]


@needs_cachestat
@pytest.mark.parametrize(
    ("candidate", "dirty"), [("POPULATE_READ", 0), ("POPULATE_WRITE", PAGES), ("nothing", 0)]
)
def test_what_is_dirty_is_written_back(disk_directory: Path, candidate: str, dirty: int) -> None:
    """Nothing is written by the program: all that is written back is the prefault's doing."""
    found = tried(
        Workload(Backing.file(disk_directory), size_bytes=SIZE, afterwards="sync"), candidate
    )
    assert found.dirty_pages_after_prefault == dirty
    assert found.sync_ms is not None
    if found.bytes_written_back is not None:  # a btrfs tree or an inode may come on top
        assert dirty * PAGE <= found.bytes_written_back < dirty * PAGE + (1 << 20)


@needs_cachestat
def test_bytes_agree_with_the_device(disk_directory: Path) -> None:
    """Whatever was charged, the device was given; other processes may write to it meanwhile."""
    case = Workload(
        Backing.file(disk_directory),
        size_bytes=64 << 20,
        content="large-chunks",
        pattern="sequential",
        write=0.5,
        afterwards="sync",
    )
    if diskstats.under(disk_directory) is None or diskstats.charged_bytes() is None:
        pytest.skip("needs a directory on one block device")
    found = tried(case, "POPULATE_WRITE")
    assert found.bytes_written_back is not None
    assert found.device_bytes_written is not None
    assert found.bytes_written_back >= case.size_bytes
    assert found.device_bytes_written >= 0.98 * found.bytes_written_back


@needs_cachestat
def test_one_page_of_a_large_folio_writes_it_all(disk_directory: Path) -> None:
    """One page in 100 of a file in large folios; MADV_RANDOM before populating a cold one."""
    case: dict[str, Any] = {
        "backing": Backing.file(disk_directory),
        "size_bytes": 16 << 20,
        "write": 0.01,
        "pattern": "sequential",
        "afterwards": "sync",
    }
    if diskstats.charged_bytes() is None:
        pytest.skip("needs CONFIG_TASK_IO_ACCOUNTING")
    large = tried(Workload(content="large-chunks", **case), "POPULATE_READ")
    small = tried(Workload(content="small-chunks", **case), "POPULATE_READ")
    random = tried(Workload(content="cold", **case), "MADV_RANDOM+POPULATE_READ")
    program = (16 << 20) // PAGE // 100 * PAGE
    assert (small.bytes_written_back or 0) < 3 * program
    assert (random.bytes_written_back or 0) < 3 * program
    if keeps_large_folios(disk_directory):
        assert (large.bytes_written_back or 0) > 50 * program


def keeps_large_folios(directory: Path) -> bool:
    """What the promise about them says of this file system."""
    asked = questions(["folio-dirty-whole"], [str(directory)])
    return [each.verdict for each in check(asked)] == ["holds"]


@pytest.mark.parametrize(
    ("candidate", "copies"), [("POPULATE_READ", 0), ("POPULATE_WRITE", SIZE), ("nothing", 0)]
)
@needs_cachestat
def test_memory_of_a_private_file_includes_its_copies(
    disk_directory: Path, candidate: str, copies: int
) -> None:
    """It is held twice: in the page cache, and as private copies of what is written."""
    case = Workload(
        Backing.file(disk_directory), "private", SIZE, content="small-chunks", read=0.0, write=1.0
    )
    found = tried(case, candidate)
    assert found.memory_bytes_after_prefault == SIZE + copies
    assert found.memory_bytes_after_access == 2 * SIZE


def test_latencies_are_of_the_first_access_to_each_page() -> None:
    """A page that is met again is there by then, and would hide the fault of the first time."""
    times = numpy.array([900, 10, 500, 20, 30, 40], "uint32")
    first = numpy.array([True, False, True, False, False, False])
    touch, bins = _first_touch(times, first)
    assert touch == {"p50": 0.7, "p99": 0.896, "p999": 0.9, "max": 0.9}
    assert sum(bins) == 2


def test_a_bin_of_the_histogram_begins_at_its_edge() -> None:
    """Bin i has 10^(1 + i/10) ns and more, below the next edge; the ends take the rest."""
    times = numpy.array([0, 12, 13, 99, 100, 126, 4_000_000_000], "uint32")
    _, bins = _first_touch(times, numpy.ones(len(times), bool))
    assert {i: count for i, count in enumerate(bins) if count} == {
        0: 2,
        1: 1,
        9: 1,
        10: 1,
        11: 1,
        79: 1,
    }


def test_one_plan_at_a_time_and_the_same_again() -> None:
    """A plan takes memory for each access, so that of another fraction replaces it."""
    runs = TrialRun(Workload(Backing.anon(), "private", SIZE, repeats=2))
    half, all_ = runs.plan(0.5), runs.plan(1.0)
    assert (half.pages_written, all_.pages_written) == (PAGES // 2, PAGES)
    assert runs.plan(1.0) is all_
    assert runs.plan(0.5).pages.tolist() == half.pages.tolist()
    kept = [each for each in gc.get_objects() if isinstance(each, Accesses)]
    assert len(kept) <= 3  # those of this test


@needs_cachestat
def test_eviction_and_reading_again(disk_directory: Path) -> None:
    """Afterwards the pages that were read come from the disk again."""
    case = Workload(
        Backing.file(disk_directory), size_bytes=SIZE, content="cold", afterwards="evict"
    )
    runs = TrialRun(case)
    try:
        list(runs.content.prepare())
        found = runs.trial("POPULATE_READ", runs.plan(case.write))
        assert runs.content.fd is not None
        assert page_cache.of(runs.content.fd).cached == PAGES  # all of them, not those near one
    finally:
        runs.content.close()
    assert found.evict_ms is not None
    assert found.refault_ms is not None
    assert found.major_faults == 0


def test_a_file_of_ones_own_is_only_read(tmp_path: Path) -> None:
    """Its mapping cannot be written, and it stays as it was."""
    path = tmp_path / "mine"
    path.write_bytes(b"x" * SIZE)
    before = path.stat()
    found = tried(Workload.of_file(path, read=0.5), "POPULATE_READ")
    assert found.pages_after_prefault == PAGES
    assert found.sync_ms is None
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.needs("small_tmpfs")
def test_a_full_file_system_ends_a_candidate_in_words(small_tmpfs_directory: Path) -> None:
    """Each candidate that cannot have its pages says so; nothing stays."""
    free = os.statvfs(small_tmpfs_directory).f_bfree
    case = Workload(Backing.tmpfs(small_tmpfs_directory), size_bytes=4 << 20, repeats=2)
    cases = [("POPULATE_WRITE", 0.0), ("nothing", 0.0), ("FALLOCATE+POPULATE_READ", 0.0)]
    events = list(perform({"workload": case.as_dict(), "cases": cases}))
    assert [event["case"] for event in events if "error" in event] == [0, 1, 2]
    said = [event["error"] for event in events if "error" in event]
    assert "EFAULT" in said[0]
    assert "EFAULT" in said[1]
    assert "ENOSPC" in said[2]
    assert os.statvfs(small_tmpfs_directory).f_bfree == free


def test_every_round_has_another_order() -> None:
    """No candidate always comes after the same one."""
    case = Workload(Backing.anon(), "private", SIZE, repeats=2)
    cases = [("nothing", 0.0), ("POPULATE_READ", 0.0), ("POPULATE_WRITE", 0.0)]
    events = list(perform({"workload": case.as_dict(), "cases": cases}))
    assert [event["case"] for event in events] == [0, 1, 2, 1, 2, 0, 2, 0, 1]


def test_every_step_of_a_method_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefaulting takes as long as all its steps together, not as the last one."""

    def do(mapping: Mapping, step: str, threads: int) -> Work:
        return steps.do(mapping, step, threads) + Work(elapsed_ns=1_000_000_000)

    monkeypatch.setattr(trial, "do", do)
    found = tried(Workload(Backing.anon(), "private", SIZE, repeats=2), DETOUR.name)
    assert found.prefault_ms > 1000 * len(DETOUR.steps)


def test_all_threads_prefault_and_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the case has, in each phase."""
    asked: list[int] = []

    def note(name: str) -> None:
        real = getattr(Mapping, name)

        def noting(mapping: Mapping, *given: Any, threads: int = 1, **other: Any) -> Any:
            asked.append(threads)
            return real(mapping, *given, threads=threads, **other)

        monkeypatch.setattr(Mapping, name, noting)

    for name in ("populate_read", "access"):
        note(name)
    found = tried(Workload(Backing.anon(), "private", SIZE, threads=3), "POPULATE_READ")
    assert asked == [3, 3]
    assert found.pages_after_prefault == PAGES
