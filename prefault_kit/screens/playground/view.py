"""The playground on the screen: widgets linked to a model.

A click, a drag or a key is one call of the model; what it changed is drawn before it returns.
"""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from prefault_kit.screens.options import Option
from prefault_kit.screens.playground import text
from prefault_kit.screens.playground.controls import Memory, Operations, keep_equal
from prefault_kit.screens.playground.maps import Maps
from prefault_kit.screens.playground.model import Playground
from prefault_kit.screens.playground.record import Record
from prefault_kit.screens.widgets import parts
from prefault_kit.screens.widgets.chips import Chips
from prefault_kit.screens.widgets.parts import Page, button, hide, set_html
from prefault_kit.screens.widgets.style import CSS
from prefault_kit.screens.widgets.text import status
from prefault_kit.studies.playground.strips import TABLE


class PlaygroundView:
    """The widgets by name; ``page`` is the one to display."""

    def __init__(self, model: Playground) -> None:
        self.model = model
        self.maps = Maps(model)
        self.memory = Memory(model)
        self.operations = Operations(model, self.maps)
        self.record = Record(model)
        self.status, self.happened, self.amounts = (widgets.HTML() for _ in range(3))
        self.predict = widgets.Checkbox(description="predict each step first", indent=False)
        self.paint = Chips(tips=lambda word: f"Paint: {word}")
        self.paint.offer([Option(each) for each in TABLE])
        self.reveal = button("Do it", "Do the step; what came otherwise is crossed")
        self.reveal.add_class("prefault-primary")
        self.forget = button("Forget it", "The step is not done")
        self.expected = parts.row("I expect", self.paint)
        self.waiting = widgets.VBox([self.expected, parts.actions(self.reveal, self.forget)])
        self.score = widgets.HTML()
        self.revive = button("Start it again", "A new process does the steps before once more")
        self.back = button("Back", "Everything but the last step is done once more")
        self.anew = button("Begin anew", "Fresh memory, and no history")
        self._link()
        self.page = Page("playground")
        self.page.children = (
            widgets.HTML(CSS),
            self.maps.box,
            self.status,
            self.waiting,
            self.happened,
            self.score,
            parts.actions(self.revive, self.back, self.anew, self.predict),
            parts.grid(
                self.operations.box,
                widgets.VBox(
                    [self.memory.box, parts.panel("Account", self.amounts), self.record.box]
                ),
            ),
        )
        self.draw()

    def _link(self) -> None:
        model = self.model
        keep_equal(model, "paint", self.paint)
        keep_equal(model, "predicting", self.predict)
        self.reveal.on_click(lambda _: model.reveal())
        self.forget.on_click(lambda _: model.forget())
        self.revive.on_click(lambda _: model.revive())
        self.back.on_click(lambda _: model.back(max(0, len(model.acts) - 1)))
        self.anew.on_click(lambda _: model.begin())
        model.observe(lambda _: self.draw(), "changed")
        model.observe(lambda _: self.maps.mark(), ["first", "count"])

    def draw(self) -> None:
        """Show the model as it is now."""
        model = self.model
        for part in (self.maps, self.memory, self.operations, self.record):
            part.draw()
        self.status.value = status(
            model.status, model.command, running=False, failed=model.failed, fraction=0.0
        )
        set_html(self.happened, text.happened(model))
        set_html(self.score, text.score(model))
        set_html(self.amounts, text.amounts(model.strips(), model.strips(back=1)))
        hide(self.revive, model.alive or not model.acts)
        hide(self.waiting, model.waiting is None)
        self.back.disabled = not model.acts


def view(model: Playground) -> PlaygroundView:
    """Make the widgets of a model and link them."""
    return PlaygroundView(model)


def playground(history: str | None = None, **chosen: Any) -> Playground:
    """Show a playground in a notebook; returns its model, for scripts.

    ``history`` opens a saved history (its text, or a link); ``chosen`` sets the memory:
    ``kind``, ``sharing``, ``pages``, ``thp``, ``content``, ``directory``.
    """
    model = Playground(history, **chosen)
    parts.show(lambda: view(model).page)
    return model
