"""The explorer's charts, each with a title and a legend, and the table of numbers."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
from bokeh.events import Tap
from traitlets import Bunch

from prefault_kit.measure.result import Result
from prefault_kit.screens.explorer import comparison, figures, text
from prefault_kit.screens.explorer.model import Explorer
from prefault_kit.screens.widgets.parts import Cards, hide, set_html
from prefault_kit.show import labels

MOST_DRAWN = 24
"""How many runs are drawn side by side at most: the newest ones."""


class Dashboard:
    """Four cards and a table; :meth:`draw` replaces what they show."""

    def __init__(self, model: Explorer) -> None:
        self.model = model
        self.times = figures.RepetitionTimes()
        self.follow_up = figures.FollowUp()
        self.compared_times = comparison.ComparedTimes()
        self.resident = comparison.ResidentMemory()
        self.look_at = widgets.Dropdown(description="Looking at", options=[])
        self.look_at.add_class("prefault-long")
        self.numbers = widgets.HTML()
        self.table = widgets.Accordion(
            children=[self.numbers], titles=("The same in numbers",), selected_index=None
        )
        self._first = 0
        self._drawing = False
        for fig in (self.compared_times.figure, self.resident.figure):
            fig.on_event(Tap, self._tapped)  # before it is a Chart, or no click comes through
        names = ("times", "follow_up", "compared_times", "resident")
        self.cards = Cards({name: getattr(self, name).figure for name in names})
        self.draw()
        self.look_at.observe(self._chosen, names="value")
        model.observe(self.draw, names="changed")

    def draw(self, _: object = None) -> None:
        """Show the model as it is now."""
        with self.cards.together():
            self._draw()

    def _draw(self) -> None:
        model, live = self.model, self.model.live
        kept: tuple[Result, ...] = model.kept
        results = kept + (live.results if live else ())
        self._first = max(0, len(results) - MOST_DRAWN)
        drawn = results[self._first :]
        names = labels.labels(drawn)
        shown = len(kept) + live.focus if live else model.shown
        result = results[shown] if 0 <= shown < len(results) else None
        marked = shown - self._first if result and shown >= self._first else None
        for card in self.cards.cards.values():
            hide(card, not results)
        self.times.update(result)
        self.follow_up.update(result)
        self.compared_times.update(drawn, names, marked)
        self.resident.update(drawn, names, marked)
        set_html(self.cards.heads["times"], text.times_card(result))
        set_html(self.cards.heads["follow_up"], text.follow_up_card(result))
        set_html(self.cards.heads["compared_times"], text.compared_card(drawn, self._first))
        set_html(self.cards.heads["resident"], text.resident_card(drawn))
        if not live:
            self._list(kept)

    def _list(self, kept: tuple[Result, ...]) -> None:
        self._drawing = True
        try:
            options = [
                (f"{number}. " + name.replace("\n", ", "), number - 1)
                for number, name in enumerate(labels.labels(kept), 1)
            ]
            if tuple(options) != tuple(self.look_at.options):
                self.look_at.options = options
            self.look_at.value = self.model.shown if self.model.result else None
        finally:
            self._drawing = False
        hide(self.look_at, not kept)
        hide(self.table, not kept)
        set_html(self.numbers, text.table(kept, self.model.shown))

    def _chosen(self, change: Bunch) -> None:
        with self.cards.lock:  # what another thread draws is no choice, but this may be one
            if not self._drawing and change["new"] is not None:
                self.model.look_at(change["new"])

    def _tapped(self, event: Any) -> None:
        if event.y is not None:
            self.model.look_at(self._first + round(event.y))
