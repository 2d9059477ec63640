"""A watch as a picture that needs no script: the worst wait over time, and the distribution."""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.show import tables
from prefault_kit.show.page_map import SURFACE, png
from prefault_kit.show.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from prefault_kit.studies.latency.latencies import Latencies
from prefault_kit.studies.latency.ways import TOUCHED, WAYS

COLOURS = dict(zip(WAYS, (GREY, SKY, BLUE, ORANGE, PURPLE, VERMILLION, GREEN), strict=True))
"""A colour for each way, the same in every chart."""
DASHED = ("POPULATE_READ", "MLOCK_ONFAULT", TOUCHED)
"""Ways whose line is dashed, for it lies on another."""


@dataclass(frozen=True)
class Picture:
    """A watch as a picture; its text is the table."""

    latencies: Latencies

    def __repr__(self) -> str:
        return repr(tables.latencies(self.latencies))

    def _repr_png_(self) -> bytes:
        return draw(self.latencies)


def draw(latencies: Latencies) -> bytes:
    """Draw both, one beside the other."""
    from matplotlib.figure import Figure  # here, so that importing the kit is quick

    figure = Figure(figsize=(10, 4.2), dpi=110, facecolor=SURFACE, layout="constrained")
    over_time, distribution = figure.subplots(1, 2)
    for way in latencies.ways:
        style = {"color": COLOURS[way], "linestyle": "--" if way in DASHED else "-", "label": way}
        over_time.plot(*latencies.worst_us(way), linewidth=1.1, **style)
        distribution.step(*latencies.slower(way), where="pre", linewidth=1.5)
        distribution.lines[-1].set(**style)
    over_time.set(yscale="log", xlabel="seconds", ylabel="microseconds")
    over_time.set_title("The worst wait of each moment", loc="left", fontsize=10)
    distribution.set(
        xscale="log", yscale="log", xlabel="microseconds", ylabel="part that is as long or longer"
    )
    title = "How long first touches wait"
    if latencies.watch.event != "nothing":
        title += f", before the {latencies.watch.event}"
        over_time.axvline(latencies.watch.event_s, color=GREY, linewidth=1)
        over_time.annotate(
            latencies.watch.event,
            (latencies.watch.event_s, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -10),
            textcoords="offset points",
            fontsize=9,
        )
    distribution.set_title(title, loc="left", fontsize=10)
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
