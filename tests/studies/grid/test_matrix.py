"""prefault_kit.studies.grid.matrix: the grid on real memory, broken off and gone on with."""

import csv
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.result import Result
from prefault_kit.measure.worker import Worker
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.grid import matrix, table_file
from prefault_kit.studies.grid.cells import Grid
from prefault_kit.studies.grid.matrix import GridProgress

MIB = 1 << 20
PAGE = format_bytes(PAGE_SIZE_BYTES).replace(" ", "")
PAGES = 2 * MIB // PAGE_SIZE_BYTES
SMALL = Grid((2 * MIB,), repeats=3, only=(f"anon {PAGE}", f"memfd {PAGE}"))


class Broken(Exception):
    """What ends a run in the middle of it."""


def written(path: Path) -> list[dict[str, str]]:
    """The rows of a table as they stand in it."""
    with path.open() as lines:
        return list(csv.DictReader(lines))


def break_off_at(count: int, grid: Grid, path: Path) -> None:
    """Run a grid until a step, and end there as Ctrl-C would."""

    def step(_: GridProgress) -> None:
        nonlocal count
        count -= 1
        if not count:
            raise Broken

    with pytest.raises(Broken):
        matrix.run(grid, path, on_progress=step)


def test_the_whole_grid_of_small_pages(tmp_path: Path, disk_directory: Path) -> None:
    """Every cell without huge pages, in order, with times, views and ratios."""
    path = tmp_path / "grid.csv"
    grid = Grid((2 * MIB,), repeats=2, only=(PAGE,), directory=str(disk_directory))
    results = matrix.run(grid, path)
    assert results == table_file.read(path)
    assert len(results) == 5 * 4 + 5 + 11 * 3
    assert [each.method for each in results] == [cell.method for cell in grid.cells()]
    for result in results:
        assert result.outcome == "ok"
        assert len(result.timings_ms) == result.repeats == 2
        assert result.best_ms == min(result.timings_ms)
        assert result.pages is not None
        assert result.pages["present"] == (0 if result.method == "FALLOCATE" else PAGES)
    assert {each.file_system for each in results if each.backing == "anon"} == {None}
    for row in written(path):
        assert (row["published_ms"] != "") == (PAGE == "4KiB")
        compared = table_file.touch_of(row["method"]) is not None
        assert (row["ratio_populate_to_touch"] != "") == compared


def test_cells_of_one_memory_are_interleaved(tmp_path: Path) -> None:
    """Repetition r of every method comes before r + 1 of any, and work only grows, to its end."""
    steps: list[GridProgress] = []
    grid = replace(SMALL, only=(f"private anon {PAGE}",))
    matrix.run(grid, tmp_path / "grid.csv", on_progress=steps.append)
    order = [(step.progress.repetition, step.number) for step in steps]
    assert order == [(repetition, cell) for repetition in range(4) for cell in range(1, 6)]
    done = [step.work_done for step in steps]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(steps[-1].work)


@pytest.mark.parametrize("count", [1, 23, 60])
def test_a_break_loses_nothing(tmp_path: Path, count: int) -> None:
    """Wherever it is broken off, each repetition that was told is in the table in the end."""
    path = tmp_path / "grid.csv"
    told: dict[tuple[int, int], float] = {}

    def step(step: GridProgress) -> None:
        told[step.number, step.progress.repetition] = step.progress.elapsed_ms
        if len(told) == count:
            raise Broken

    with pytest.raises(Broken):
        matrix.run(SMALL, path, on_progress=step)
    rows = matrix.run(SMALL, path, resume=True)
    assert rows == table_file.read(path)
    assert [row.method for row in rows] == [cell.method for cell in SMALL.cells()]
    for (number, repetition), elapsed_ms in told.items():
        row = rows[number - 1]
        kept = [row.warmup_ms, *row.timings_ms]
        assert kept[repetition] == elapsed_ms
    assert all(len(row.timings_ms) == 3 for row in rows)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["grid.csv", "grid.host.json"]


def test_a_break_is_told_in_the_notes(tmp_path: Path) -> None:
    """A reader of the table sees which cells were measured in two halves."""
    path = tmp_path / "grid.csv"
    break_off_at(12, SMALL, path)
    rows = matrix.run(SMALL, path, resume=True)
    told = ["before a break" in " ".join(row.notes) for row in rows]
    assert told == [True] * 5 + [False] * (len(rows) - 5)


