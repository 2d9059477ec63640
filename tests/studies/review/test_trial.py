"""prefault_kit.studies.review.trial: one candidate, phase by phase, on real memory."""

import os
from pathlib import Path
from typing import Any

import pytest

from prefault_kit import Backing
from prefault_kit.host import features
from prefault_kit.kernel import diskstats
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.promises import check, questions
from prefault_kit.studies.review import Workload
from prefault_kit.studies.review.trial import Trial, TrialRun, perform

PAGES = 2048
SIZE = PAGES * PAGE
needs_cachestat = pytest.mark.skipif(features.cachestat() is not None, reason="needs cachestat")


def tried(case: Workload, candidate: str) -> Trial:
    bench = TrialRun(case)
    try:
        list(bench.content.lay())
        return bench.trial(candidate, bench.plan(case.write))
    finally:
        bench.content.close()


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
    """Within 2 %: what was charged is what the device took."""
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
    os.sync()  # so that what others left is not counted
    found = tried(case, "POPULATE_WRITE")
    assert found.bytes_written_back is not None
    assert found.device_bytes_written == pytest.approx(found.bytes_written_back, rel=0.02)


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


@needs_cachestat
def test_eviction_and_reading_again(disk_directory: Path) -> None:
    """Afterwards the pages that were read come from the disk anew."""
    case = Workload(
        Backing.file(disk_directory), size_bytes=SIZE, content="cold", afterwards="evict"
    )
    found = tried(case, "POPULATE_READ")
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
