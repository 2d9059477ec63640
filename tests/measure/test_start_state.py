"""prefault_kit.measure.start_state: start states, what is timed, and what is left behind."""

from pathlib import Path

import pytest

from prefault_kit.kernel import page_cache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import start_state
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.running import run
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 1024
SIZE = PAGES * PAGE
FAULT_AROUND_BYTES = 64 << 10
"""fault_around_bytes of mm/memory.c, its default."""


def test_empty_file_is_a_hole(disk_directory: Path) -> None:
    """Start empty: POPULATE_READ of a hole allocates nothing."""
    result = run(Experiment(Backing.file(disk_directory), "shared", "POPULATE_READ", SIZE))
    assert result.file is not None
    assert result.file["allocated_bytes"] == 0
    assert result.file["cached"] == PAGES


@pytest.mark.needs("cachestat")
def test_closing_an_emptied_file_writes_nothing(disk_directory: Path) -> None:
    """ext4, xfs and btrfs flush a file at the first close after it was cut to size 0; the file
    has that close behind it before anything is dirty, so that a Stop never waits for a flush."""
    experiment = Experiment(Backing.file(disk_directory), "shared", "POPULATE_WRITE", SIZE)
    made = start_state.StartState(experiment)
    assert made.fd is not None
    with open(f"/proc/self/fd/{made.fd}", "rb") as watched:
        made.reset()
        with Mapping(experiment.backing, SIZE, "shared", fd=made.fd) as mapping:
            mapping.populate_write()
        made.close()
        cache = page_cache.of(watched.fileno())
    assert (cache.dirty, cache.writeback) == (PAGES, 0)


@pytest.mark.needs("cachestat")
def test_cached_file_has_single_pages(disk_directory: Path) -> None:
    """Start cached: data in the page cache in single pages, so one page read maps a small window,
    and nothing is read from disk."""
    result = run(
        Experiment(Backing.file(disk_directory), "private", "POPULATE_WRITE", SIZE, start="cached")
    )
    assert result.faults == {"minor": PAGES, "major": 0}
    assert result.file is not None
    assert result.file["cached"] == PAGES
    assert result.file["dirty"] == 0


def test_one_page_of_a_cached_file_maps_no_large_folio(disk_directory: Path) -> None:
    """A file that is filled in large pieces lies in large folios, and one populate of one page then
    maps hundreds: of single pages it maps at most the window of fault-around."""
    experiment = Experiment(
        Backing.file(disk_directory), "shared", "POPULATE_READ", 4 << 20, start="cached"
    )
    made = start_state.StartState(experiment)
    try:
        list(made.prepare())
        made.reset()
        with Mapping(experiment.backing, 4 << 20, "shared", fd=made.fd) as mapping:
            mapping.populate_read(0, PAGE)
            assert 1 <= mapping.pages().present <= FAULT_AROUND_BYTES // PAGE
    finally:
        made.close()


@pytest.mark.needs("major_faults")
def test_cold_file_is_read_from_disk(disk_directory: Path) -> None:
    """Start cold: nothing cached before, so FALLOCATE alone leaves nothing cached, and reading
    takes major faults."""
    backing = Backing.file(disk_directory)
    untouched = run(Experiment(backing, "shared", "FALLOCATE", SIZE, start="cold", repeats=2))
    assert untouched.file is not None
    assert untouched.file["cached"] == 0
    assert untouched.file["allocated_bytes"] >= SIZE
    read = run(Experiment(backing, "shared", "POPULATE_READ", SIZE, start="cold", repeats=2))
    assert read.faults is not None
    assert read.faults["major"] > 0
    assert read.pages is not None
    assert read.pages["present"] == PAGES


@pytest.mark.parametrize("kind", ["memfd", "file"])
def test_every_repetition_starts_from_the_same_state(kind: str, disk_directory: Path) -> None:
    """The third repetition finds the file as empty as the first: it takes the same faults."""
    backing = Backing.memfd() if kind == "memfd" else Backing.file(disk_directory)
    faults = []
    for repeats in (1, 3):
        result = run(Experiment(backing, "shared", "POPULATE_READ", SIZE, repeats=repeats))
        assert result.faults is not None
        faults.append(result.faults["minor"] + result.faults["major"])
    assert faults[0] == faults[1]
    assert result.file is not None
    if kind == "memfd":
        assert faults[0] == PAGES  # a page in the cache would have been mapped with its neighbours
    else:
        assert result.file["allocated_bytes"] == 0


def test_nothing_is_left_in_the_directory(tmp_path: Path) -> None:
    """The file of a run has no name."""
    for start in ("empty", "cached", "cold"):
        run(Experiment(Backing.file(tmp_path), "shared", "Write", SIZE, start=start, repeats=1))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.alone
@pytest.mark.needs("hugetlb")
@pytest.mark.needs("pagemap_scan")
@pytest.mark.parametrize("start", ["empty", "cached"])
def test_hugetlb_cells(start: str, huge_page_bytes: int) -> None:
    """Huge cells run in both starts, and give their huge pages back."""
    from prefault_kit.kernel import hugepages

    before = hugepages.pools()[huge_page_bytes]
    for sharing, method in (("private", "Write"), ("shared", "FALLOCATE+POPULATE_READ")):
        result = run(
            Experiment(
                Backing.memfd(huge_page_bytes), sharing, method, 2 * huge_page_bytes, start=start
            )
        )
        assert result.outcome == "ok", result.message
        assert result.pages is not None
        assert result.pages["huge"] == 2 * huge_page_bytes // PAGE
    assert hugepages.pools()[huge_page_bytes] == before


@pytest.mark.parametrize("start", ["cached", "cold"])
def test_a_file_is_filled_in_writes_of_a_page(
    start: str, disk_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Larger writes make large folios on ext4 and xfs, which one populate of a page maps whole."""
    wrote: list[tuple[int, int]] = []
    monkeypatch.setattr(
        start_state.syscalls,
        "fill",
        lambda fd, offset, length, data: wrote.append((length, len(data))),
    )
    experiment = Experiment(Backing.file(disk_directory), "shared", "Read", SIZE, start=start)
    made = start_state.StartState(experiment)
    try:
        assert list(made.prepare()) == [1.0]
    finally:
        made.close()
    assert wrote == [(SIZE, PAGE)]
