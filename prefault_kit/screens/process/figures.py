"""The live charts of a process. Each is made once; ``update`` replaces what it shows."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from typing import Any

from bokeh.events import Tap
from bokeh.models import Range1d

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.screens.process.model import WINDOW_S, Seen
from prefault_kit.show import plot
from prefault_kit.show import process as show
from prefault_kit.show.page_map import ABSENT, COLOURS
from prefault_kit.show.palette import BLUE, GREEN, PURPLE, VERMILLION
from prefault_kit.show.units import format_count
from prefault_kit.studies.process import Overview, PageMap, ProcessMapping

ROWS = 16
"""Mappings that have a row of their own; the others share the last one."""
LONGEST_LABEL = 28
OTHERS, GONE = "all others", "unmapped by now"
PARTS = {
    "anonymous": GREEN,
    "of a file": BLUE,
    "huge": PURPLE,
    "zero page": COLOURS["zero page"],
}
"""What is resident, and its colour."""
FAULTS = {"minor": BLUE, "major": VERMILLION}
CELLS_ACROSS = 64
CELL_PX = 9
PALE = 0.45
"""How much of its colour a cell keeps that has less than half of its pages in a state."""


def label(mapping: ProcessMapping) -> str:
    """A mapping's name, short enough for an axis: the end of a path says most."""
    name = show.printable(mapping.title)
    if not mapping.head.name:
        name += f" {mapping.address:x}"
    return name if len(name) <= LONGEST_LABEL else f"...{name[3 - LONGEST_LABEL :]}"


def labels(mappings: Sequence[ProcessMapping]) -> list[str]:
    """Their labels; those of one file, which a loader maps in parts, by their permissions too."""
    plain = [label(each) for each in mappings]
    return [
        f"{name} {each.head.permissions}" if plain.count(name) > 1 else name
        for name, each in zip(plain, mappings, strict=True)
    ]


