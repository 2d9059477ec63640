"""The charts that compare results, a line for each. Each is made once, as in ``figures.py``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bokeh.models import FixedTicker, LinearAxis, NoOverlap, Range1d

from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import plot
from prefault_kit.show.palette import BLUE, GREY, PURPLE
from prefault_kit.show.result import SHARE_NAMES, shares_bytes
from prefault_kit.show.units import format_ms, format_rate
from prefault_kit.studies.grid.published import published


class _Comparison:
    """What both charts share: a line for each result, the first on top, one of them marked."""

    def __init__(self, x: Range1d, **options: Any) -> None:
        self._y = Range1d(start=1.5, end=-0.5)
        self.figure = fig = plot.bare(x, self._y, min_border_left=40, **options)
        fig.ygrid.visible = False
        self.labels = plot.NamedTicks(fig.yaxis[0])
        self.marked = plot.source("y0", "y1")
        fig.hstrip(
            y0="y0",
            y1="y1",
            fill_color=BLUE,
            fill_alpha=0.18,
            line_color=None,
            source=self.marked,
        )

    def label(self, labels: Sequence[str], marked: int | None) -> None:
        """Set the lines' labels, the height for them, and which one is marked."""
        row_px = plot.TALL_ROW_PX if any("\n" in label for label in labels) else plot.ROW_PX
        count = max(1, len(labels))
        # a single line gets the place of more, or its bar would be a slab
        places = max(count, 2 * plot.TALL_ROW_PX / row_px)
        self.figure.height = round(plot.MARGIN_PX + places * row_px)
        self._y.start = places - 0.5
        self.labels.name(labels)
        lines = [] if marked is None or len(labels) < 2 else [marked]
        plot.fill(
            self.marked,
            y0=[line - 0.5 for line in lines],
            y1=[line + 0.5 for line in lines],
        )


class ResidentMemory(_Comparison):
    """Chart 4: what each run left resident, in shares of the mapping."""

    def __init__(self) -> None:
        super().__init__(Range1d(start=0, end=100))
        fig = self.figure
        fig.xaxis.axis_label = "percent of the mapping"
        self.outline = plot.source("y")
        self.bars = plot.source("y", "left", "right", "color", "hatch", "tip")
        fig.hbar(
            y="y",
            left=0,
            right=100,
            height=0.62,
            fill_alpha=0,
            line_color=GREY,
            line_alpha=0.45,
            source=self.outline,
        )
        bars = fig.hbar(
            y="y",
            left="left",
            right="right",
            height=0.62,
            color="color",
            line_color=None,
            hatch_pattern="hatch",
            source=self.bars,
            **plot.HATCH,
        )
        plot.hover(fig, bars)
        plot.follow_theme(fig)

    def update(self, drawn: Sequence[Result], labels: Sequence[str], marked: int | None) -> None:
        """Show what is resident; the line of a result without views stays empty."""
        self.label(labels, marked)
        data: dict[str, list[Any]] = {column: [] for column in self.bars.data}
        outlined = []
        for index, result in enumerate(drawn):
            if result.usage is None:
                continue
            outlined.append(index)
            left = 0.0
            for share, size in shares_bytes(result).items():
                if size <= 0:
                    continue
                percent = 100 * size / result.size_bytes
                data["y"].append(index)
                data["left"].append(left)
                data["right"].append(left + percent)
                data["color"].append(plot.SHARE_COLORS[share])
                data["hatch"].append("right_diagonal_line" if share in plot.HATCHED else " ")
                data["tip"].append(
                    f"{result.method}<br><b>{format_bytes(size)}</b> {SHARE_NAMES[share]}"
                    f"<br>{size:,} bytes, {percent:.4g}% of the mapping"
                )
                left += percent
        plot.fill(self.bars, **data)
        plot.fill(self.outline, y=outlined)


