"""prefault_kit.measure.cell: one method on fresh memory, and what it left."""

from pathlib import Path
from typing import Any

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import cell
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.running import run
from prefault_kit.memory.backing import Backing

PAGES = 1024
SIZE = PAGES * PAGE


def perform(experiment: Experiment) -> dict[str, Any]:
    """Run a cell in this process; its measurement."""
    events = cell.measure({"experiments": [experiment.as_dict()]})
    return next(event for event in events if "outcome" in event)


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
            assert measured["faults"]["minor"] == PAGES


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
