"""prefault_kit.screens.explorer.comparison: what the charts that compare results draw."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import run
from prefault_kit.memory.backing import Backing
from prefault_kit.screens.explorer import comparison

PAGE = Backing.anon().page_size_bytes
SIZE = 64 * PAGE


@pytest.fixture(scope="module")
def result() -> Result:
    """A real run: private anonymous memory, read."""
    return run(Experiment(Backing.anon(), "private", "POPULATE_READ", SIZE, repeats=3))


def named(result: Result, *methods: str) -> list[Result]:
    """The same result under the names of other methods."""
    return [replace(result, method=method) for method in methods]


def columns_agree(*sources: Any) -> bool:
    """Every column of a source has the same length."""
    return all(len({len(column) for column in source.data.values()}) == 1 for source in sources)


def test_the_zero_page_fills_its_bar(result: Result) -> None:
    """64 pages of the zero page are 100 percent of the mapping, hatched."""
    if result.pages is None or result.pages["zero"] is None:
        pytest.skip("this kernel cannot tell the zero page (PAGEMAP_SCAN, Linux 6.7)")
    chart = comparison.ResidentMemory()
    chart.update([result], ["POPULATE_READ"], 0)
    assert (chart.bars.data["left"], chart.bars.data["right"]) == ([0.0], [100.0])
    assert f"{SIZE:,} bytes" in chart.bars.data["tip"][0]
    assert chart.bars.data["hatch"][0] != " "


def test_shares_lie_end_to_end(result: Result) -> None:
    """A quarter anonymous, three quarters clean."""
    usage: dict[str, int | None] = {
        "private_dirty": SIZE // 4,
        "anonymous": SIZE // 4,
        "private_clean": SIZE * 3 // 4,
    }
    pages: dict[str, int | None] = {"present": 64, "zero": 0, "huge": 0, "swapped": 0}
    chart = comparison.ResidentMemory()
    chart.update([replace(result, usage=usage, pages=pages)], ["one"], None)
    assert (chart.bars.data["left"], chart.bars.data["right"]) == ([0.0, 75.0], [75.0, 100.0])
    assert columns_agree(chart.bars)


def test_a_result_without_views_has_an_empty_line(result: Result) -> None:
    """Before its warm-up, a cell has its label, no bar, and dots for its time."""
    cell = Experiment(Backing.anon(), "private", "Read", SIZE)
    resident, times = comparison.ResidentMemory(), comparison.ComparedTimes()
    both = [*named(result, "Write"), Result.of(cell, "running")]
    for chart in (resident, times):
        chart.update(both, ["Write", "Read"], 1)
    assert resident.outline.data["y"] == [0]
    assert times.times.data["y"] == [0]
    assert times.figure.right[0].major_label_overrides[1] == "..."


def test_failures_say_so_beside_their_line(result: Result) -> None:
    """An errno, or that it is unavailable, stands where the time would."""
    nothing = replace(result, timings_ms=[], best_ms=None, median_ms=None)
    failed = replace(nothing, outcome="error", errno="EFAULT")
    unavailable = replace(nothing, outcome="unavailable")
    chart = comparison.ComparedTimes()
    chart.update([failed, unavailable], ["a", "b"], None)
    assert chart.figure.right[0].major_label_overrides == {0: "EFAULT", 1: "unavailable"}


@pytest.mark.parametrize(
    ("times", "ends"),
    [((0.12, 0.3), (0.05, 0.5)), ((0.004, 900.0), (0.002, 2000.0)), ((1.0, 1.0), (0.5, 2.0))],
)
def test_the_time_axis_ends_at_round_numbers(
    result: Result, times: Sequence[float], ends: tuple[float, float]
) -> None:
    """1, 2 or 5 times a power of ten, with room at both ends and ticks within."""
    chart = comparison.ComparedTimes()
    several = [replace(result, best_ms=time, median_ms=time) for time in times]
    chart.update(several, ["a", "b"][: len(several)], None)
    start, end = chart.figure.x_range.start, chart.figure.x_range.end
    assert (start, end) == pytest.approx(ends)
    ticks = chart.figure.xaxis[0].ticker.ticks
    assert len(ticks) >= 2
    assert all(start <= tick * 1.01 and tick <= end * 1.01 for tick in ticks)


def test_charts_of_runs_grow_with_them(result: Result) -> None:
    """More lines make the chart higher; the result that is looked at is marked."""
    chart = comparison.ComparedTimes()
    methods = [f"method {number}" for number in range(12)]
    chart.update(named(result, "Read"), ["Read"], 0)
    low = chart.figure.height
    assert chart.marked.data["y0"] == []
    chart.update(named(result, *methods), methods, 3)
    assert chart.figure.height > low
    assert (chart.marked.data["y0"], chart.marked.data["y1"]) == ([2.5], [3.5])
    assert chart.figure.yaxis[0].major_label_overrides[11] == "method 11"
