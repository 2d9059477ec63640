"""prefault_kit.studies.grid.table_file: rows with the published figure and the ratio to touch."""

from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.measure import saved
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.running import run
from prefault_kit.measure.saved import SCHEMA
from prefault_kit.memory.backing import Backing
from prefault_kit.studies.grid import table_file
from prefault_kit.studies.grid.cells import Grid
from prefault_kit.studies.grid.table_file import COLUMNS
from tests.studies.grid.made import result

MIB = 1 << 20
POPULATED = result(
    "POPULATE_WRITE",
    "memfd",
    sharing="shared",
    repeats=2,
    timings_ms=[0.5, 0.7],
    best_ms=0.5,
    median_ms=0.6,
)


@pytest.mark.parametrize(
    ("method", "touch"),
    [
        ("POPULATE_READ", "Read"),
        ("POPULATE_WRITE", "Write"),
        ("FALLOCATE+POPULATE_READ", "FALLOCATE+Read"),
        ("FALLOCATE+POPULATE_WRITE", "FALLOCATE+Write"),
        ("Read/Write", None),
        ("FALLOCATE", None),
        ("MAP_POPULATE", None),
    ],
)
def test_what_populating_is_compared_with(method: str, touch: str | None) -> None:
    """POPULATE_READ against Read, POPULATE_WRITE against Write; the others against nothing."""
    assert table_file.touch_of(method) == touch


def test_a_row_has_every_column_and_the_ratios() -> None:
    """0.5 ms over 1 ms of touching is 0.5; published, 0.288 over 0.372."""
    touch = replace(POPULATED, method="Write", best_ms=1.0)
    row = table_file.row(POPULATED, touch)
    assert tuple(row) == COLUMNS
    assert row["schema"] == SCHEMA
    assert row["size_mib"] == 2
    assert row["ratio_populate_to_touch"] == 0.5
    assert row["published_ratio_populate_to_touch"] == round(0.288 / 0.372, 4)
    assert table_file.row(touch)["ratio_populate_to_touch"] is None
    assert table_file.row(POPULATED)["ratio_populate_to_touch"] is None


def test_a_row_has_the_views_of_a_real_run() -> None:
    """What smaps, page tables and page cache said stands in columns of its own."""
    result = run(Experiment(Backing.memfd(), "shared", "POPULATE_WRITE", 2 * MIB, repeats=1))
    row = table_file.row(result)
    assert result.usage is not None
    assert result.pages is not None
    assert row["usage_rss"] == result.usage["rss"] == 2 * MIB
    assert row["pages_present"] == result.pages["present"]
    assert row["file_allocated_bytes"] == 2 * MIB
    assert row["faults_major"] == 0


def test_rows_find_what_touches_the_same_memory() -> None:
    """Among themselves, in any order; another sharing or size is other memory."""
    touch = replace(POPULATED, method="Write", best_ms=1.0)
    results = [
        POPULATED,
        replace(POPULATED, sharing="private"),
        replace(POPULATED, size_bytes=4 * MIB),
        touch,
    ]
    made = table_file.rows(results)
    assert [each["ratio_populate_to_touch"] for each in made] == [0.5, None, None, None]
    assert made[0] == table_file.row(POPULATED, touch)


RUNS = sorted((Path(__file__).parents[3] / "data" / "runs").glob("*.csv"))


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.stem)
def test_recorded_runs_are_whole(run: Path) -> None:
    """What data/runs holds reads back: every cell of every size, timed, with its host beside it."""
    begun = saved.read_json(run.with_suffix(".host.json"), "the host file of a table")
    rows = table_file.read(run)
    plan = begun["plan"]
    cells = Grid(tuple(plan["sizes_bytes"]), start=plan["start"], only=tuple(plan["only"])).cells()
    assert len(cells) == (30 if plan["only"] else 190)
    assert sorted(
        (row.backing, row.sharing, row.method, row.size_bytes, row.start) for row in rows
    ) == sorted(
        (cell.backing.kind, cell.sharing, cell.method, cell.size_bytes, cell.start)
        for cell in cells
    )
    assert {row.outcome for row in rows} == {"ok"}
    assert all(len(row.timings_ms) == begun["plan"]["repeats"] for row in rows)
    assert all(row.best_ms == min(row.timings_ms) for row in rows)
    assert "/" not in run.with_suffix(".host.json").read_text().replace("prefault-kit/1", "")


def test_there_are_recorded_runs() -> None:
    """Else the test above would hold of nothing."""
    assert RUNS
