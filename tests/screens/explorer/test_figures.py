"""prefault_kit.screens.explorer.figures: what the charts of one result draw."""

import statistics
from dataclasses import replace
from typing import Any

import pytest

from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import run
from prefault_kit.memory.backing import Backing
from prefault_kit.screens.explorer import figures

PAGE = Backing.anon().page_size_bytes
SIZE = 64 * PAGE


@pytest.fixture(scope="module")
def result() -> Result:
    """A real run: private anonymous memory, read, then written."""
    cell = Experiment(Backing.anon(), "private", "POPULATE_READ", SIZE, repeats=3, follow_up=True)
    return run(cell)


def columns_agree(*sources: Any) -> bool:
    """Every column of a source has the same length."""
    return all(len({len(column) for column in source.data.values()}) == 1 for source in sources)


def test_each_repetition_is_a_point(result: Result) -> None:
    """Milliseconds in order, with minimum and median as lines; the axis begins at 0."""
    chart = figures.RepetitionTimes()
    chart.update(result)
    assert chart.points.data["x"] == [1, 2, 3]
    assert chart.points.data["y"] == result.timings_ms
    levels = chart.lines.data["y"]
    assert levels[:2] == [min(result.timings_ms), statistics.median(result.timings_ms)]
    assert all("ms</b>" in tip for tip in chart.points.data["tip"] + chart.lines.data["tip"])
    assert chart.figure.y_range.start == 0
    assert chart.figure.y_range.end > max(result.timings_ms)
    assert columns_agree(chart.points, chart.lines)


def test_the_published_minimum_is_a_line_of_its_own(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn, and within the axis, even if it is far above what was measured."""
    monkeypatch.setattr(figures, "published", lambda _: 1e6)
    chart = figures.RepetitionTimes()
    chart.update(result)
    assert chart.lines.data["y"][-1] == 1e6
    assert len(set(chart.lines.data["dash"])) == 3
    assert chart.figure.y_range.end > 1e6


def test_phases_show_faults_without_a_file(result: Result) -> None:
    """Anonymous memory has no page cache; its faults are drawn."""
    chart = figures.FollowUp()
    chart.update(result)
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
    chart = figures.FollowUp()
    chart.update(replace(result, phases=phases))
    assert chart.bars.data["top"] == [count for phase in counts for count in phase]
    assert len(set(chart.bars.data["x"])) == 12
    assert "<b>64 pages dirty</b>" in chart.bars.data["tip"][5]
    assert "<b>64 page faults</b>" in chart.bars.data["tip"][7]
    assert list(chart.figure.xaxis[0].major_label_overrides) == [0, 1, 2]


@pytest.mark.parametrize("make", [figures.RepetitionTimes, figures.FollowUp])
def test_nothing_is_drawn_without_a_run(make: Any) -> None:
    """An empty chart has axes and no data."""
    chart = make()
    chart.update(None)
    source = chart.points if isinstance(chart, figures.RepetitionTimes) else chart.bars
    assert not any(source.data.values())


def test_a_running_result_has_the_timings_so_far(result: Result) -> None:
    """The axis has room for all repetitions from the start."""
    chart = figures.RepetitionTimes()
    chart.update(replace(result, outcome="running", repeats=8, timings_ms=[2.0]))
    assert chart.points.data["y"] == [2.0]
    assert chart.figure.x_range.end == 8.5
