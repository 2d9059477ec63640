"""The charts of a review. Each is made once; ``update`` replaces what it shows and returns whether
there is anything to show."""

from __future__ import annotations

import itertools
import statistics

from bokeh.models import (
    BoxAnnotation,
    FactorRange,
    Label,
    Range1d,
    Span,
)
from bokeh.plotting import figure

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import plot
from prefault_kit.show.palette import BLUE, GREEN, GREY, PURPLE, VERMILLION
from prefault_kit.show.units import format_ms
from prefault_kit.studies.review import advice
from prefault_kit.studies.review.cost import Weights, cost_s
from prefault_kit.studies.review.result import SWEPT, CandidateResult, Review
from prefault_kit.studies.review.trial import BINS_PER_DECADE

PHASES = (
    ("prefault_ms", "prefault", BLUE),
    ("access_ms", "access", GREEN),
    ("sync_ms", "sync", VERMILLION),
    ("refault_ms", "read again", PURPLE),
)
LATENCY_COLORS = (GREY, BLUE, VERMILLION, GREEN, PURPLE)
LATENCY_SHOWN = ("nothing", "POPULATE_READ", "POPULATE_WRITE", "Read/Write", "WILLNEED")
"""The candidates whose distributions differ."""
ROOM = 1.08
"""The axis over the longest bar."""
ROOM_FOR_A_LABEL = 1.25
"""The axis over the highest point."""
LABEL_FITS = 0.7
"""Up to this part of the width, a label fits on the right of its line."""


def _rows(label: str) -> figure:
    """A figure with one row for each name, the first on top."""
    fig = plot.bare(Range1d(0, 1), FactorRange(factors=[]))
    fig.xaxis.axis_label = label
    fig.ygrid.visible = False
    return fig


def _name(fig: figure, names: list[str], longest: float, row_px: int) -> None:
    """Give a figure of :func:`_rows` its rows, and room for the longest bar."""
    fig.y_range.factors = names[::-1]
    fig.x_range.end = longest * ROOM or 1
    fig.height = plot.MARGIN_PX + row_px * max(len(names), 3) + 24


class Times:
    """Where the time of each candidate goes, by phase; the cheapest on top."""

    TITLE = "Where the time goes"

    def __init__(self) -> None:
        self.figure = fig = _rows("milliseconds, median")
        self.bars = {name: plot.source("name", "left", "right", "tip") for name, _, _ in PHASES}
        drawn = {
            label: fig.hbar(
                y="name",
                left="left",
                right="right",
                height=0.7,
                color=color,
                source=self.bars[name],
            )
            for name, label, color in PHASES
        }
        plot.hover(fig, *drawn.values())
        self._legend = plot.legend(fig, {name: [each] for name, each in drawn.items()})
        plot.follow_theme(fig)

    def update(self, review: Review, weights: Weights) -> bool:
        """Show a review by these weights."""
        ranked = advice.ranking(review, weights)
        names = [each.name for each in ranked]
        left = [0.0] * len(names)
        for name, label, _ in PHASES:
            widths = [float(each.median(name) or 0) for each in ranked]
            right = [a + b for a, b in zip(left, widths, strict=True)]
            tips = [f"{label}: {format_ms(width)}" for width in widths]
            plot.fill(self.bars[name], name=names, left=left, right=right, tip=tips)
            self._legend[label].visible = any(widths)
            left = right
        _name(self.figure, names, max(left, default=1), plot.ROW_PX)
        return bool(ranked)


class Costs:
    """Cost against the written fraction, with the crossing; for a review with a sweep."""

    TITLE = "Cost against the written fraction"

    def __init__(self) -> None:
        self.figure = fig = plot.bare(Range1d(-2, 102), Range1d(0, 1))
        fig.xaxis.axis_label = "percent of the pages written"
        fig.yaxis.axis_label = "cost, ms of work"
        self.curves = {name: plot.source("x", "low", "high", "y", "tip") for name in SWEPT}
        drawn = {}
        for name, color in zip(SWEPT, (BLUE, VERMILLION), strict=True):
            data = self.curves[name]
            drawn[name] = [
                fig.varea("x", "low", "high", fill_color=color, fill_alpha=0.15, source=data),
                fig.line("x", "y", color=color, line_width=2, source=data),
                fig.scatter("x", "y", size=7, color=color, source=data),
            ]
            plot.hover(fig, drawn[name][-1])
        self.band = BoxAnnotation(fill_color=GREY, fill_alpha=0.15, line_color=None)
        self.at = Span(location=0, dimension="height", line_color=GREY, line_width=1)
        self.label = Label(
            x=0, y=0, x_offset=6, y_offset=-18, text_color=GREY, text_font_size="11px"
        )
        for mark in (self.band, self.at, self.label):
            fig.add_layout(mark)
        plot.legend(fig, drawn)
        plot.follow_theme(fig)

    def update(self, review: Review, weights: Weights) -> bool:
        """Show a review by these weights."""
        fractions = sorted({fraction for _, fraction in review.sweep})
        top = 0.0
        for name, data in self.curves.items():
            known = [each for each in fractions if (name, each) in review.sweep]
            costs = [
                [cost_s(each, weights) * 1000 for each in review.sweep[name, fraction]]
                for fraction in known
            ]
            middle = [statistics.median(each) for each in costs]
            percent = [100 * fraction for fraction in known]
            plot.fill(
                data,
                x=percent,
                low=[min(each) for each in costs],
                high=[max(each) for each in costs],
                y=middle,
                tip=[
                    f"{name}, {x:g}% written: {format_ms(y)}"
                    for x, y in zip(percent, middle, strict=True)
                ],
            )
            top = max([top, *(max(each) for each in costs)])
        self.figure.y_range.end = top * ROOM_FOR_A_LABEL or 1
        cross = advice.crossing(review, weights)
        shown = cross.fraction is not None
        self.band.visible = self.at.visible = self.label.visible = shown
        if cross.fraction is not None:
            self.band.left = 100 * (cross.low or 0)
            self.band.right = 100 * (1.0 if cross.high is None else cross.high)
            self.at.location = self.label.x = 100 * cross.fraction
            on_the_right = cross.fraction > LABEL_FITS
            self.label.text_align = "right" if on_the_right else "left"
            self.label.x_offset = -6 if on_the_right else 6
            self.label.y = top * ROOM_FOR_A_LABEL
            self.label.text = f"POPULATE_WRITE pays off from {cross.fraction:.0%}"
        return bool(review.sweep)


