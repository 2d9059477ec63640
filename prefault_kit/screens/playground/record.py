"""The history on the screen: go back, branch, save, open, share, and have it as a program."""

from __future__ import annotations

import ipywidgets as widgets

from prefault_kit.screens.playground import text
from prefault_kit.screens.playground.model import Playground
from prefault_kit.screens.widgets import parts
from prefault_kit.screens.widgets.parts import button, hide, set_html
from prefault_kit.studies.playground.history import LINK

DEFAULT_PATH = "playground.json"


class Record:
    """The steps that were done; ``box`` is what to display."""

    def __init__(self, model: Playground) -> None:
        self.model = model
        self.steps = widgets.Select(description="Steps", rows=8, options=[])
        self.steps.add_class("prefault-steps")
        self.branch = widgets.Dropdown(description="Branch", options=[])
        self.path = widgets.Text(DEFAULT_PATH, description="File", continuous_update=False)
        self.save = button("Save", "Write the history to this new file")
        self.open = button("Open", "Open the history in this file, or a link pasted here")
        self.link = button("As a link", "A line of text that opens as this history")
        self.python = button("As Python", "A program that does the same and prints the same counts")
        self.c = button("As C", "A program that does the same and prints the same counts")
        self.shown = widgets.HTML()
        self.box = parts.panel(
            "History",
            self.steps,
            self.branch,
            parts.actions(self.path, self.save, self.open, self.link, self.python, self.c),
            self.shown,
        )
        self._drawing = False
        self.steps.observe(lambda change: self._go_to(change["new"]), "value")
        self.branch.observe(lambda change: self._switch(change["new"]), "value")
        self.save.on_click(lambda _: model.save(self.path.value))
        self.open.on_click(lambda _: self._open())
        self.link.on_click(lambda _: self._show(model.history.link()))
        self.python.on_click(lambda _: self._show(model.program("python")))
        self.c.on_click(lambda _: self._show(model.program("c")))

    def _show(self, source: str) -> None:
        set_html(self.shown, text.code(source))

    def _go_to(self, count: int | None) -> None:
        if not self._drawing and count is not None and count != len(self.model.acts):
            self.model.back(count)

    def _switch(self, name: str | None) -> None:
        if not self._drawing and name:
            self.model.switch(name)

    def _open(self) -> None:
        said = self.path.value.strip()
        if said.startswith(LINK):
            self.model.open(said)
        else:
            self.model.load(said)

    def draw(self) -> None:
        """Show the steps and the branches."""
        self._drawing = True
        try:
            options = tuple(text.steps(self.model))
            if options != tuple(self.steps.options):
                self.steps.options = options
            self.steps.value = len(self.model.acts)
            names = ("", *self.model.history.branches)
            if names != tuple(self.branch.options):
                self.branch.options = names
            self.branch.value = ""
            hide(self.branch, len(names) == 1)
        finally:
            self._drawing = False
