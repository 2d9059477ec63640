"""What every view of a playground has: the maps, what happened, predictions, and ways back."""

from __future__ import annotations

import ipywidgets as widgets

from prefault_kit.screens.options import Option
from prefault_kit.screens.playground import text
from prefault_kit.screens.playground.controls import keep_equal
from prefault_kit.screens.playground.maps import Maps
from prefault_kit.screens.playground.model import Playground
from prefault_kit.screens.widgets import parts
from prefault_kit.screens.widgets.chips import Chips
from prefault_kit.screens.widgets.parts import button, hide, set_html
from prefault_kit.screens.widgets.text import status
from prefault_kit.studies.playground.strips import TABLE


class Board:
    """The widgets by name; ``parts`` are what to display.

    A click, a drag or a key is one call of the model; what it changed is drawn before it returns.
    """

    def __init__(self, model: Playground) -> None:
        self.model = model
        self.maps = Maps(model)
        self.status, self.happened, self.score = (widgets.HTML() for _ in range(3))
        self.predict = widgets.Checkbox(description="predict each step first", indent=False)
        self.paint = Chips(tips=lambda word: f"Paint: {word}")
        self.paint.offer([Option(each) for each in self.words()])
        self.reveal = button("Do it", "Do the step; what came otherwise is crossed")
        self.reveal.add_class("prefault-primary")
        self.forget = button("Forget it", "The step is not done")
        self.expected = parts.row("I expect", self.paint)
        self.waiting = widgets.VBox([self.expected, parts.actions(self.reveal, self.forget)])
        self.revive = button("Start it again", "A new process does the steps before once more")
        self.back = button("Back", "Everything but the last step is done once more")
        self.anew = button("Begin anew", "The memory as it was at first")
        self.parts = (
            self.maps.box,
            self.status,
            self.waiting,
            self.happened,
            self.score,
            parts.actions(self.revive, self.back, self.anew, self.predict),
        )
        self._link()

    def _link(self) -> None:
        model = self.model
        keep_equal(model, "paint", self.paint)
        keep_equal(model, "predicting", self.predict)
        self.reveal.on_click(lambda _: model.reveal())
        self.forget.on_click(lambda _: model.forget())
        self.revive.on_click(lambda _: model.revive())
        self.back.on_click(lambda _: model.back(max(model.prepared, len(model.acts) - 1)))
        self.anew.on_click(lambda _: self._begin())
        model.observe(lambda _: self.draw(), "changed")
        model.observe(lambda _: self.maps.mark(), ["first", "count"])

    def words(self) -> tuple[str, ...]:
        """What may be painted."""
        return TABLE

    def _begin(self) -> None:
        if self.model.prepared:
            self.model.back(self.model.prepared)
        else:
            self.model.begin()

    def draw(self) -> None:
        """Show the model as it is now."""
        model = self.model
        self.maps.draw()
        self.status.value = status(model.status, model.command, failed=model.failed)
        set_html(self.happened, text.happened(model))
        set_html(self.score, text.score(model))
        hide(self.revive, model.alive or not model.acts)
        hide(self.waiting, model.waiting is None)
        self.back.disabled = model.news is None
