"""The strips of a range as one figure, whose data is replaced: only what changed is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from bokeh.events import DoubleTap, Pan, PanEnd, PanStart, Press, PressUp, Tap
from bokeh.models import ColumnDataSource, HoverTool, Range1d

from prefault_kit.show import plot
from prefault_kit.show.palette import GREY, VERMILLION
from prefault_kit.show.strips import HATCHES, TITLES, look

COLUMNS = ((64, 32), (1024, 64), (4096, 128))
"""Up to so many pages, so many in a row."""
HEAD_PX = 21
"""Above a strip, for its title."""
ROW_PX = {32: 24, 64: 12, 128: 7}
USUAL = "rw"
"""What may be done to a page that nobody protected."""


class StripsFigure:
    """A figure of some strips of ``pages`` pages. ``on_tap`` hears a page and whether Shift was
    held, ``on_drag`` the first and the last page of a range, and whether it is the end."""

    def __init__(
        self,
        pages: int,
        names: Sequence[str],
        on_tap: Callable[[int, bool], None],
        on_drag: Callable[[int, int, bool], None],
    ) -> None:
        self.pages, self.names = pages, tuple(names)
        self.columns = next(each for most, each in COLUMNS if pages <= most)
        self.rows = -(-pages // self.columns)
        self._on_tap, self._on_drag = on_tap, on_drag
        self._from: int | None = None
        self._row_px = ROW_PX[self.columns]
        self._head = HEAD_PX / self._row_px
        tall = len(names) * (self.rows + self._head)
        self.figure = plot.bare(
            Range1d(-0.7, self.columns - 0.3), Range1d(tall + 0.1, 0), frame_align=False
        )
        self.figure.height = round(self._row_px * tall) + 14
        self.figure.axis.visible = False
        self.figure.grid.visible = False
        self._cells = ColumnDataSource(self._empty())
        self._changed, self._wrong, self._deadly = (plot.source("x", "y") for _ in range(3))
        self._chosen, self._folios = (plot.source("x", "y", "width", "height") for _ in range(2))
        # A renderer for each hatch: Bokeh makes a canvas for each glyph where hatches are data
        self._hatched = {hatch: plot.source("x", "y") for hatch in HATCHES}
        self._draw()
        for event, hear in (
            (Tap, self._tapped),
            (DoubleTap, self._tapped),  # the second of two clicks within 0.3 s
            (Press, self._began),  # 0.3 s without moving: no Tap, no Pan will come, only PressUp
            (PressUp, self._released),
            (PanStart, self._began),
            (Pan, self._dragged),
            (PanEnd, self._ended),
        ):
            self.figure.on_event(event, hear)

    def _draw(self) -> None:
        fig = self.figure
        cells = fig.rect(
            "x", "y", 0.9, 0.9, source=self._cells, fill_color="color", line_color=None,
        )  # fmt: skip
        marks = (
            (self._changed, 0.96, {"line_color": "#000000", "line_width": 1.6}),
            (self._changed, 0.86, {"line_color": "#ffffff", "line_width": 0.8}),
        )
        for hatch, hatched in self._hatched.items():
            fig.rect(
                "x", "y", 0.9, 0.9, source=hatched, fill_color=None, line_color=None,
                hatch_pattern=hatch, hatch_color="#ffffff", hatch_alpha=0.75, hatch_scale=6,
            )  # fmt: skip
        for source, size, line in marks:
            fig.rect("x", "y", size, size, source=source, fill_color=None, **line)
        for blocks, line in (
            (self._folios, {"line_color": "#000000", "line_width": 1.2}),
            (self._chosen, {"line_color": "#ffffff", "line_width": 5}),  # pages may be blue, too
            (self._chosen, {"line_color": "#0072B2", "line_width": 2.2}),
        ):
            fig.rect("x", "y", "width", "height", source=blocks, fill_color=None, **line)
        fig.scatter(
            "x",
            "y",
            source=self._wrong,
            marker="x",
            size=self._row_px * 0.7,
            line_color="#000000",
            line_width=2,
        )
        fig.scatter(
            "x", "y", source=self._deadly, marker="x", size=16, line_color=VERMILLION, line_width=4
        )
        titles = ColumnDataSource(
            {
                "x": [-0.5] * len(self.names),
                "y": [
                    self._top(number) - 0.5 - 3 / self._row_px for number in range(len(self.names))
                ],
                "text": [TITLES[name] for name in self.names],
            }
        )
        words = fig.text(
            "x", "y", "text", source=titles, text_color=GREY, text_font_size="12px",
            text_baseline="bottom",
        )  # fmt: skip
        fig.add_tools(
            HoverTool(
                renderers=[cells],
                tooltips='<div class="prefault-tip">page @page: @word</div>',
                attachment="above",  # a fault brings neighbours, which are to be seen
            )
        )
        plot.follow_theme(fig, words.glyph)

    def _top(self, number: int) -> float:
        """The row of the first page of a strip."""
        return self._head + number * (self.rows + self._head) + 0.5

    def place(self, number: int, page: int) -> tuple[float, float]:
        """Where a page of a strip is, by the strip's number."""
        return float(page % self.columns), self._top(number) + page // self.columns

    def page_at(self, x: float, y: float) -> int | None:
        """The page at a place in any strip; None between them."""
        for number in range(len(self.names)):
            row, column = round(y - self._top(number)), round(x)
            page = row * self.columns + column
            if 0 <= row < self.rows and 0 <= column < self.columns and page < self.pages:
                return page
        return None

    def _empty(self) -> dict[str, list[Any]]:
        places = [
            self.place(number, page)
            for number in range(len(self.names))
            for page in range(self.pages)
        ]
        pages = list(range(self.pages)) * len(self.names)
        blank = [""] * len(places)
        return {
            "x": [x for x, _ in places],
            "y": [y for _, y in places],
            "page": pages,
            "word": list(blank),
            "color": list(blank),
        }

    def show(self, strips: Mapping[str, Sequence[str]]) -> None:
        """Show other words of each strip; only those that changed are sent."""
        words = [word for name in self.names for word in strips[name] or [""] * self.pages]
        before: list[str] = self._cells.data["word"]
        patches: dict[str, list[Any]] = {"word": [], "color": []}
        at = 0
        for differs, run in groupby(
            zip(before, words, strict=True), lambda pair: pair[0] != pair[1]
        ):
            new = [word for _, word in run]
            if differs:
                where = slice(at, at + len(new))
                patches["word"].append((where, new))
                patches["color"].append((where, [look(word)[0] for word in new]))
            at += len(new)
        if patches["word"]:
            self._cells.patch(patches)
            hatches = [look(word)[1] for word in words]
            for hatch, source in self._hatched.items():
                self._set(
                    source,
                    [divmod(at, self.pages) for at, each in enumerate(hatches) if each == hatch],
                )

    def mark(
        self,
        *,
        changed: Sequence[tuple[str, int]] = (),
        chosen: tuple[int, int] = (0, 0),
        wrong: Sequence[int] = (),
        deadly: int | None = None,
        folios: Sequence[tuple[str, int, int]] = (),
    ) -> None:
        """Outline cells of strips that changed, the chosen pages, folios, and what came
        otherwise."""
        numbers = {name: number for number, name in enumerate(self.names)}
        self._set(
            self._changed, [(numbers[name], page) for name, page in changed if name in numbers]
        )
        self._outline(self._chosen, [(number, *chosen) for number in numbers.values()])
        self._outline(
            self._folios,
            [(numbers[name], first, count) for name, first, count in folios if name in numbers],
        )
        self._set(self._wrong, [(0, page) for page in wrong])
        self._set(self._deadly, [] if deadly is None else [(0, deadly)])

    def _outline(self, source: ColumnDataSource, ranges: Iterable[tuple[int, int, int]]) -> None:
        """Draw a line around ranges of pages: the number of a strip, first page, and count."""
        places = [
            (self._top(number), span)
            for number, first, count in ranges
            for span in self._spans(first, count)
        ]
        plot.fill(
            source,
            x=[(left + right) / 2 for _, (left, right, _, _) in places],
            y=[top + (above + below) / 2 for top, (_, _, above, below) in places],
            width=[right - left + 1 for _, (left, right, _, _) in places],
            height=[below - above + 1 for _, (_, _, above, below) in places],
        )

    def _spans(self, first: int, count: int) -> list[tuple[int, int, int, int]]:
        """A range as three blocks at most: their first and last column, first and last row."""
        spans = []
        while count > 0:
            row, column = divmod(first, self.columns)
            rows = 1 if column else max(1, count // self.columns)
            width = min(count, self.columns - column)
            spans.append((column, column + width - 1, row, row + rows - 1))
            first, count = first + rows * width, count - rows * width
        return spans

    def _set(self, source: ColumnDataSource, cells: Sequence[tuple[int, int]]) -> None:
        places = [self.place(*cell) for cell in cells]
        plot.fill(source, x=[x for x, _ in places], y=[y for _, y in places])

    # What the page sends

    def _page_under(self, event: Any) -> int | None:
        return None if event.x is None else self.page_at(event.x, event.y)

    def _tapped(self, event: Any) -> None:
        page = self._page_under(event)
        if page is not None:
            self._on_tap(page, bool(event.modifiers and event.modifiers["shift"]))

    def _began(self, event: Any) -> None:
        self._from = self._page_under(event)

    def _released(self, event: Any) -> None:
        if self._page_under(event) == self._from:
            self._tapped(event)
        else:
            self._drag(event, end=True)
        self._from = None

    def _dragged(self, event: Any) -> None:
        self._drag(event, end=False)

    def _ended(self, event: Any) -> None:
        self._drag(event, end=True)
        self._from = None

    def _drag(self, event: Any, *, end: bool) -> None:
        page = self._page_under(event)
        if self._from is not None and page is not None:
            self._on_drag(min(self._from, page), max(self._from, page), end)
