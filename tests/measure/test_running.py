"""prefault_kit.measure.running: cells in the worker, to their results."""

import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from prefault_kit.host import thp
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import running
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import Progress, run, run_many
from prefault_kit.measure.worker import Worker, WorkerStopped
from prefault_kit.memory import methods
from prefault_kit.memory.backing import Backing

PAGES = 512
SIZE = PAGES * PAGE


def anon(method: str, **known: object) -> Experiment:
    return Experiment(Backing.anon(), "private", method, SIZE, **known)  # type: ignore[arg-type]


@pytest.mark.needs("pagemap_scan")
def test_published_example_runs() -> None:
    """The cell of the documentation: ten timings, minimum and median of just these."""
    result = run(anon("POPULATE_WRITE"))
    assert result.outcome == "ok"
    assert len(result.timings_ms) == 10
    assert result.best_ms == min(result.timings_ms)
    assert sorted(result.timings_ms)[4] <= (result.median_ms or 0) <= sorted(result.timings_ms)[5]
    assert result.warmup_ms is not None
    assert result.faults == {"minor": PAGES, "major": 0}
    assert result.pages == {"present": PAGES, "zero": 0, "huge": 0, "swapped": 0}
    assert result.populated_bytes == SIZE
    assert result.file is None


def test_a_median_is_of_these_timings() -> None:
    """Minimum, median and notes follow from the timings; of none there are none."""
    plain = Result.of(anon("Write"), "ok")
    found = running.timed(plain, [1.0, 3.0, 2.0, 9.0])
    assert (found.timings_ms, found.best_ms, found.median_ms) == ([1.0, 3.0, 2.0, 9.0], 1.0, 2.5)
    assert any("above" in note for note in found.notes)
    none = running.timed(plain, [])
    assert (none.timings_ms, none.best_ms, none.median_ms) == ([], None, None)


def test_progress_comes_after_every_repetition() -> None:
    """The warm-up is number 0, then each repetition is told with its time."""
    told: list[Progress] = []
    result = run(anon("Write", repeats=4), on_progress=told.append)
    assert [each.repetition for each in told] == [0, 1, 2, 3, 4]
    assert [each.elapsed_ms for each in told] == [result.warmup_ms, *result.timings_ms]
    assert {each.phase for each in told} == {"repetition"}


@pytest.mark.parametrize("early", [True, False])
def test_the_warm_up_shows_the_views_early_if_asked(early: bool) -> None:
    """They are those of the end: nothing else happens to a fresh mapping; no timing is in them."""
    told: list[Progress] = []
    cells = [anon("Write", repeats=2), anon("POPULATE_READ", repeats=2)]
    finished = run_many(cells, on_progress=told.append, early_views=early)
    assert [bool(each.views) for each in told] == [early] * 2 + [False] * 4
    for each, result in zip(told, finished, strict=False):
        if each.views:
            assert each.views.pages == result.pages
            assert each.views.usage == result.usage
            assert each.views.faults == result.faults
            assert each.views.timings_ms == []


def test_compared_cells_are_interleaved() -> None:
    """Repetition r of every cell comes before r + 1 of any."""
    told: list[tuple[int, int]] = []
    cells = [anon(name, repeats=3) for name in ("Read", "Write", "POPULATE_READ")]
    results = run_many(cells, on_progress=lambda each: told.append((each.repetition, each.cell)))
    assert told == [(repetition, cell) for repetition in range(4) for cell in range(3)]
    assert [result.method for result in results] == ["Read", "Write", "POPULATE_READ"]


def test_cells_of_different_memory_are_not_compared() -> None:
    """run_many refuses cells that cannot share one file."""
    with pytest.raises(ValueError, match="share backing, size and start"):
        run_many([anon("Read"), replace(anon("Read"), size_bytes=2 * SIZE)])


def test_a_killed_worker_is_a_result_in_words() -> None:
    """A worker that is killed midway gives an error result; the next run works."""
    with Worker() as worker:

        def kill(progress: Progress) -> None:
            if progress.repetition == 2:
                assert worker.pid is not None
                os.kill(worker.pid, signal.SIGBUS)

        result = run(anon("Write", repeats=10000), worker=worker, on_progress=kill)
        assert result.outcome == "error"
        assert result.errno is None
        assert "SIGBUS" in (result.message or "")
        assert run(anon("Write", repeats=1), worker=worker).outcome == "ok"


def test_stop_raises_and_releases() -> None:
    """Stop during a big populate raises WorkerStopped and ends the worker."""

    def stop() -> None:
        while worker.pid is None:  # an emulated processor takes its time to start one
            time.sleep(0.01)
        time.sleep(0.3)
        worker.stop()

    with Worker() as worker:
        timer = threading.Thread(target=stop)
        timer.start()
        big = Experiment(Backing.anon(), "private", "POPULATE_WRITE", 1 << 30, repeats=10000)
        with pytest.raises(WorkerStopped):
            run(big, worker=worker)
        timer.join()
        assert run(anon("Read", repeats=1), worker=worker).outcome == "ok"


def test_unavailable_says_why_and_what_helps() -> None:
    """A cell larger than the machine is not tried: outcome unavailable, with a sentence."""
    result = run(replace(anon("Write"), size_bytes=1 << 50))
    assert result.outcome == "unavailable"
    assert result.message
    assert result.timings_ms == []


def _run_in_every_start(backing: Backing, sharing: str, name: str, memlock: int) -> None:
    size = min(SIZE, memlock // PAGE * PAGE) if name == "MLOCK" else SIZE
    ran = 0
    for start in ("empty", "cached", "cold"):
        try:
            cell = Experiment(backing, sharing, name, size, start=start, repeats=1, follow_up=True)
        except ValueError:
            continue
        result = run(cell)
        ran += 1
        if name == "MADV_COLLAPSE" and thp.size_bytes() is None:
            assert "without transparent huge pages" in (result.message or "")
            continue
        if name == "MADV_COLLAPSE" and size < (thp.size_bytes() or 0):
            assert "choose a size of" in (result.message or "")
            continue
        assert result.outcome == "ok", result.message
        assert result.pages is not None
        populates = name not in ("FALLOCATE", "WILLNEED")
        assert result.pages["present"] == (size // PAGE if populates else 0)
        assert [phase["phase"] for phase in result.phases] == ["method", "write", "sync"]
    assert ran or methods.applies(
        methods.METHODS[name],
        has_file=backing.has_file,
        sharing=sharing,
        hugetlb=False,
        on_disk=backing.on_disk,
    )


@pytest.mark.parametrize("name", methods.METHODS)
@pytest.mark.parametrize("sharing", ["private", "shared"])
@pytest.mark.parametrize("kind", ["anon", "memfd", "tmpfs"])
def test_every_cell_runs_in_every_start(kind: str, sharing: str, name: str, memlock: int) -> None:
    """Each method that applies runs on each backing of small pages, from each start state."""
    _run_in_every_start(Backing.of(kind), sharing, name, memlock)


@pytest.mark.parametrize("name", methods.METHODS)
@pytest.mark.parametrize("sharing", ["private", "shared"])
def test_every_cell_of_a_file_runs_in_every_start(
    sharing: str, name: str, disk_directory: os.PathLike[str], memlock: int
) -> None:
    """The same on each file system."""
    _run_in_every_start(Backing.file(disk_directory), sharing, name, memlock)
