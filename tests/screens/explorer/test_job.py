"""prefault_kit.screens.explorer.job: cells that run, as results and in words."""

from typing import Any

import pytest

from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import Progress
from prefault_kit.memory.backing import Backing
from prefault_kit.screens.explorer.job import ExplorerJob

SIZE = 2 << 20


def progress(cell: int, repetition: int, phase: str = "repetition", **known: Any) -> Progress:
    elapsed_ms = known.pop("elapsed_ms", 1.0)
    return Progress(
        cell=cell, repetition=repetition, repeats=2, elapsed_ms=elapsed_ms, phase=phase, **known
    )


@pytest.fixture
def run() -> ExplorerJob:
    """Read and Write, twice each."""
    cells = [
        Experiment(Backing.anon(), "private", name, SIZE, repeats=2) for name in ("Read", "Write")
    ]
    return ExplorerJob(cells, 1, "Comparing")


def test_progress_in_words(run: ExplorerJob) -> None:
    """What runs now: filling, warm-up, repetition k of n with its method, the follow-up."""
    assert run.status() == "Comparing: warm-up (Read)."
    run.record(progress(0, 0, "prepare", part=0.5))
    assert run.status() == "Comparing: filling the file, 50% done."
    run.record(progress(0, 0))
    assert run.status() == "Comparing: warm-up (Write)."
    run.record(progress(1, 0))
    assert run.status() == "Comparing: repetition 1 of 2 (Read)."
    run.record(progress(0, 1))
    run.record(progress(1, 1))
    run.record(progress(0, 2, "follow_up", part=0.0))
    assert "one write to each page and a sync" in run.status()
    assert run.fraction == pytest.approx(4 / 6)
    run.began_s -= 100
    assert "100 s so far, about 50 s left." in run.status()


def test_a_running_cell_is_a_result(run: ExplorerJob) -> None:
    """From the start, with minimum and median of the timings so far; the warm-up is none."""
    read, write = run.live().results
    assert {type(read), type(write)} == {Result}
    assert (read.method, read.outcome, read.timings_ms) == ("Read", "running", [])
    assert (read.best_ms, read.median_ms, read.usage) == (None, None, None)
    run.record(progress(0, 0, elapsed_ms=9.0))
    run.record(progress(1, 0, elapsed_ms=9.0))
    run.record(progress(0, 1, elapsed_ms=4.0))
    run.record(progress(0, 2, elapsed_ms=2.0))
    read, write = run.live().results
    assert (read.timings_ms, read.best_ms, read.median_ms) == ([4.0, 2.0], 2.0, 3.0)
    assert (write.timings_ms, write.best_ms) == ([], None)
    assert run.live().focus == 1


def test_the_views_of_the_warm_up_stay(run: ExplorerJob) -> None:
    """What the warm-up left resident is shown while the repetitions go on, in its own line."""
    views = Result.of(run.cells[1], "running", usage={"anonymous": SIZE})
    run.record(progress(0, 0))
    run.record(progress(1, 0, views=views))
    run.record(progress(1, 1, elapsed_ms=4.0))
    read, write = run.live().results
    assert (read.usage, write.usage) == (None, {"anonymous": SIZE})
    assert write.timings_ms == [4.0]
