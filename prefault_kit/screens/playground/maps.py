"""The page maps of the parent and of its child: what they show, and what clicks and keys do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import ipywidgets as widgets

from prefault_kit.screens.playground import text
from prefault_kit.screens.playground.figure import USUAL, StripsFigure
from prefault_kit.screens.playground.model import Playground
from prefault_kit.screens.widgets import parts
from prefault_kit.screens.widgets.parts import Cards, button, set_html
from prefault_kit.show.strips import EXPECTED
from prefault_kit.studies.playground.ground import CHILD, PARENT
from prefault_kit.studies.playground.strips import Strips

CHOOSE = "choose"
CLICKS = {"read": "reads", "write": "writes", CHOOSE: "chooses"}
"""What a click does to a page."""
KEYS = (
    '<div class="prefault-keys" tabindex="0" role="application" aria-roledescription="page map" '
    'aria-label="Page map. Arrow keys move, Shift with an arrow chooses a range, R reads, '
    'W writes, Home and End go to the first and the last page.">Click a page, or drag over some to '
    "choose them. Keyboard: arrows move, <kbd>Shift</kbd> + arrows choose, <kbd>Ctrl</kbd> + "
    "<kbd>A</kbd> chooses all, <kbd>R</kbd> reads, <kbd>W</kbd> writes</div>"
)


class Maps:
    """A figure for each process; ``box`` is what to display. ``click`` is one of :data:`CLICKS`."""

    def __init__(self, model: Playground) -> None:
        self.model = model
        self.click = "read"
        self.figures: dict[str, StripsFigure] = {}
        self.keys = widgets.Text(continuous_update=True)
        self.keys.add_class("prefault-keys-in")
        self.keys.observe(lambda change: self.hear(change["new"]), "value")
        self.cursor = widgets.HTML()
        self._cards: dict[str, Cards] = {}
        self._shape: object = None
        self._heard = 0
        self.all = button("Choose all", "Choose all pages")
        self.all.on_click(lambda _: model.choose(0, model.pages))
        self._place = widgets.Box()
        self._place.add_class("prefault-maps")
        self.box = widgets.VBox([self._place, widgets.HTML(KEYS), self.cursor, self.keys])

    # What the page sends

    def tap(self, process: str, page: int, shift: bool) -> None:
        """A click on a page: do what a click does, or paint it while a step waits."""
        if self.model.waiting is not None:
            self.model.expect(page, 1)
            return
        self._choose(process, page, page)
        way = "write" if shift else self.click
        if way != CHOOSE:
            self.model.do(way)

    def drag(self, process: str, first: int, last: int, end: bool) -> None:
        """A drag over pages: choose them, or paint them while a step waits."""
        if self.model.waiting is None:
            self._choose(process, first, last)
        elif end:
            self.model.expect(first, last - first + 1)

    def hear(self, said: str) -> None:
        """The last keys over the map, as the page sends them: ``7:Home 8:ArrowRight+shift``."""
        for each in said.split():
            number, _, key = each.partition(":")
            if number.isdecimal() and int(number) > self._heard:
                self._heard = int(number)
                self.press(key)

    def press(self, said: str) -> None:
        """A key over the map: ``r``, ``ArrowRight``, ``ArrowRight+shift``."""
        key, _, rest = said.partition("+")
        model, (first, count) = self.model, self.model.step
        row = next(iter(self.figures.values())).columns if self.figures else 1
        moves = {
            "ArrowRight": 1,
            "ArrowLeft": -1,
            "ArrowDown": row,
            "ArrowUp": -row,
            "Home": -model.pages,
            "End": model.pages,
        }
        if key in moves and rest == "shift":
            model.choose(first, count + moves[key])
        elif key in moves:
            model.choose(first + moves[key], 1)
        elif key == "all":
            model.choose(0, model.pages)
        elif key in ("r", "w") and model.waiting is not None:
            model.expect(first, count)
        elif key in ("r", "w"):
            model.do({"r": "read", "w": "write"}[key])

    def _choose(self, process: str, first: int, last: int) -> None:
        self.model.process = process
        self.model.choose(first, last - first + 1)

    # What is drawn

    def draw(self) -> None:
        """Show the model as it is now, in new figures where their shape would be another."""
        seen = {process: self.model.strips(process) for process in (PARENT, CHILD)}
        there = {process: strips for process, strips in seen.items() if strips is not None}
        names = {process: _names(there.values(), self._expects(process)) for process in there}
        shape = (self.model.pages, names)
        if shape != self._shape:
            self._make(names)
            self._shape = shape
        for process, strips in there.items():
            with self._cards[process].together():
                self.figures[process].show(self._words(process, strips))
            head = text.map_head(self.model, process, beside=len(there) > 1)
            legend = text.legend(strips, names[process])
            set_html(self._cards[process].heads["map"], head + legend)
        self.mark()

    def mark(self) -> None:
        """Outline what is chosen, what changed, what came otherwise, and where a process died."""
        model = self.model
        act = model.news
        for process, figure in self.figures.items():
            own = act if act and act.step.process == process else None
            with self._cards[process].together():
                figure.mark(
                    changed=_differences(
                        model.strips(process, back=1) if act else None,
                        model.strips(process),
                        figure.names,
                    ),
                    chosen=model.step,
                    wrong=model.wrong if own else (),
                    deadly=own.outcome.page if own and own.outcome.died else None,
                    folios=_folios(model.strips(process), model.sharing),
                )
        set_html(self.cursor, text.cursor(model, model.strips(model.process)))

    def _words(self, process: str, strips: Strips) -> dict[str, list[str]]:
        names = self.figures[process].names
        words = {name: getattr(strips, name, None) or [] for name in names}
        if self._expects(process):
            words[EXPECTED] = self.model.expected or []
        return words

    def _expects(self, process: str) -> bool:
        """Whether something is expected of this process."""
        step = self.model.waiting or (self.model.acts[-1].step if self.model.acts else None)
        return self.model.expected is not None and step is not None and step.process == process

    def _make(self, names: Mapping[str, tuple[str, ...]]) -> None:
        for cards in self._cards.values():
            parts.close(cards.box)
            cards.redraw.close()
        self.figures = {
            process: StripsFigure(
                self.model.pages, shown, partial(self.tap, process), partial(self.drag, process)
            )
            for process, shown in names.items()
        }
        self._cards = {each: Cards({"map": made.figure}) for each, made in self.figures.items()}
        self._place.children = tuple(
            part for cards in self._cards.values() for part in (cards.box, cards.redraw)
        )


def _names(seen: Iterable[Strips], expected: bool) -> tuple[str, ...]:
    """The strips that have something to say."""
    every = list(seen)
    files = ("cache", "storage")
    names = ["table", *([EXPECTED] if expected else [])]
    names += [*(each for each in files if any(getattr(strips, each) for strips in every))]
    if any(word != USUAL for strips in every for word in strips.access):
        names.append("access")
    return tuple(names)


def _folios(seen: Strips | None, sharing: str) -> list[tuple[str, int, int]]:
    """The folios of several pages: strip, first page, and count. Those of a file are the page
    cache's as well."""
    found = (seen.folios if seen else None) or []
    of_file = ("of the file", "huge") if sharing == "shared" else ("of the file",)
    return [
        (name, first, count)
        for first, count in found
        for name in ("table", "cache")
        if seen and (name == "table" or seen.table[first] in of_file)
    ]


def _differences(
    before: Strips | None, now: Strips | None, names: tuple[str, ...]
) -> list[tuple[str, int]]:
    """The cells that changed: strip and page."""
    if before is None or now is None:
        return []
    return [
        (name, page)
        for name in names
        for page, (old, new) in enumerate(
            zip(getattr(before, name, None) or [], getattr(now, name, None) or [], strict=False)
        )
        if old != new
    ]
