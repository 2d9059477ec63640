"""Ratios one below the other, with their intervals where there are any: a forest plot as a PNG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prefault_kit.measure.result import Result
from prefault_kit.show.page_map import png
from prefault_kit.show.palette import BLUE, GREEN, PURPLE, VERMILLION
from prefault_kit.studies.grid.conclusions import Claim, Judged, judge, name
from prefault_kit.studies.grid.warm_cache import Fit

COLOURS = (PURPLE, BLUE, VERMILLION, GREEN)
"""The published figures first, then the grids."""
MARKS = ("D", "o", "s", "^")
INCH_PER_ROW = 0.24
APART = 0.16
"""The distance between the marks of one row, in rows."""


@dataclass(frozen=True)
class Forest:
    """A row for each label, with a mark for each title that has a ratio."""

    rows: Sequence[tuple[str, Mapping[str, Judged | None]]]
    label: str
    """The label of the axis."""

    def __repr__(self) -> str:
        return f"a picture of {len(self.rows)} ratios; the tables have their figures"

    def _repr_png_(self) -> bytes:
        from matplotlib.figure import Figure  # here, so that importing the kit is quick
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        figure = Figure(
            figsize=(7.6, INCH_PER_ROW * len(self.rows) + 1.1),
            dpi=110,
            facecolor="white",
            layout="constrained",
        )
        axis = figure.subplots()
        titles = list(self.rows[0][1])
        for number, title in enumerate(titles):
            shift = (number - (len(titles) - 1) / 2) * APART
            points = [
                (row + shift, each)
                for row, (_, columns) in enumerate(self.rows)
                if (each := columns.get(title))
            ]
            axis.errorbar(
                [each.ratio for _, each in points],
                [row for row, _ in points],
                xerr=[
                    [max(0.0, each.ratio - each.low) for _, each in points],
                    [max(0.0, each.high - each.ratio) for _, each in points],
                ],
                fmt=MARKS[number % len(MARKS)],
                color=COLOURS[number % len(COLOURS)],
                markersize=4,
                linewidth=1.2,
                label=title,
            )
        axis.axvline(1, color="#555555", linewidth=0.8)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 7)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_yticks(range(len(self.rows)), [label for label, _ in self.rows], fontsize=8)
        axis.invert_yaxis()
        axis.set_xlabel(self.label)
        axis.grid(axis="x", color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
        axis.tick_params(axis="y", length=0)
        figure.legend(loc="outside upper left", ncols=len(titles), frameon=False, fontsize=9)
        return png(figure)


def forest(
    claims: Sequence[Claim], size_bytes: int, grids: Mapping[str, Sequence[Result]]
) -> Forest:
    """Draw claims by the published figures and by each grid, at one size."""
    rows = []
    for claim in claims:
        columns = judge(claim, [size_bytes], grids).columns
        for memory in claim.memories:
            found = {title: column.get(memory) for title, column in columns.items()}
            if any(found.values()):
                rows.append((f"{claim.method} / {claim.other}, {name(memory)}", found))
    return Forest(rows, "time of populating over time of touching, logarithmic; left of 1 it wins")


def states(fits: Iterable[Fit]) -> Forest:
    """Draw rows of the published table beside those of the two states of the page cache."""
    rows = []
    for fit in fits:
        figures = {"published": fit.published, "empty": fit.empty, "cached": fit.cached}
        marks = {title: Judged(ratio, ratio, ratio, "") for title, ratio in figures.items()}
        rows.append((f"{fit.method}, {name(fit.memory)}", marks))
    return Forest(
        rows, "in units of writing private anonymous memory on the same machine, logarithmic"
    )
