"""The playground on the screen: widgets linked to a model."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from prefault_kit.screens.playground import text
from prefault_kit.screens.playground.board import Board
from prefault_kit.screens.playground.controls import Memory, Operations
from prefault_kit.screens.playground.model import Playground
from prefault_kit.screens.playground.record import Record
from prefault_kit.screens.widgets import parts
from prefault_kit.screens.widgets.parts import Page, set_html
from prefault_kit.screens.widgets.style import CSS


class PlaygroundView(Board):
    """All that one can do; ``page`` is what to display."""

    def __init__(self, model: Playground) -> None:
        super().__init__(model)
        self.memory = Memory(model)
        self.operations = Operations(model, self.maps)
        self.record = Record(model)
        self.amounts = widgets.HTML()
        self.page = Page("playground")
        self.page.children = (
            widgets.HTML(CSS),
            *self.parts,
            parts.grid(
                self.operations.box,
                widgets.VBox(
                    [self.memory.box, parts.panel("Account", self.amounts), self.record.box]
                ),
            ),
        )
        self.draw()

    def draw(self) -> None:
        """Show the model as it is now."""
        super().draw()
        model = self.model
        set_html(self.amounts, text.amounts(model.strips(), model.strips(back=1)))
        for part in (self.memory, self.operations, self.record):
            part.draw()


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
