"""A latency probe as a table, and as a picture that needs no script: worst waits, distribution."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from prefault_kit.show import markdown
from prefault_kit.show.markdown import Markdown
from prefault_kit.show.page_map import SURFACE, png
from prefault_kit.show.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from prefault_kit.studies.latency.events import NO_EVENT
from prefault_kit.studies.latency.latencies import Latencies
from prefault_kit.studies.latency.preparations import PREPARATIONS, TOUCHED

COLOURS = dict(zip(PREPARATIONS, (GREY, SKY, BLUE, ORANGE, PURPLE, VERMILLION, GREEN), strict=True))
"""A colour for each preparation, the same in every chart."""
DASHED = ("POPULATE_READ", "MLOCK_ONFAULT", TOUCHED)
"""Preparations whose line is dashed because it coincides with another."""

HALVES = ("before", "after")
FIGURES = ("p50", "p99.9", "worst", "faults")
"""Of each half; times in microseconds."""
HEADS = ("us", *(f"{figure} {half}" for half in HALVES for figure in FIGURES))

WORST_TITLE = "Worst wait of each moment"
DISTRIBUTION_TITLE = "Waits of first touches"
EXCEEDANCE_LABEL = "fraction as long or longer"


def rows(found: Latencies) -> list[tuple[str, ...]]:
    """A row for each preparation, in the columns of :data:`HEADS`."""
    return [(name, *_cells(found, name)) for name in found.samples]


def _cells(found: Latencies, name: str) -> Iterator[str]:
    for values, faults in zip(found.quantiles_us(name), found.faulted(name), strict=True):
        yield from ("-" if math.isnan(each) else f"{each:,.1f}" for each in values.values())
        yield faults


def table(found: Latencies) -> Markdown:
    """The waits before the event and after it by preparation, and what was refused."""
    refused = [f"\n{name}: {reason}." for name, reason in found.refused.items()]
    return Markdown("\n".join([markdown.table(HEADS, rows(found)), *refused]))


@dataclass(frozen=True)
class Picture:
    """A latency probe as a picture; its text is the table."""

    latencies: Latencies

    def __repr__(self) -> str:
        return repr(table(self.latencies))

    def _repr_png_(self) -> bytes:
        return draw(self.latencies)


def picture(found: Latencies) -> Picture:
    """Show a latency probe in a notebook: worst waits over time, and the distribution."""
    return Picture(found)


def distribution_title(found: Latencies) -> str:
    """What the distribution is of: of all touches, or of those before the event."""
    event = found.probe.event
    return DISTRIBUTION_TITLE if event == NO_EVENT else f"{DISTRIBUTION_TITLE} before the {event}"


def draw(found: Latencies) -> bytes:
    """Draw the worst waits over time and the distribution side by side, as a PNG."""
    from matplotlib.figure import Figure  # here, so that importing the kit is quick

    figure = Figure(figsize=(10, 4.2), dpi=110, facecolor=SURFACE, layout="constrained")
    over_time, distribution = figure.subplots(1, 2)
    for name in found.samples:
        style = {"color": COLOURS[name], "linestyle": "--" if name in DASHED else "-"}
        over_time.plot(*found.worst_us(name), linewidth=1.1, label=name, **style)
        distribution.step(*found.exceedance(name), where="pre", linewidth=1.5, **style)
    over_time.set(yscale="log", xlabel="seconds", ylabel="microseconds")
    over_time.set_title(WORST_TITLE, loc="left", fontsize=10)
    distribution.set(xscale="log", yscale="log", xlabel="microseconds", ylabel=EXCEEDANCE_LABEL)
    distribution.set_title(distribution_title(found), loc="left", fontsize=10)
    if found.probe.event != NO_EVENT:
        over_time.axvline(found.probe.event_s, color=GREY, linewidth=1)
        over_time.annotate(
            found.probe.event,
            (found.probe.event_s, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -10),
            textcoords="offset points",
            fontsize=9,
        )
    for axis in (over_time, distribution):
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *over_time.get_legend_handles_labels(),
        loc="outside lower left",
        ncols=4,
        frameon=False,
        fontsize=9,
    )
    return png(figure)
