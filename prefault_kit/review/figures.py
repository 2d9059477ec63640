"""The charts of a review, made anew for each review and weighting."""

from __future__ import annotations

import itertools
import statistics
from typing import Any

from bokeh.models import (
    BoxAnnotation,
    ColumnDataSource,
    FactorRange,
    Label,
    Legend,
    LegendItem,
    Range1d,
    Span,
)
from bokeh.plotting import figure

from prefault_kit import plot
from prefault_kit.backing import format_bytes
from prefault_kit.plot import BLUE, GREEN, GREY, PURPLE, VERMILLION
from prefault_kit.quantities import format_ms
from prefault_kit.review import advice
from prefault_kit.review.cost import Weights, cost_s
from prefault_kit.review.measured import SWEPT, Candidate, Review
from prefault_kit.review.trial import BINS_PER_DECADE

PHASES = (
    ("prefault_ms", "prefault", BLUE),
    ("access_ms", "access", GREEN),
    ("sync_ms", "sync", VERMILLION),
    ("refault_ms", "read again", PURPLE),
)
LATENCY_COLORS = (GREY, BLUE, VERMILLION, GREEN, PURPLE)
LATENCY_SHOWN = ("nothing", "POPULATE_READ", "POPULATE_WRITE", "Read/Write", "WILLNEED")
"""Of the candidates, those whose distributions differ."""
ROOM = 1.08
"""Beside the longest bar."""


def _rows(names: list[str], label: str, longest: float) -> figure:
    """A figure with a row a name, the first on top."""
    fig = plot.bare(Range1d(0, longest * ROOM or 1), FactorRange(factors=names[::-1]))
    fig.height = plot.MARGIN_PX + plot.ROW_PX * max(len(names), 3) + 24
    fig.xaxis.axis_label = label
    fig.ygrid.visible = False
    return fig


def _legend(fig: figure, items: list[tuple[str, Any]]) -> None:
    legend = Legend(
        items=[LegendItem(label=label, renderers=[each]) for label, each in items],
        orientation="horizontal",
        background_fill_alpha=0,
        border_line_color=None,
        label_text_color=GREY,
        padding=0,
    )
    fig.add_layout(legend, "above")


def times(review: Review, weights: Weights) -> figure:
    """Where the time of each candidate goes, by phase; the cheapest on top."""
    ranked = advice.ranking(review, weights)
    names = [each.name for each in ranked]
    totals = [sum(each.median(name) or 0 for name, _, _ in PHASES) for each in ranked]
    fig = _rows(names, "milliseconds, median", max(totals, default=1))
    left = [0.0] * len(names)
    shown = []
    for name, label, color in PHASES:
        widths = [float(each.median(name) or 0) for each in ranked]
        if not any(widths):
            continue
        right = [a + b for a, b in zip(left, widths, strict=True)]
        tips = [f"{label}: {format_ms(width)}" for width in widths]
        data = ColumnDataSource({"name": names, "left": left, "right": right, "tip": tips})
        bars = fig.hbar(y="name", left="left", right="right", height=0.7, color=color, source=data)
        shown.append((label, bars))
        left = right
    plot.hover(fig, *(bars for _, bars in shown))
    _legend(fig, shown)
    return fig


def costs(review: Review, weights: Weights) -> figure | None:
    """Cost against the written fraction, with the crossing; None without a sweep."""
    if not review.sweep:
        return None
    fractions = sorted({fraction for _, fraction in review.sweep})
    curves = {
        name: [
            [cost_s(each, weights) * 1000 for each in review.sweep[name, fraction]]
            for fraction in fractions
        ]
        for name in SWEPT
        if all((name, fraction) in review.sweep for fraction in fractions)
    }
    top = max((max(map(max, curve)) for curve in curves.values()), default=1)
    fig = plot.bare(Range1d(-2, 102), Range1d(0, top * ROOM or 1))
    fig.xaxis.axis_label = "per cent of the pages that the program writes"
    fig.yaxis.axis_label = "cost, ms of work"
    shown = []
    for (name, curve), color in zip(curves.items(), (BLUE, VERMILLION), strict=False):
        percent = [100 * fraction for fraction in fractions]
        fig.varea(
            x=percent,
            y1=[min(each) for each in curve],
            y2=[max(each) for each in curve],
            fill_color=color,
            fill_alpha=0.15,
        )
        middle = [statistics.median(each) for each in curve]
        line = fig.line(percent, middle, color=color, line_width=2)
        tips = [
            f"{name}, {x:g} % written: {format_ms(y)}" for x, y in zip(percent, middle, strict=True)
        ]
        data = ColumnDataSource({"x": percent, "y": middle, "tip": tips})
        plot.hover(fig, fig.scatter("x", "y", size=7, color=color, source=data))
        shown.append((name, line))
    cross = advice.crossing(review, weights)
    if cross.fraction is not None:
        fig.add_layout(
            Span(location=100 * cross.fraction, dimension="height", line_color=GREY, line_width=1)
        )
        high = 1.0 if cross.high is None else cross.high
        fig.add_layout(
            BoxAnnotation(
                left=100 * (cross.low or 0),
                right=100 * high,
                fill_color=GREY,
                fill_alpha=0.15,
                line_color=None,
            )
        )
        fig.add_layout(
            Label(
                x=100 * cross.fraction,
                y=top * ROOM,
                x_offset=6,
                y_offset=-18,
                text=f"WRITE pays from {cross.fraction:.0%} on",
                text_color=GREY,
                text_font_size="11px",
            )
        )
    _legend(fig, shown)
    return fig


