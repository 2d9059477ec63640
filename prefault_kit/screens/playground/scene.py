"""A scene on the screen: a question about prepared memory, and the few operations that matter."""

from __future__ import annotations

from html import escape

import ipywidgets as widgets

from prefault_kit.screens.playground import text
from prefault_kit.screens.playground.board import Board
from prefault_kit.screens.playground.controls import Buttons
from prefault_kit.screens.playground.model import Playground
from prefault_kit.screens.widgets import parts
from prefault_kit.screens.widgets.parts import Page, set_html
from prefault_kit.screens.widgets.style import CSS
from prefault_kit.studies.playground import scenes
from prefault_kit.studies.playground.scenes import Scene
from prefault_kit.studies.playground.strips import possible


class SceneView(Board):
    """The widgets of a scene; ``page`` is what to display."""

    def __init__(self, model: Playground, scene: Scene) -> None:
        self.scene = scene
        super().__init__(model)
        self.buttons = Buttons(model, scene.operations)
        self.amounts = widgets.HTML()
        self.page = Page("scene", f"Touch it: {scene.question}")
        self.page.children = (
            widgets.HTML(CSS),
            widgets.HTML(f'<div class="prefault-question">{escape(scene.question)}</div>'),
            self.maps.box,
            self.amounts,
            parts.row("Operation", self.buttons.row(scene.operations), self.maps.all),
            self.buttons.refused,
            *self.parts[1:],
        )
        self.draw()

    def words(self) -> tuple[str, ...]:
        """What a page of this memory may be."""
        found = possible(self.scene.ground)
        self.model.paint = found[-1]
        return found

    def _begin(self) -> None:
        super()._begin()
        self.model.choose(*self.scene.chosen)

    def draw(self) -> None:
        """Show the model as it is now."""
        super().draw()
        self.buttons.draw()
        now, before = self.model.strips(), self.model.strips(back=1) if self.model.news else None
        set_html(self.amounts, text.amounts_line(now, before))


def scene(name: str) -> Playground:
    """Show a scene of :data:`~prefault_kit.studies.playground.scenes.SCENES`; returns its model."""
    shown = scenes.scene(name)
    model = Playground(shown.history().dump())
    model.prepare()
    model.choose(*shown.chosen)
    parts.show(lambda: SceneView(model, shown).page)
    return model