def test_a_table_may_be_broken_off_often(tmp_path: Path) -> None:
    """A table may be gone on with as often as it takes."""
    path = tmp_path / "grid.csv"
    break_off_at(3, SMALL, path)
    for _ in range(2):
        steps = 0

        def step(_: GridProgress) -> None:
            nonlocal steps
            steps += 1
            if steps == 9:
                raise Broken

        with pytest.raises(Broken):
            matrix.run(SMALL, path, resume=True, on_progress=step)
    rows = matrix.run(SMALL, path, resume=True)
    assert len(rows) == len(SMALL.cells())
    assert all(len(row.timings_ms) == 3 for row in rows)


def test_a_complete_table_is_not_run_again(tmp_path: Path) -> None:
    """Resuming what is done gives its rows and changes no file."""
    path = tmp_path / "grid.csv"
    rows = matrix.run(SMALL, path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    def step(step: GridProgress) -> None:
        raise AssertionError(f"ran {step}")

    assert matrix.run(SMALL, path, resume=True, on_progress=step) == rows
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_nonsense_leaves_no_file(tmp_path: Path) -> None:
    """A grid that cannot be is refused before anything is made."""
    with pytest.raises(ValueError, match="at least one page"):
        matrix.run(replace(SMALL, sizes_bytes=(0,)), tmp_path / "grid.csv")
    with pytest.raises(ValueError, match="cannot be written"):
        matrix.run(SMALL, Path("/proc/grid.csv"))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_run_here_has_a_row(tmp_path: Path) -> None:
    """No directory for the file cells: rows that say so, without naming it, and the rest runs."""
    missing = str(tmp_path / "no such place")
    grid = replace(SMALL, only=(f"private anon {PAGE} read", "private file"), directory=missing)
    rows = matrix.run(grid, tmp_path / "grid.csv")
    assert [row.outcome for row in rows] == ["ok"] + ["unavailable"] * 5
    assert rows[1].message == "the directory DIR does not exist"
    assert rows[1].best_ms is None
    assert str(tmp_path) not in (tmp_path / "grid.csv").read_text()


def test_a_dead_worker_costs_its_own_cell_alone(tmp_path: Path) -> None:
    """Killed once among five cells, the worker is started anew and each cell runs by itself."""
    worker = Worker()
    killed = False

    def step(step: GridProgress) -> None:
        nonlocal killed
        if step.progress.repetition == 2 and not killed:
            killed = True
            assert worker.pid
            os.kill(worker.pid, signal.SIGKILL)

    grid = replace(SMALL, repeats=20, only=(f"private memfd {PAGE}",))
    with worker:
        rows = matrix.run(grid, tmp_path / "grid.csv", worker=worker, on_progress=step)
    assert killed
    assert {row.outcome for row in rows} == {"ok"}
    assert {len(row.timings_ms) for row in rows} == {20}
    assert any("by itself" in note for row in rows for note in row.notes)


def test_the_host_file_names_nobody(tmp_path: Path) -> None:
    """Kernel, processor and plan are there; host name, user and paths are not."""
    path = tmp_path / "grid.csv"
    matrix.run(replace(SMALL, only=(f"private anon {PAGE} read",), directory=str(tmp_path)), path)
    saved = json.loads(path.with_suffix(".host.json").read_text())
    assert saved["plan"]["sizes_bytes"] == [2 * MIB]
    assert saved["host"]["kernel"]
    assert "/" not in json.dumps(saved).replace("prefault-kit/1", "")


def test_a_grid_may_be_followed(tmp_path: Path) -> None:
    """Who records it elsewhere is told each cell once; what it knows is not run again."""
    grid = Grid((2 * MIB,), repeats=1, only=(f"private anon {PAGE} populate_*",))
    told: list[Result] = []
    first = matrix.follow(grid, [], told.append)
    assert [each.method for each in told] == ["POPULATE_READ", "POPULATE_WRITE"]
    assert told == first
    again: list[Result] = []
    assert matrix.follow(grid, told[:1], again.append)[0] == told[0]
    assert [each.method for each in again] == ["POPULATE_WRITE"]
