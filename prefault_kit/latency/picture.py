"""A watch as a PNG that needs no script: the worst wait over time, and the distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefault_kit.latency.colours import COLOURS, DASHED
from prefault_kit.palette import GREY
from prefault_kit.picture import SURFACE, png

if TYPE_CHECKING:
    from prefault_kit.latency.latencies import Latencies


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
