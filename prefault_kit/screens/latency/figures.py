"""The live charts of a watch. Each is made once; ``update`` replaces what it shows."""

from __future__ import annotations

from bokeh.models import Range1d, Span

from prefault_kit.show import plot
from prefault_kit.show.latency import COLOURS, DASHED
from prefault_kit.show.palette import GREY
from prefault_kit.studies.latency.latencies import Latencies

SHORTEST_US = 0.05
LEAST_TOP_US = 100.0
"""A chart of short waits reaches this far, so that it does not jump."""


class Chart:
    """A line a way, on a figure with the given axes."""

    def __init__(self, *, x: Range1d, y: Range1d, x_label: str, y_label: str, **axes: str) -> None:
        self.figure = fig = plot.bare(x, y, y_axis_type="log", **axes)
        fig.xaxis.axis_label = x_label
        fig.yaxis.axis_label = y_label
        self.lines = {way: plot.source("x", "y", "tip") for way in COLOURS}
        for way, data in self.lines.items():
            fig.line(
                "x",
                "y",
                source=data,
                color=COLOURS[way],
                line_width=2,
                line_dash="dashed" if way in DASHED else "solid",
            )
            plot.hover(fig, fig.scatter("x", "y", source=data, size=7, alpha=0))
        plot.follow_theme(fig)

    def update(self, latencies: Latencies) -> None:
        """Show what came so far."""
        raise NotImplementedError

    def _fill(self, way: str, x: list[float], y: list[float], tips: list[str]) -> None:
        plot.fill(self.lines[way], x=x, y=y, tip=tips)


class OverTime(Chart):
    """The worst wait of each moment; a line where the event began."""

    TITLE = "The worst wait of each moment"

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
        """Show what came so far."""
        top = LEAST_TOP_US
        for way in self.lines:
            x, y = latencies.worst_us(way) if way in latencies.ways else ([], [])
            tips = [f"{way}, {a:.1f} s: {b:,.3g} us" for a, b in zip(x, y, strict=True)]
            self._fill(way, x, y, tips)
            top = max([top, *y])
        self.figure.x_range.end = latencies.watch.seconds
        self.figure.y_range.end = top * 1.5
        self.event.visible = latencies.watch.event != "nothing"
        self.event.location = latencies.watch.event_s


class Distribution(Chart):
    """Which part of the waits is longer than so many microseconds."""

    TITLE = "How long first touches wait, before anything happens"

    def __init__(self) -> None:
        super().__init__(
            x=Range1d(SHORTEST_US, LEAST_TOP_US),
            y=Range1d(1e-4, 1.5),
            x_label="microseconds",
            y_label="part that is longer",
            x_axis_type="log",
        )

    def update(self, latencies: Latencies) -> None:
        """Show what came so far."""
        right, least = LEAST_TOP_US, 1.0
        for way in self.lines:
            x, y = latencies.slower(way) if way in latencies.ways else ([], [])
            tips = [f"{way}: {b:.2%} wait {a:,.3g} us or longer" for a, b in zip(x, y, strict=True)]
            self._fill(way, x, y, tips)
            right, least = max([right, *x]), min([least, *y])
        self.figure.x_range.end = right * 1.5
        self.figure.y_range.start = least / 1.5


CHARTS = (OverTime, Distribution)
"""All of them, in the order of reading."""
