"""The explorer on the screen: widgets linked to a model.

A callback sets a trait or calls one method of the model, so the kernel is free again at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from prefault_kit.explorer import controls, text
from prefault_kit.explorer.board import Board
from prefault_kit.explorer.chart import loader
from prefault_kit.explorer.model import Explorer
from prefault_kit.explorer.style import CSS

DEFAULT_PATH = "prefault-runs.json"


class Page(widgets.VBox):
    """The whole explorer. Its text is what a notebook stores, so it is always the same."""

    def __repr__(self) -> str:
        return "The explorer is live: choose Run > Run All Cells to see it."


@dataclass(frozen=True)
class View:
    """The widgets by name; ``page`` is the one to display."""

    page: Page
    controls: controls.Controls
    run: widgets.Button
    compare: widgets.Button
    stop: widgets.Button
    clear: widgets.Button
    path: widgets.Text
    save: widgets.Button
    replace: widgets.Button
    status: widgets.HTML
    summary: widgets.HTML
    board: Board


def explorer(model: Explorer | None = None) -> Explorer:
    """Show the explorer in a notebook; returns its model, for scripts."""
    model = model or Explorer()
    display(loader())
    display(view(model).page)
    return model


def view(model: Explorer) -> View:
    """Make the widgets of a model and link them."""
    board = Board(model)
    made = View(
        page=Page(),
        controls=controls.make(model),
        run=_button("Run", "Run the chosen method", "prefault-primary"),
        compare=_button("Compare methods", "Run every method for this memory, interleaved"),
        stop=_button("Stop", "End the run and give its memory back", "prefault-stop"),
        clear=_button("Clear", "Forget the kept runs"),
        path=widgets.Text(DEFAULT_PATH, description="Save as", continuous_update=False),
        save=_button("Save", "Write the kept runs to this file, as JSON"),
        replace=_button("Replace the file", "Overwrite the file that is there"),
        status=widgets.HTML(),
        summary=widgets.HTML(),
        board=board,
    )
    _link(model, made)
    actions = widgets.HBox(
        [made.run, made.compare, made.stop, made.clear, made.path, made.save, made.replace]
    )
    actions.add_class("prefault-actions")
    made.page.children = (
        widgets.HTML(CSS),
        made.controls.box,
        actions,
        made.status,
        board.look_at,
        made.summary,
        board.box,
        board.table,
        board.again,
    )
    made.page.add_class("prefault")
    return made


def _button(label: str, tip: str, *classes: str) -> widgets.Button:
    button = widgets.Button(description=label, tooltip=tip)
    for name in classes:
        button.add_class(name)
    return button


def _link(model: Explorer, made: View) -> None:
    made.run.on_click(lambda _: model.run())
    made.compare.on_click(lambda _: model.compare())
    made.stop.on_click(lambda _: model.stop())
    made.clear.on_click(lambda _: model.clear())
    made.save.on_click(lambda _: save(overwrite=False))
    made.replace.on_click(lambda _: save(overwrite=True))
    made.path.observe(lambda _: hide(made.replace, True), names="value")

    def save(*, overwrite: bool) -> None:
        saved = model.save(made.path.value, overwrite=overwrite)
        hide(made.replace, saved or not model.exists(made.path.value))

    def hide(widget: widgets.Widget, hidden: bool) -> None:
        widget.layout.display = "none" if hidden else None

    def enable(_: Any = None) -> None:
        made.run.disabled = made.compare.disabled = model.running
        made.stop.disabled = not model.running
        made.clear.disabled = made.save.disabled = not model.kept

    def tell(_: Any = None) -> None:
        made.status.value = text.status(
            model.status,
            model.command,
            running=model.running,
            failed=model.failed,
            fraction=model.live.fraction if model.live else 0.0,
        )

    def describe(_: Any = None) -> None:
        notes = model.result.notes if model.result else ()
        made.summary.value = text.summary(model.summary, notes)

    hide(made.replace, True)
    model.observe(enable, names=["running", "kept"])
    model.observe(tell, names=["status", "command", "failed", "running", "live"])
    model.observe(describe, names="changed")
    for show in (enable, tell, describe):
        show()
