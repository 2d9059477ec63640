"""The charts of the explorer, each with a title and a legend, and the table of numbers."""

from __future__ import annotations

import threading
from typing import Any

import ipywidgets as widgets
from bokeh.events import Tap

from prefault_kit.screens.explorer import comparison, figures, rows, text
from prefault_kit.screens.explorer.model import Explorer
from prefault_kit.screens.widgets.parts import Cards, hide, say

DRAWN = 24
"""As many runs are drawn side by side at most, the newest ones."""


class Board:
    """Four cards and a table; :meth:`draw` replaces what they show."""

    def __init__(self, model: Explorer) -> None:
        self.model = model
        self.times = figures.Times()
        self.resident = comparison.Resident()
        self.later = figures.Later()
        self.kept = comparison.Kept()
        self.look_at = widgets.Dropdown(description="Looking at", options=[])
        self.look_at.add_class("prefault-long")
        self.numbers = widgets.HTML()
        self.table = widgets.Accordion(
            children=[self.numbers], titles=("The same in numbers",), selected_index=None
        )
        self._first = 0
        self._drawing = False
        self._lock = threading.RLock()  # a click may come in while a run draws
        for fig in (self.kept.figure, self.resident.figure):
            fig.on_event(Tap, self._tapped)  # before it is a Chart, or no click comes through
        names = ("times", "later", "kept", "resident")
        self.cards = Cards({name: getattr(self, name).figure for name in names})
        self.draw()
        self.look_at.observe(self._chosen, names="value")
        model.observe(self.draw, names="changed")

    def draw(self, _: Any = None) -> None:
        """Show the model as it is now."""
        with self._lock, self.cards.together():
            self._draw()

    def _draw(self) -> None:
        model, live = self.model, self.model.live
        kept = [rows.of_result(result) for result in model.kept]
        running = list(live.cells) if live else []
        everything = kept + running
        self._first = max(0, len(everything) - DRAWN)
        drawn = everything[self._first :]
        labels = rows.labels(drawn)
        shown = len(kept) + live.focus if live else model.shown
        row = everything[shown] if 0 <= shown < len(everything) else None
        marked = shown - self._first if row and shown >= self._first else None
        self.times.update(row)
        self.later.update(row)
        self.kept.update(drawn, labels, marked)
        self.resident.update(drawn, labels, marked)
        say(self.cards.heads["times"], text.times_card(row))
        say(self.cards.heads["later"], text.later_card(row))
        say(self.cards.heads["kept"], text.kept_card(drawn, self._first))
        say(self.cards.heads["resident"], text.resident_card(drawn))
        if not live:
            self._list(kept, rows.labels(kept))

    def _list(self, kept: list[rows.Row], labels: list[str]) -> None:
        self._drawing = True
        try:
            options = [
                (f"{number}. " + label.replace("\n", ", "), number - 1)
                for number, label in enumerate(labels, 1)
            ]
            if tuple(options) != tuple(self.look_at.options):
                self.look_at.options = options
            self.look_at.value = self.model.shown if self.model.result else None
        finally:
            self._drawing = False
        hide(self.look_at, not kept)
        hide(self.table, not kept)
        say(self.numbers, text.table(kept, self.model.shown))

    def _chosen(self, change: Any) -> None:
        if not self._drawing and change["new"] is not None:
            self.model.look_at(change["new"])

    def _tapped(self, event: Any) -> None:
        if event.y is not None:
            self.model.look_at(self._first + round(event.y))
