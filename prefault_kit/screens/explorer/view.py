"""The explorer on the screen: widgets linked to a model.

A callback sets a trait or calls one method of the model, so the kernel is free again at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets as widgets

from prefault_kit.screens.explorer import controls, text
from prefault_kit.screens.explorer.dashboard import Dashboard
from prefault_kit.screens.explorer.model import Explorer
from prefault_kit.screens.widgets import parts
from prefault_kit.screens.widgets.parts import Page, button, hide
from prefault_kit.screens.widgets.style import CSS

DEFAULT_PATH = "prefault-runs.json"


@dataclass(frozen=True)
class ExplorerView:
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
    dashboard: Dashboard


def explorer(model: Explorer | None = None) -> Explorer:
    """Show the explorer in a notebook; returns its model, for scripts."""
    model = model or Explorer()
    parts.show(lambda: view(model).page)
    return model


def view(model: Explorer) -> ExplorerView:
    """Make the widgets of a model and link them."""
    dashboard = Dashboard(model)
    run, stop = parts.run_and_stop(
        model, "Run the chosen method", "End the run and release its memory"
    )
    made = ExplorerView(
        page=Page("explorer"),
        controls=controls.make(model),
        run=run,
        compare=button(
            "Compare methods", "Run every method that applies to this memory, interleaved"
        ),
        stop=stop,
        clear=button("Clear", "Forget the kept runs"),
        path=widgets.Text(DEFAULT_PATH, description="Save as", continuous_update=False),
        save=button("Save", "Write the kept runs to this file, as JSON"),
        replace=button("Replace the file", "Overwrite the existing file"),
        status=parts.status(model),
        summary=widgets.HTML(),
        dashboard=dashboard,
    )
    _link(model, made)
    actions = parts.actions(
        made.run, made.compare, made.stop, made.clear, made.path, made.save, made.replace
    )
    made.page.children = (
        widgets.HTML(CSS),
        made.controls.box,
        actions,
        made.status,
        dashboard.look_at,
        made.summary,
        dashboard.cards.box,
        dashboard.table,
        dashboard.cards.redraw,
    )
    return made


def _link(model: Explorer, made: ExplorerView) -> None:
    made.compare.on_click(lambda _: model.compare())
    made.clear.on_click(lambda _: model.clear())
    made.save.on_click(lambda _: save(overwrite=False))
    made.replace.on_click(lambda _: save(overwrite=True))
    made.path.observe(lambda _: hide(made.replace, True), names="value")

    def save(*, overwrite: bool) -> None:
        saved = model.save(made.path.value, overwrite=overwrite)
        hide(made.replace, saved or not model.exists(made.path.value))

    def enable(_: object = None) -> None:
        made.compare.disabled = model.running
        made.clear.disabled = made.save.disabled = not model.kept

    def describe(_: object = None) -> None:
        notes = model.result.notes if model.result else ()
        made.summary.value = text.summary(model.summary, notes)

    hide(made.replace, True)
    model.observe(enable, names=["running", "kept"])
    model.observe(describe, names="changed")
    for show in (enable, describe):
        show()
