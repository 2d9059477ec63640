"""prefault_kit.screens.explorer.figures and .comparison: what the charts are given to draw."""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import run
from prefault_kit.memory.backing import Backing
from prefault_kit.screens.explorer import comparison, figures, rows

PAGE = Backing.anon().page_size_bytes
SIZE = 64 * PAGE


@pytest.fixture(scope="module")
def result() -> Result:
    """A real run: private anonymous memory, read, then written."""
    cell = Experiment(Backing.anon(), "private", "POPULATE_READ", SIZE, repeats=3, follow_up=True)
    return run(cell)


def drawn(result: Result, *methods: str) -> list[rows.Row]:
    return [rows.of_result(replace(result, method=method)) for method in methods]


def columns_agree(*sources: Any) -> bool:
    """Every column of a source has the same length."""
    return all(len({len(column) for column in source.data.values()}) == 1 for source in sources)


def test_each_repetition_is_a_point(result: Result) -> None:
    """Milliseconds in order, with minimum and median as lines; the axis begins at 0."""
    chart = figures.Times()
    chart.update(rows.of_result(result))
    assert chart.points.data["x"] == [1, 2, 3]
    assert chart.points.data["y"] == result.timings_ms
    levels = chart.lines.data["y"]
    assert levels[:2] == [min(result.timings_ms), statistics.median(result.timings_ms)]
    assert all("ms</b>" in tip for tip in chart.points.data["tip"] + chart.lines.data["tip"])
    assert chart.figure.y_range.start == 0
    assert chart.figure.y_range.end > max(result.timings_ms)
    assert columns_agree(chart.points, chart.lines)


def test_the_published_minimum_is_a_line_of_its_own(result: Result) -> None:
    """Drawn, and within the axis, even where it is far above what was measured."""
    chart = figures.Times()
    chart.update(replace(rows.of_result(result), published_ms=1e6))
    assert chart.lines.data["y"][-1] == 1e6
    assert len(set(chart.lines.data["dash"])) == 3
    assert chart.figure.y_range.end > 1e6


def test_phases_show_faults_without_a_file(result: Result) -> None:
    """Anonymous memory has no page cache; its faults are drawn all the same."""
    chart = figures.Later()
    chart.update(rows.of_result(result))
    assert chart.bars.data["text"] == ["64", "64", "0"]
    assert chart.figure.y_range.end > 64
    assert columns_agree(chart.bars)


def test_phases_show_the_file_pages(result: Result) -> None:
    """Cached, dirty, write-back and faults, in each of the three phases."""
    counts = [(64, 0, 0, 2), (64, 64, 0, 64), (64, 0, 7, 0)]
    keys = ("cached", "dirty", "writeback", "minor_faults")
    phases = [
        {"phase": name, **dict(zip(keys, values, strict=True))}
        for name, values in zip(("method", "write", "sync"), counts, strict=True)
    ]
    chart = figures.Later()
    chart.update(rows.of_result(replace(result, phases=phases)))
    assert chart.bars.data["top"] == [count for phase in counts for count in phase]
    assert len(set(chart.bars.data["x"])) == 12
    assert "<b>64 pages dirty</b>" in chart.bars.data["tip"][5]
    assert "<b>64 page faults</b>" in chart.bars.data["tip"][7]
    assert list(chart.figure.xaxis[0].major_label_overrides) == [0, 1, 2]


@pytest.mark.parametrize("make", [figures.Times, figures.Later])
def test_nothing_is_drawn_without_a_run(make: Any) -> None:
    """An empty chart has axes and no data."""
    chart = make()
    chart.update(None)
    source = chart.points if isinstance(chart, figures.Times) else chart.bars
    assert not any(source.data.values())


def test_the_zero_page_fills_its_bar(result: Result) -> None:
    """64 pages of the zero page are 100 percent of the mapping, hatched."""
    if result.pages is None or result.pages["zero"] is None:
        pytest.skip("this kernel cannot tell the zero page (PAGEMAP_SCAN, Linux 6.7)")
    chart = comparison.Resident()
    chart.update([rows.of_result(result)], ["POPULATE_READ"], 0)
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
    chart = comparison.Resident()
    chart.update([rows.of_result(replace(result, usage=usage, pages=pages))], ["one"], None)
    assert (chart.bars.data["left"], chart.bars.data["right"]) == ([0.0, 75.0], [75.0, 100.0])
    assert columns_agree(chart.bars)


def test_a_run_without_a_result_has_an_empty_line(result: Result) -> None:
    """While it runs, a row has its label, no bar, and dots for its time."""
    cell = Experiment(Backing.anon(), "private", "Read", SIZE)
    live = rows.of_experiment(cell, ())
    resident, kept = comparison.Resident(), comparison.Kept()
    both = [*drawn(result, "Write"), live]
    for chart in (resident, kept):
        chart.update(both, ["Write", "Read"], 1)
    assert resident.outline.data["y"] == [0]
    assert kept.times.data["y"] == [0]
    assert kept.figure.right[0].major_label_overrides[1] == "..."


def test_failures_say_so_beside_their_line(result: Result) -> None:
    """An errno, or that it is unavailable, stands where the time would."""
    failed = replace(result, outcome="error", errno="EFAULT", timings_ms=[])
    unavailable = replace(result, outcome="unavailable", errno=None, timings_ms=[])
    chart = comparison.Kept()
    chart.update([rows.of_result(failed), rows.of_result(unavailable)], ["a", "b"], None)
    assert chart.figure.right[0].major_label_overrides == {0: "EFAULT", 1: "unavailable"}


@pytest.mark.parametrize(
    ("times", "ends"),
    [((0.12, 0.3), (0.05, 0.5)), ((0.004, 900.0), (0.002, 2000.0)), ((1.0, 1.0), (0.5, 2.0))],
)
def test_the_time_axis_ends_at_round_numbers(
    result: Result, times: Sequence[float], ends: tuple[float, float]
) -> None:
    """1, 2 or 5 times a power of ten, with room at both ends and ticks within."""
    chart = comparison.Kept()
    several = [
        replace(rows.of_result(result), timings_ms=(time,), published_ms=None) for time in times
    ]
    chart.update(several, ["a", "b"], None)
    start, end = chart.figure.x_range.start, chart.figure.x_range.end
    assert (start, end) == pytest.approx(ends)
    ticks = chart.figure.xaxis[0].ticker.ticks
    assert len(ticks) >= 2
    assert all(start <= tick * 1.01 and tick <= end * 1.01 for tick in ticks)


def test_charts_of_runs_grow_with_them(result: Result) -> None:
    """A line more is a line higher; the one that is looked at is marked."""
    chart = comparison.Kept()
    methods = [f"method {number}" for number in range(12)]
    chart.update(drawn(result, "Read"), ["Read"], 0)
    low = chart.figure.height
    assert chart.marked.data["y0"] == []
    chart.update(drawn(result, *methods), methods, 3)
    assert chart.figure.height > low
    assert (chart.marked.data["y0"], chart.marked.data["y1"]) == ([2.5], [3.5])
    assert chart.figure.yaxis[0].major_label_overrides[11] == "method 11"