def _pale(color: str) -> str:
    """A colour on the ground of pages that are not present: the same in light and dark themes."""
    ground = COLOURS[ABSENT]
    pairs = [(int(color[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5)]
    mixed = (round(PALE * own + (1 - PALE) * below) for own, below in pairs)
    return "#" + "".join(f"{value:02x}" for value in mixed)


def tip(mapping: ProcessMapping) -> str:
    """All of a mapping's row, for those who hover."""
    named = zip(show.COLUMNS, show.cells(mapping), strict=True)
    return ", ".join(f"{name} {value}" for name, value in named if value)


class Rows:
    """The largest mappings, a row each from the top; a row for all others, one for none of them."""

    def __init__(self, seen: Overview | None) -> None:
        self.mappings = seen.largest[:ROWS] if seen else []
        self.rest = seen.largest[ROWS:] if seen else []
        self._ordered = sorted(
            (each.address, each.address + each.size_bytes, min(row, ROWS))
            for row, each in enumerate([*self.mappings, *self.rest])
        )

    @property
    def labels(self) -> list[str]:
        """The names of the rows."""
        return [*labels(self.mappings), *([OTHERS] if self.rest else []), GONE]

    def place(self, address: int) -> float:
        """Where an address lies: its row, and how far into the mapping."""
        at = bisect.bisect_right(self._ordered, (address, 1 << 65, 0)) - 1
        if at < 0 or address >= self._ordered[at][1]:
            return len(self.labels) - 1
        begin, end, row = self._ordered[at]
        return row if row == ROWS else row - 0.4 + 0.8 * (address - begin) / (end - begin)


def _parts(mapping: ProcessMapping) -> dict[str, int]:
    """Resident bytes by :data:`PARTS`, without counting any twice."""
    if mapping.pages is None:
        return {"anonymous": mapping.resident_bytes or 0}
    pages = mapping.pages
    huge = pages.huge
    file = max(0, pages.file - (huge if pages.file >= huge else 0))
    found = {
        "huge": huge,
        "of a file": file,
        "zero page": pages.zero,
        "anonymous": max(0, pages.present - huge - file - pages.zero),
    }
    return {name: count * PAGE_SIZE_BYTES for name, count in found.items()}


class Sizes:
    """How much of each mapping is resident, to scale; a click chooses a mapping."""

    TITLE = "Resident memory by mapping"

    def __init__(self, on_choice: Callable[[int], object]) -> None:
        self._on_choice = on_choice
        self._rows = Rows(None)
        self._x, self._y = Range1d(0, 1), Range1d(0.5, -0.5)
        self.figure = fig = plot.bare(self._x, self._y)
        fig.ygrid.visible = False
        fig.xaxis.axis_label = "MiB"
        self._ticks = plot.NamedTicks(fig.yaxis[0])
        self.bars = plot.source("left", "right", "y", "color", "line", "tip")
        glyphs = fig.hbar(
            y="y", left="left", right="right", height=0.72, source=self.bars, fill_color="color",
            line_color="line", line_width=2,
        )  # fmt: skip
        plot.hover(fig, glyphs)
        plot.follow_theme(fig)
        fig.on_event(Tap, self._tapped)

    def _tapped(self, event: Any) -> None:
        row = round(event.y)
        if 0 <= row < len(self._rows.mappings):
            self._on_choice(self._rows.mappings[row].address)

    def update(self, seen: Overview | None, chosen: int) -> None:
        """Show the mappings."""
        self._rows = rows = Rows(seen)
        columns: dict[str, list[Any]] = {name: [] for name in self.bars.data}
        longest = 1.0
        for y, mappings in enumerate([*([each] for each in rows.mappings), rows.rest]):
            left = 0.0
            if not mappings:
                continue
            told = tip(mappings[0]) if y < ROWS else format_count(len(mappings), "more mapping")
            line = VERMILLION if y < ROWS and mappings[0].address == chosen else "#00000000"
            for name, color in PARTS.items():
                size = sum(_parts(each).get(name, 0) for each in mappings) / (1 << 20)
                if size or name == "anonymous":
                    values = (left, left + size, y, color, line, told)
                    for column, value in zip(columns, values, strict=True):
                        columns[column].append(value)
                    left += size
            longest = max(longest, left)
        names = rows.labels[:-1]  # what is unmapped has no size
        self._x.end = longest * 1.03
        self._y.start = max(1, len(names)) - 0.5
        self.figure.height = plot.MARGIN_PX + plot.ROW_PX * max(1, len(names))
        self._ticks.name(names)
        plot.fill(self.bars, **columns)


class Stream:
    """The faults of the last seconds: when, in which mapping, and how far into it."""

    TITLE = "Page faults as they happen"

    def __init__(self) -> None:
        self._x, self._y = Range1d(-WINDOW_S, 0), Range1d(0.5, -0.5)
        self.figure = fig = plot.bare(self._x, self._y)
        fig.xaxis.axis_label = "seconds ago, as of the last look"
        self._ticks = plot.NamedTicks(fig.yaxis[0])
        self.points = plot.source("x", "y", "color", "tip")
        plot.hover(
            fig,
            fig.scatter("x", "y", source=self.points, size=4, color="color", line_color=None),
        )
        plot.follow_theme(fig)

    def update(self, seen: Overview | None, faults: Sequence[Seen], now_s: float) -> None:
        """Show the faults; the rows are those of :class:`Sizes`."""
        rows = Rows(seen)
        names = rows.labels
        self._y.start = len(names) - 0.5
        self.figure.height = plot.MARGIN_PX + plot.ROW_PX * len(names)
        self._ticks.name(names)
        kinds = ["major" if each.major else "minor" for each in faults]
        plot.fill(
            self.points,
            x=[each.time_s - now_s for each in faults],
            y=[rows.place(each.address) for each in faults],
            color=[FAULTS[kind] for kind in kinds],
            tip=[f"{k} fault at 0x{each.address:x}" for k, each in zip(kinds, faults, strict=True)],
        )


class Pages:
    """The pages of the chosen mapping, each or in cells."""

    TITLE = "Pages of the chosen mapping"

    def __init__(self) -> None:
        self._x, self._y = Range1d(-0.5, CELLS_ACROSS - 0.5), Range1d(0.5, -0.5)
        self.figure = fig = plot.bare(self._x, self._y)
        fig.axis.visible = False
        fig.grid.visible = False
        self.cells = plot.source("x", "y", "color", "tip")
        glyphs = fig.rect(
            "x", "y", 0.88, 0.88, source=self.cells, fill_color="color", line_color=None
        )
        plot.hover(fig, glyphs)
        plot.follow_theme(fig)

    def update(self, found: PageMap | None) -> None:
        """Show them."""
        columns: dict[str, list[Any]] = {name: [] for name in self.cells.data}
        cells = found.cells if found else ()
        for at, counts in enumerate(cells):
            assert found
            first = at * found.pages_per_cell
            pages = min(found.pages_per_cell, found.mapping.size_bytes // PAGE_SIZE_BYTES - first)
            word, mostly = show.cell_word(counts, pages)
            begin = found.mapping.address + first * PAGE_SIZE_BYTES
            told = f"{word} at 0x{begin:x}"
            if pages > 1:
                told += f": {counts.present} of {pages} pages are present"
            color = COLOURS[word] if mostly else _pale(COLOURS[word])
            values = (at % CELLS_ACROSS, at // CELLS_ACROSS, color, told)
            for column, value in zip(columns, values, strict=True):
                columns[column].append(value)
        lines = max(1, -(-len(cells) // CELLS_ACROSS))
        self._y.start = lines - 0.5
        self.figure.height = 16 + CELL_PX * max(lines, 4)
        plot.fill(self.cells, **columns)


def legend_of(found: PageMap | None) -> str:
    """What a cell of the map stands for."""
    if found is None:
        return "click a bar to choose a mapping"
    size = format_bytes(found.mapping.size_bytes)
    cell = format_count(found.pages_per_cell, "page")
    pale = ", pale where fewer than half of them are so" if found.pages_per_cell > 1 else ""
    return f"{show.printable(found.mapping.title)}, {size}; a cell is {cell}{pale}"
