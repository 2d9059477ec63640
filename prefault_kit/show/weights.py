"""The weights lab: what each way took and holds as tables, pictures, sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.markdown import Markdown, table
from prefault_kit.show.page_map import SURFACE, png
from prefault_kit.show.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION
from prefault_kit.show.units import format_ms
from prefault_kit.show.verdicts import NOT_TESTABLE_HERE
from prefault_kit.studies.weights import AGAIN, FIRST, LAST, OK, USED, Crossing, Found
from prefault_kit.studies.weights.loaders import LOADERS
from prefault_kit.studies.weights.ways import LAZY, MAPPED, WAYS

TIME_HEADS = (
    "way", "first use, best", "median", "last byte, best", "median", "over lazy mmap", "once more",
    "faults of bringing in", "of using", "second process, last byte",
)  # fmt: skip
HOLDING_HEADS = (
    "way",
    "mapped from the page cache",
    "its own",
    "in the page cache",
    "a second one",
)
LIMITED_HEADS = ("way", "ends", "waits for storage again while in use", "and once more")
LOADER_HEADS = ("who", "option", "what it does", "way here", "source")
KILLED = "SIGKILL"
SLIGHT = 0.005
"""A part so small is none."""

COLOURS = {MAPPED: BLUE, "read": ORANGE, "direct": GREEN}
"""Of a way, by where the weights are used."""
LINES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)
FIRST_LABEL, LAST_LABEL = "first tensor used", "last one used"


def _refused(found: Found) -> Markdown:
    return Markdown(f"{NOT_TESTABLE_HERE} {found.missing}")


def times(found: Found) -> Markdown:
    """What each way took: best and median, faults (minor + major), and the second process."""
    if found.missing:
        return _refused(found)
    return Markdown(table(TIME_HEADS, [(way, *_time_cells(found, way)) for way in found.entries]))


def _time_cells(found: Found, way: str) -> Iterable[str]:
    load = found.load(way)
    if load.ended != OK:
        return (_end(load.ended), *[""] * (len(TIME_HEADS) - 2))
    over = found.ratio(way, LAZY) if LAZY in found.entries else None
    return (
        _ms(found.best_ms(way, FIRST)),
        _ms(found.median_ms(way, FIRST)),
        _ms(found.best_ms(way, LAST)),
        _ms(found.median_ms(way, LAST)),
        "" if over is None else f"{over:.2f}",
        _ms(found.best_ms(way, AGAIN)),
        f"{load.load_minor:,} + {load.load_major:,}",
        f"{load.use_minor:,} + {load.use_major:,}",
        _ms(found.best_ms(way, LAST, second=True)),
    )


def _ms(milliseconds: float | None) -> str:
    return "" if milliseconds is None else format_ms(milliseconds)


def holding(found: Found) -> Markdown:
    """What a process then has, as parts of the tensors that are used; and what a second adds.

    More than all of them is all, for a populate brings in the header too; a page or two is none,
    for a fault maps pages around it.
    """
    if found.missing:
        return _refused(found)
    rows: list[tuple[str, ...]] = []
    for way in found.entries:
        load = found.load(way)
        if load.ended != OK:
            rows.append((way, _end(load.ended), "", "", ""))
            continue
        parts = (load.mapped, load.anonymous, load.cached, found.second_bytes(way))
        rows.append((way, *(_part(each, found.used_bytes) for each in parts)))
    return Markdown(table(HOLDING_HEADS, rows))


def _part(size_bytes: int | None, whole_bytes: int) -> str:
    if size_bytes is None:
        return ""
    share = size_bytes / whole_bytes if whole_bytes else 0.0
    return "none" if share < SLIGHT else "all" if share > 1 - SLIGHT else f"{100 * share:.3g}%"


def _end(ended: str) -> str:
    return {OK: "well", KILLED: "killed (SIGKILL)"}.get(ended, f"error {ended}")


def limited(found: Found) -> Markdown:
    """Where memory is short: how each way ends, and whether its pages are still there when used."""
    if found.missing:
        return _refused(found)
    rows = []
    for way in found.entries:
        load = found.load(way)
        if load.ended != OK:
            rows.append((way, _end(load.ended), "", ""))
            continue
        waits = load.use_major if WAYS[way].prefaults else None
        rows.append((way, _end(OK), _yes(waits), _yes(load.again_major)))
    return Markdown(table(LIMITED_HEADS, rows))


def _yes(count: int | None) -> str:
    return "" if count is None else "yes" if count else "no"


def loaders() -> Markdown:
    """What the well-known loaders do."""
    rows = [
        (each.who, each.option, each.does, each.way, f"[source]({each.source})") for each in LOADERS
    ]
    return Markdown(table(LOADER_HEADS, rows))


def winner(found: Found, figure: str = LAST) -> str:
    """Which way is the fastest in a situation, in a sentence that the data gives."""
    if found.missing:
        return f"{NOT_TESTABLE_HERE} {found.missing}"
    ranked = found.ranked(figure)
    until = {FIRST: "the first tensor", LAST: "the last byte", AGAIN: "another pass"}[figure]
    if not ranked:
        return f"{found.plan.situation}: no way came to its end."
    best = ranked[0]
    near = [way for way in ranked[1:] if (found.ratio(way, best, figure) or 0) < NEAR]
    text = f"{found.plan.situation}: to {until} {best} is the fastest"
    text += f" ({_ms(found.best_ms(best, figure))})"
    if LAZY in ranked and best != LAZY:
        text += f", {found.ratio(best, LAZY, figure):.2f} of lazy mmap's time"
    if near:
        text += f"; within {NEAR - 1:.0%} of it {' / '.join(near)}"
    dead = [way for way in found.entries if found.ended(way) != OK]
    return text + (f"; did not end well: {' / '.join(dead)}" if dead else "") + "."


NEAR = 1.1
"""Ways whose best times differ by less are called as fast."""


def crossing(found: Crossing) -> str:
    """Which of two ways is faster on either side, and where they cross, in a sentence."""
    if found.below is None:
        return f"{found.one} and {found.other} are as fast as each other all along."
    if found.at is None:
        low, high = found.points[0][0], found.points[-1][0]
        slower = found.one if found.below == found.other else found.other
        return (
            f"{found.below} is faster than {slower} all along, {_value(found, low)} to "
            f"{_value(found, high)}."
        )
    if found.changes > 1:
        return f"{found.one} and {found.other} cross more than once: no side is safe."
    return f"Up to {_value(found, found.at)} {found.below} is faster, beyond it {found.above}."


def _value(found: Crossing, value: float) -> str:
    return f"{value:.3g} of the tensors" if found.axis == USED else f"{value:.3g} times the memory"


@dataclass(frozen=True)
class Picture:
    """Runs as a picture; its text is what they say."""

    text: str
    image: bytes

    def __repr__(self) -> str:
        return self.text

    def _repr_png_(self) -> bytes:
        return self.image


def picture(runs: Sequence[Found]) -> Picture:
    """A panel for each situation: of each way the time to the first use and to the last."""
    from matplotlib.figure import Figure  # here, so that importing the kit is quick

    runs = [found for found in runs if not found.missing]
    ways = list(dict.fromkeys(way for found in runs for way in found.entries))
    figure = Figure(
        figsize=(11, 1.4 + 0.3 * len(ways)), dpi=100, facecolor=SURFACE, layout="constrained"
    )
    panels = figure.subplots(1, max(1, len(runs)), sharey=True, squeeze=False)[0]
    for panel, found in zip(panels, runs, strict=False):
        for row, way in enumerate(ways):
            if way in found.entries:
                _dumbbell(panel, found, way, row)
        panel.set(xscale="log", xlabel="ms", ylim=(len(ways) - 0.5, -0.5))
        panel.set_title(found.plan.situation, loc="left", fontsize=9)
        _in_plain_figures(panel.xaxis, within=(1,))
        _bare(panel)
    panels[0].set_yticks(range(len(ways)), ways, fontsize=9)
    handles = [
        panels[0].plot([], [], "o", color=GREY, fillstyle=style, label=label)[0]
        for style, label in (("none", FIRST_LABEL), ("full", LAST_LABEL))
    ]
    figure.legend(handles=handles, loc="outside lower right", ncols=2, frameon=False, fontsize=9)
    return Picture("\n".join(winner(found) for found in runs), png(figure))


def _dumbbell(panel: Any, found: Found, way: str, row: int) -> None:
    first, last = found.best_ms(way, FIRST), found.best_ms(way, LAST)
    colour = COLOURS[WAYS[way].into]
    if first is None or last is None:
        panel.annotate(
            f"{_end(found.ended(way))}",
            (0.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            color=GREY,
        )
        return
    panel.plot([first, last], [row, row], color=colour, linewidth=1.5, alpha=0.6)
    panel.plot(first, row, "o", color=colour, fillstyle="none", markersize=6)
    panel.plot(last, row, "o", color=colour, markersize=6)


def crossings(*groups: Sequence[Crossing]) -> Picture:
    """A panel for each group of comparisons: the ratio of times along their axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), dpi=100, facecolor=SURFACE, layout="constrained")
    panels = figure.subplots(1, max(1, len(groups)), squeeze=False)[0]
    for panel, group in zip(panels, groups, strict=False):
        for colour, each in zip(LINES, group, strict=False):
            shown = [(x, y) for x, y in each.points if 0 < y < float("inf")]
            label = f"{each.one} / {each.other}"
            panel.plot(*zip(*shown, strict=True), "o-", color=colour, markersize=4, label=label)
            if each.at is not None:
                panel.axvline(each.at, color=colour, linewidth=1, linestyle=":")
        panel.axhline(1, color=GREY, linewidth=1)
        panel.set(xscale="log", yscale="log", ylabel="ratio of the times")
        panel.set_xlabel(
            "part of the tensors that is used" if group[0].axis == USED else group[0].axis
        )
        panel.legend(  # above, where no line runs through it
            frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0
        )
        _bare(panel)
        for axis in (panel.xaxis, panel.yaxis):
            _in_plain_figures(axis)
    sentences = [crossing(each) for group in groups for each in group]
    return Picture("\n".join(sentences), png(figure))


def _in_plain_figures(axis: Any, within: tuple[int, ...] = (1, 2, 5)) -> None:
    """Label a logarithmic axis 0.1, 0.2, 0.5, 1 and so on, without powers of ten; ``within`` are
    the labels of a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=within))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def _bare(panel: Any) -> None:
    panel.grid(alpha=0.25)
    panel.spines[["top", "right"]].set_visible(False)


def about(runs: Sequence[Found]) -> str:
    """What recorded runs were made on, in a line."""
    facts, plan = runs[0].facts, runs[0].plan
    return (
        f"Linux {facts.get('kernel')}, {facts.get('cpu')}, {facts.get('cpus')} CPUs; a file of "
        f"{format_bytes(runs[0].size_bytes)} with {plan.tensors} tensors"
    )
