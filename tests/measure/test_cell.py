"""prefault_kit.measure.cell: one method on fresh memory, and what it left."""

import itertools
import platform
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.timed import Work
from prefault_kit.measure import cell
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.running import run
from prefault_kit.measure.start_state import StartState
from prefault_kit.memory.backing import Backing

PAGES = 1024
SIZE = PAGES * PAGE


def perform(experiment: Experiment) -> dict[str, Any]:
    """Run a cell in this process; its measurement."""
    events = cell.measure({"experiments": [experiment.as_dict()]})
    return next(event for event in events if "outcome" in event)


@pytest.mark.needs("cachestat")
def test_follow_up_shows_what_was_left_to_pay(disk_directory: Path) -> None:
    """After POPULATE_READ each write faults and dirties; after POPULATE_WRITE none does."""
    phases = {}
    for method in ("POPULATE_READ", "POPULATE_WRITE"):
        result = run(
            Experiment(
                Backing.file(disk_directory), "shared", method, SIZE, repeats=1, follow_up=True
            )
        )
        phases[method] = {
            phase["phase"]: (phase["dirty"], phase["minor_faults"]) for phase in result.phases
        }
    assert phases["POPULATE_READ"]["method"][0] == 0
    assert phases["POPULATE_READ"]["write"] == (PAGES, PAGES)
    assert phases["POPULATE_READ"]["sync"][0] == 0
    assert phases["POPULATE_WRITE"]["method"][0] == PAGES
    assert phases["POPULATE_WRITE"]["write"] == (PAGES, 0)
    assert phases["POPULATE_WRITE"]["sync"][0] == 0


def test_threads_do_the_same_work() -> None:
    """With three threads the page states and faults are those of one."""
    for method in ("POPULATE_WRITE", "Write", "Read/Write"):
        for threads in (1, 3):
            measured = perform(
                Experiment(Backing.anon(), "shared", method, SIZE, repeats=1, threads=threads)
            )
            assert measured["pages"]["present"] == PAGES
            twice = method == "Read/Write" and platform.machine() == "s390x"  # see test_steps
            assert measured["faults"]["minor"] == PAGES * (2 if twice else 1)


@pytest.mark.needs("small_tmpfs")
def test_a_failure_keeps_errno_and_prefix(small_tmpfs_directory: Path) -> None:
    """Where the kernel fails midway, the measurement has errno, prefix and views of the part."""
    measured = perform(
        Experiment(Backing.tmpfs(small_tmpfs_directory), "shared", "POPULATE_WRITE", 16 << 20)
    )
    assert (measured["outcome"], measured["errno"]) == ("error", "EFAULT")
    assert measured["populated_bytes"] == measured["pages"]["present"] * PAGE > 0
    assert measured["timings_ms"] == []


def test_a_directory_that_is_gone_is_an_error_not_a_crash(tmp_path: Path) -> None:
    """A file that cannot be made is told per cell, with errno."""
    measured = perform(Experiment(Backing.file(tmp_path / "gone"), "shared", "Read", SIZE))
    assert (measured["outcome"], measured["errno"]) == ("error", "ENOENT")
    assert "could not be prepared" in measured["message"]


def test_a_cell_that_has_fewer_repetitions_ends_earlier() -> None:
    """Cells that are compared may want different numbers of them; each has its own."""
    cells = [Experiment(Backing.anon(), "private", "Read", SIZE, repeats=n) for n in (1, 3)]
    events = list(cell.measure({"experiments": [each.as_dict() for each in cells]}))
    told = [(each["cell"], each["repetition"]) for each in events if "outcome" not in each]
    assert told == [(0, 0), (1, 0), (0, 1), (1, 1), (1, 2), (1, 3)]
    measured = [(each["cell"], len(each["timings_ms"])) for each in events if "outcome" in each]
    assert measured == [(0, 1), (1, 3)]


def test_figures_are_of_their_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times in order with the warm-up apart, each the sum of a method's steps; faults of the last.

    What the steps cost is made up here, as no kernel takes a known time.
    """
    costs = itertools.count(1)

    def cost(*_: object) -> Work:
        number = next(costs)
        return Work(elapsed_ns=number * 1_000_000, minor_faults=100 * number, major_faults=number)

    monkeypatch.setattr(cell, "do", cost)
    experiment = Experiment(Backing.memfd(), "shared", "FALLOCATE+Write", SIZE, repeats=3)
    measured = perform(experiment)
    assert measured["warmup_ms"] == 1 + 2
    assert measured["timings_ms"] == [3 + 4, 5 + 6, 7 + 8]
    assert measured["faults"] == {"minor": 1500, "major": 15}


def test_populated_is_what_has_page_table_entries() -> None:
    """The zero page too, which no Rss counts."""
    measured = perform(Experiment(Backing.anon(), "private", "POPULATE_READ", SIZE, repeats=1))
    assert measured["populated_bytes"] == SIZE
    assert measured["usage"]["rss"] == 0


@pytest.mark.parametrize("repeats", [1, 2])
def test_views_are_taken_after_the_method(repeats: int) -> None:
    """Of what it left, not of the fresh mapping, the first time as the last."""
    experiment = Experiment(Backing.memfd(), "shared", "Write", SIZE, repeats=repeats)
    start = StartState(experiment)
    try:
        made = cell.Cell(experiment, start, early_views=True)
        for repetition in range(repeats + 1):
            made.repeat(repetition)
    finally:
        start.close()
    for views in (made.first_views, made.measured):
        assert views is not None
        assert views["usage"]["rss"] == SIZE
        assert views["pages"]["present"] == PAGES
        assert views["file"]["cached"] == PAGES
        assert views["faults"]["minor"] - PAGES in (0, 1)  # one may be of the program itself


@pytest.mark.needs("thp")
@pytest.mark.parametrize(("method", "avoided"), [("Write", True), ("MADV_COLLAPSE", False)])
def test_cells_of_small_pages_are_kept_off_huge_ones(
    method: str, avoided: bool, huge_page_bytes: int
) -> None:
    """By MADV_NOHUGEPAGE, unless huge pages are what the method is about; smaps tells (nh)."""
    experiment = Experiment(Backing.anon(), "private", method, huge_page_bytes)
    start = StartState(experiment)
    with cell.Cell(experiment, start)._map() as mapping:
        assert ("nh" in mapping.usage().vm_flags) == avoided