class ComparedTimes(_Comparison):
    """Chart 3: best, median and published time of each result, side by side."""

    def __init__(self) -> None:
        self._x = Range1d(start=0.01, end=10)
        super().__init__(self._x, x_axis_type="log")
        fig = self.figure
        fig.xaxis.axis_label = "milliseconds, logarithmic"
        plot.in_plain_figures(fig.xaxis[0])
        fig.xaxis.major_label_policy = NoOverlap()
        self._ticker = FixedTicker(ticks=[])
        fig.xaxis.ticker = fig.xgrid.ticker = self._ticker
        axis = LinearAxis(
            axis_line_color=None,
            major_tick_line_color=None,
            minor_tick_line_color=None,
            major_label_text_color=GREY,
        )
        fig.add_layout(axis, "right")
        self.outcomes = plot.NamedTicks(axis)
        self.times = plot.source("y", "best", "median", "tip")
        self.published = plot.source("y", "ms", "tip")
        span = fig.segment(
            x0="best",
            x1="median",
            y0="y",
            y1="y",
            color=BLUE,
            line_width=3,
            alpha=0.5,
            source=self.times,
        )
        median = fig.scatter(
            "median",
            "y",
            marker="dash",
            angle=math.pi / 2,
            size=13,
            line_width=2.5,
            color=BLUE,
            source=self.times,
        )
        published = fig.scatter(
            "ms",
            "y",
            marker="diamond",
            size=12,
            fill_alpha=0,
            line_color=PURPLE,
            line_width=2,
            source=self.published,
        )
        best = fig.scatter("best", "y", size=10, color=BLUE, source=self.times)
        plot.hover(fig, best, median, published)
        self.drawn = {"best": [best], "median": [span, median], "published in 2021": [published]}
        plot.follow_theme(fig)

    def update(self, drawn: Sequence[Result], labels: Sequence[str], marked: int | None) -> None:
        """Show the times; at the right the best one, or why there is none."""
        self.label(labels, marked)
        timed = [
            (index, result, result.best_ms, result.median_ms)
            for index, result in enumerate(drawn)
            if result.best_ms and result.median_ms
        ]
        compared = [
            (index, result, known_ms)
            for index, result in enumerate(drawn)
            if (known_ms := published(result))
        ]
        lows = [best for _, _, best, _ in timed] + [ms for _, _, ms in compared]
        highs = [median for _, _, _, median in timed] + [ms for _, _, ms in compared]
        start = _step(0.8 * min(lows, default=0.1), up=False)
        end = _step(1.25 * max(highs, default=1), up=True)
        self._x.start, self._x.end = start, end
        self._ticker.ticks = _ticks(start, end)
        self.outcomes.name([_outcome(result) for result in drawn])
        plot.fill(
            self.times,
            y=[index for index, *_ in timed],
            best=[best for _, _, best, _ in timed],
            median=[median for _, _, _, median in timed],
            tip=[
                f"{result.method}<br><b>{best:,.6g} ms</b> best, {median:,.6g} ms median of "
                f"{len(result.timings_ms)}<br>{format_rate(result.size_bytes, best)} at best"
                for _, result, best, median in timed
            ],
        )
        plot.fill(
            self.published,
            y=[index for index, *_ in compared],
            ms=[ms for *_, ms in compared],
            tip=[
                f"{result.method}<br><b>{ms:,.6g} ms</b> published in 2021"
                for _, result, ms in compared
            ],
        )


def _step(value: float, *, up: bool) -> float:
    """The nearest of 1, 2 or 5 times a power of ten below ``value``, or above it."""
    decade = 10.0 ** math.floor(math.log10(value))
    steps = [decade * factor for factor in (1, 2, 5, 10)]
    return min(s for s in steps if s >= value) if up else max(s for s in steps if s <= value)


def _ticks(start: float, end: float) -> list[float]:
    """Powers of ten between two times; 2 and 5 times those too when there are few."""
    powers = range(math.floor(math.log10(start)), math.ceil(math.log10(end)) + 1)
    factors = (1,) if math.log10(end / start) >= 2 else (1, 2, 5)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    return [tick for tick in ticks if start <= tick * 1.000001 and tick <= end * 1.000001]


def _outcome(result: Result) -> str:
    if result.best_ms:
        return format_ms(result.best_ms)
    return "..." if result.outcome == "running" else result.errno or result.outcome
