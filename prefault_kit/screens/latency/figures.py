"""The live charts of a latency probe. Each is made once; ``update`` replaces what it shows."""

from __future__ import annotations

from typing import Any

from bokeh.models import Range1d, Span

from prefault_kit.show import plot
from prefault_kit.show.latency import (
    COLOURS,
    DASHED,
    DISTRIBUTION_TITLE,
    EXCEEDANCE_LABEL,
    WORST_TITLE,
)
from prefault_kit.show.palette import GREY
from prefault_kit.studies.latency import Latencies
from prefault_kit.studies.latency.events import NO_EVENT

SHORTEST_US = 0.05
LEAST_TOP_US = 100.0
"""The axes reach at least this far, so that charts of short waits do not jump."""


class LatencyChart:
    """A line for each preparation, on a figure with the given axes."""

    def __init__(self, *, x: Range1d, y: Range1d, x_label: str, y_label: str, **axes: str) -> None:
        self.figure = fig = plot.bare(x, y, y_axis_type="log", **axes)
        fig.xaxis.axis_label = x_label
        fig.yaxis.axis_label = y_label
        plot.in_plain_figures(fig.yaxis[0])
        self.lines = {name: plot.source("x", "y", "tip") for name in COLOURS}
        self.drawn: dict[str, list[Any]] = {}
        for name, data in self.lines.items():
            line = fig.line(
                "x",
                "y",
                source=data,
                color=COLOURS[name],
                line_width=2,
                line_dash="dashed" if name in DASHED else "solid",
            )
            points = fig.scatter("x", "y", source=data, size=7, alpha=0)
            plot.hover(fig, points)
            self.drawn[name] = [line, points]
        plot.follow_theme(fig)

    def update(self, latencies: Latencies) -> None:
        """Show what has been measured so far."""
        raise NotImplementedError

    def _fill(self, name: str, x: list[float], y: list[float], tips: list[str]) -> None:
        plot.fill(self.lines[name], x=x, y=y, tip=tips)


class OverTime(LatencyChart):
    """The worst wait of each slot; a vertical line where the event began."""

    TITLE = WORST_TITLE

    def __init__(self) -> None:
        super().__init__(
            x=Range1d(0, 2),
            y=Range1d(SHORTEST_US, LEAST_TOP_US),
            x_label="seconds",
            y_label="microseconds",
        )
        self.event = Span(location=0, dimension="height", line_color=GREY, line_dash="dotted")
        self.figure.add_layout(self.event)

    def update(self, latencies: Latencies) -> None:
        """Show what has been measured so far."""
        top = LEAST_TOP_US
        for name in self.lines:
            x, y = latencies.worst_us(name) if name in latencies.samples else ([], [])
            tips = [f"{name}, {a:.1f} s: {b:,.1f} us" for a, b in zip(x, y, strict=True)]
            self._fill(name, x, y, tips)
            top = max([top, *y])
        self.figure.x_range.end = latencies.probe.seconds
        self.figure.y_range.end = top * 1.5
        self.event.visible = latencies.probe.event != NO_EVENT
        self.event.location = latencies.probe.event_s


class Distribution(LatencyChart):
    """The fraction of the waits that is as long or longer, by microseconds."""

    TITLE = DISTRIBUTION_TITLE

    def __init__(self) -> None:
        super().__init__(
            x=Range1d(SHORTEST_US, LEAST_TOP_US),
            y=Range1d(1e-4, 1.5),
            x_label="microseconds",
            y_label=EXCEEDANCE_LABEL,
            x_axis_type="log",
        )
        plot.in_plain_figures(self.figure.xaxis[0])

    def update(self, latencies: Latencies) -> None:
        """Show what has been measured so far."""
        right, least = LEAST_TOP_US, 1.0
        for name in self.lines:
            x, y = latencies.exceedance(name) if name in latencies.samples else ([], [])
            tips = [
                f"{name}: {b:.2%} wait {a:,.1f} us or longer" for a, b in zip(x, y, strict=True)
            ]
            self._fill(name, x, y, tips)
            right, least = max([right, *x]), min([least, *y])
        self.figure.x_range.end = right * 1.5
        self.figure.y_range.start = least / 1.5


CHARTS = (OverTime, Distribution)
"""All of them, in the order of reading."""