def written(review: Review, weights: Weights) -> figure | None:
    """Bytes that are dirty after prefaulting and written back in all; None off the disk."""
    ranked = [
        each
        for each in advice.ranking(review, weights)
        if each.median("bytes_written_back") is not None
    ]
    if not ranked:
        return None
    names = [each.name for each in ranked]
    page = review.workload.backing.page_size_bytes
    bars = (
        ("dirty after prefaulting", PURPLE, [_dirty_bytes(each, page) for each in ranked]),
        ("written back", VERMILLION, [float(each.median("bytes_written_back")) for each in ranked]),
        (
            "dirtied by the program",
            GREEN,
            [float(each.median("bytes_dirtied_by_program")) for each in ranked],
        ),
    )
    longest = max(itertools.chain.from_iterable(values for _, _, values in bars))
    fig = _rows(names, "MiB", longest / (1 << 20))
    fig.height += 12 * len(names)
    shown = []
    for number, (label, color, values) in enumerate(bars):
        rows = [(name, 0.28 - 0.28 * number) for name in names]
        mib = [value / (1 << 20) for value in values]
        said = (format_bytes(round(value)) if value else "nothing" for value in values)
        tips = [f"{label}: {each}" for each in said]
        data = ColumnDataSource({"name": rows, "right": mib, "tip": tips})
        shown.append(
            (label, fig.hbar(y="name", right="right", height=0.24, color=color, source=data))
        )
    plot.hover(fig, *(each for _, each in shown))
    _legend(fig, shown)
    return fig


def _dirty_bytes(each: Candidate, page: int) -> float:
    return float((each.median("dirty_pages_after_prefault") or 0) * page)


def latencies(review: Review, weights: Weights) -> figure:
    """How many first accesses are slower than so many microseconds, on two logarithmic scales."""
    ran = {each.name: each for each in advice.ranking(review, weights)}
    fig = plot.bare(Range1d(0.01, 1e6), Range1d(1e-6, 1.5), x_axis_type="log", y_axis_type="log")
    fig.xaxis.axis_label = "microseconds of a first access"
    fig.yaxis.axis_label = "part that is slower"
    shown, last = [], 0.1
    for name, color in zip(LATENCY_SHOWN, LATENCY_COLORS, strict=True):
        if name not in ran:
            continue
        bins = [
            sum(each) for each in zip(*(t.first_touch_bins for t in ran[name].trials), strict=True)
        ]
        total = sum(bins)
        edges = [10 ** (1 + (i + 1) / BINS_PER_DECADE) / 1000 for i in range(len(bins))]
        slower = [1 - part / total for part in itertools.accumulate(bins)]
        points = [(0.01, 1.0)] + [
            (x, y) for x, y in zip(edges, slower, strict=True) if y > 0.5 / total
        ]
        last = max(last, points[-1][0])
        xs, ys = [x for x, _ in points], [y for _, y in points]
        tips = [f"{name}: {y:.3%} are slower than {x:,.3g} us" for x, y in points]
        data = ColumnDataSource({"x": xs, "y": ys, "tip": tips})
        line = fig.step("x", "y", source=data, color=color, line_width=2, mode="before")
        plot.hover(fig, fig.scatter("x", "y", source=data, size=8, alpha=0, color=color))
        shown.append((name, line))
    fig.x_range.end = last * 2
    _legend(fig, shown)
    return fig
