"""The charts of one result. Each is made once; ``update`` replaces the data of its sources."""

from __future__ import annotations

from typing import Any

from bokeh.models import BasicTicker, NumeralTickFormatter, Range1d

from prefault_kit.measure.result import Result
from prefault_kit.show import plot
from prefault_kit.show.palette import BLUE, GREY, PURPLE
from prefault_kit.show.result import COUNT_NAMES, PHASE_NAMES, phases
from prefault_kit.show.units import format_count
from prefault_kit.studies.grid.published import published

NO_RESULT_REPEATS = 10
"""How many repetitions the empty chart has room for."""


class RepetitionTimes:
    """Chart 1: the time of each repetition, with minimum, median and published minimum."""

    def __init__(self) -> None:
        self._x, self._y = Range1d(start=0.5, end=10.5), Range1d(start=0, end=1)
        self.figure = fig = plot.bare(self._x, self._y)
        fig.xaxis.axis_label = "repetition"
        fig.yaxis.axis_label = "milliseconds"
        fig.xaxis.ticker = BasicTicker(min_interval=1, num_minor_ticks=0)
        fig.xgrid.visible = False
        self.points = plot.source("x", "y", "tip")
        self.lines = plot.source("y", "color", "dash", "tip")
        lines = fig.hspan(
            y="y", line_color="color", line_dash="dash", line_width=2, source=self.lines
        )
        points = fig.scatter(
            "x", "y", size=9, color=BLUE, line_color=None, alpha=0.85, source=self.points
        )
        plot.hover(fig, points, lines)
        plot.follow_theme(fig)

    def update(self, result: Result | None) -> None:
        """Show a result, or nothing."""
        timings = result.timings_ms if result else []
        levels = [
            ("minimum", result and result.best_ms, BLUE, "solid"),
            ("median", result and result.median_ms, BLUE, "dashed"),
            ("published minimum", result and published(result), PURPLE, "dotted"),
        ]
        drawn = [(name, ms, color, dash) for name, ms, color, dash in levels if ms]
        self._x.end = (result.repeats if result else NO_RESULT_REPEATS) + 0.5
        self._y.end = 1.12 * max([*timings, *(ms for _, ms, _, _ in drawn)], default=1)
        plot.fill(
            self.points,
            x=list(range(1, len(timings) + 1)),
            y=timings,
            tip=[
                f"repetition {number}<br><b>{ms:,.6g} ms</b>"
                for number, ms in enumerate(timings, 1)
            ],
        )
        plot.fill(
            self.lines,
            y=[ms for _, ms, _, _ in drawn],
            color=[color for _, _, color, _ in drawn],
            dash=[dash for _, _, _, dash in drawn],
            tip=[f"{name}<br><b>{ms:,.6g} ms</b>" for name, ms, _, _ in drawn],
        )


class FollowUp:
    """Chart 3: the file's pages after the method, after one write to each page, after a sync."""

    WIDTH = 0.2

    def __init__(self) -> None:
        self._x, self._y = Range1d(start=-0.5, end=2.5), Range1d(start=0, end=1)
        self.figure = fig = plot.bare(self._x, self._y)
        fig.yaxis.axis_label = "pages"
        fig.yaxis.formatter = NumeralTickFormatter(format="0,0")
        fig.xgrid.visible = False
        self.phases = plot.NamedTicks(fig.xaxis[0])
        self.bars = plot.source("x", "top", "color", "fill", "hatch", "text", "tip")
        bars = fig.vbar(
            x="x",
            top="top",
            width=self.WIDTH * 0.9,
            line_color="color",
            fill_color="color",
            fill_alpha="fill",
            hatch_pattern="hatch",
            source=self.bars,
            **plot.HATCH,
        )
        texts = fig.text(
            x="x",
            y="top",
            text="text",
            text_align="center",
            text_baseline="bottom",
            text_font_size="11px",
            text_color=GREY,
            y_offset=-2,
            source=self.bars,
        )
        plot.hover(fig, bars)
        plot.follow_theme(fig, texts.glyph)

    def update(self, result: Result | None) -> None:
        """Show a result's phases; without a follow-up, what the method alone left."""
        found = phases(result) if result else []
        names = [f"after {PHASE_NAMES[phase['phase']]}" for phase in found]
        data: dict[str, list[Any]] = {column: [] for column in self.bars.data}
        for index, phase in enumerate(found):
            counts = [key for key in COUNT_NAMES if phase.get(key) is not None]
            for place, key in enumerate(counts):
                number: int = phase[key]
                what = (
                    format_count(number, "page fault")
                    if key == "minor_faults"
                    else f"{format_count(number, 'page')} {COUNT_NAMES[key]}"
                )
                data["x"].append(index + self.WIDTH * (place - (len(counts) - 1) / 2))
                data["top"].append(number)
                data["color"].append(plot.COUNT_COLORS[key])
                data["fill"].append(0.15 if key == "cached" else 1.0)
                data["hatch"].append("right_diagonal_line" if key in plot.HATCHED else " ")
                data["text"].append(f"{number:,}")
                data["tip"].append(f"{names[index]}<br><b>{what}</b>")
        self._x.end = max(1, len(found)) - 0.5
        self._y.end = 1.15 * max([10, *data["top"]])
        self.phases.name([name.replace("write ", "write\n") for name in names])
        plot.fill(self.bars, **data)