class Written:
    """Bytes dirty after prefaulting and bytes written back in all; for memory on a disk."""

    TITLE = "Dirty pages and write-back"
    BARS = (
        ("dirty after prefaulting", PURPLE),
        ("written back", VERMILLION),
        ("dirtied by the program", GREEN),
    )

    def __init__(self) -> None:
        self.figure = fig = _rows("MiB")
        self.bars = {label: plot.source("name", "right", "tip") for label, _ in self.BARS}
        drawn = {
            label: fig.hbar(
                y="name", right="right", height=0.24, color=color, source=self.bars[label]
            )
            for label, color in self.BARS
        }
        plot.hover(fig, *drawn.values())
        plot.legend(fig, {name: [each] for name, each in drawn.items()})
        plot.follow_theme(fig)

    def update(self, review: Review, weights: Weights) -> bool:
        """Show a review by these weights."""
        ranked = [
            each
            for each in advice.ranking(review, weights)
            if each.median("bytes_written_back") is not None
        ]
        names = [each.name for each in ranked]
        dirty = [each.median("dirty_pages_after_prefault") or 0 for each in ranked]
        values = (
            [pages * PAGE_SIZE_BYTES for pages in dirty],  # of the page cache, whatever the backing
            [each.median("bytes_written_back") for each in ranked],
            [each.median("bytes_dirtied_by_program") for each in ranked],
        )
        for number, ((label, _), counts) in enumerate(zip(self.BARS, values, strict=True)):
            plot.fill(
                self.bars[label],
                name=[(name, 0.28 - 0.28 * number) for name in names],
                right=[count / (1 << 20) for count in counts],
                tip=[f"{label}: {format_bytes(count) if count else 'nothing'}" for count in counts],
            )
        longest = max(itertools.chain.from_iterable(values), default=0)
        _name(self.figure, names, longest / (1 << 20), plot.ROW_PX + 12)
        return bool(ranked)


class Latencies:
    """The fraction of first accesses slower than a latency, on two logarithmic scales."""

    TITLE = "Latency of first accesses"

    def __init__(self) -> None:
        self.figure = fig = plot.bare(
            Range1d(0.01, 1), Range1d(1e-6, 1.5), x_axis_type="log", y_axis_type="log"
        )
        fig.xaxis.axis_label = "latency of a first access, microseconds"
        fig.yaxis.axis_label = "fraction that is slower"
        for axis in fig.axis:
            plot.in_plain_figures(axis)
        self.lines = {name: plot.source("x", "y", "tip") for name in LATENCY_SHOWN}
        drawn = {}
        for (name, data), color in zip(self.lines.items(), LATENCY_COLORS, strict=True):
            drawn[name] = [
                fig.step("x", "y", source=data, color=color, line_width=2, mode="before"),
                fig.scatter("x", "y", source=data, size=8, alpha=0, color=color),
            ]
            plot.hover(fig, drawn[name][-1])
        self._legend = plot.legend(fig, drawn)
        plot.follow_theme(fig)

    def update(self, review: Review, weights: Weights) -> bool:
        """Show a review; no weight changes this."""
        ran = {each.name: each for each in advice.ranking(review, weights)}
        last = 0.1
        for name, data in self.lines.items():
            points = _slower(ran[name]) if name in ran else []
            plot.fill(
                data,
                x=[x for x, _ in points],
                y=[y for _, y in points],
                tip=[f"{name}: {y:.3%} are slower than {x:,.2f} us" for x, y in points],
            )
            self._legend[name].visible = bool(points)
            last = max([last, *(x for x, _ in points)])
        self.figure.x_range.end = last * 2
        return bool(ran)


def _slower(candidate: CandidateResult) -> list[tuple[float, float]]:
    """Latencies in microseconds, and the fraction of all first accesses that is slower."""
    bins = [sum(each) for each in zip(*(t.first_touch_bins for t in candidate.trials), strict=True)]
    total = sum(bins)
    edges = [10 ** (1 + (i + 1) / BINS_PER_DECADE) / 1000 for i in range(len(bins))]
    slower = [1 - part / total for part in itertools.accumulate(bins)]
    return [(0.01, 1.0)] + [(x, y) for x, y in zip(edges, slower, strict=True) if y > 0.5 / total]


CHARTS = (Times, Costs, Written, Latencies)
"""All charts, in the order of reading."""
