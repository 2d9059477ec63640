"""Parts of a screen: buttons, labelled lines, the status line, charts in a grid."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from bokeh.plotting import figure
from IPython import get_ipython
from IPython.display import display

from prefault_kit.screens.model import ScreenModel
from prefault_kit.screens.widgets import text
from prefault_kit.screens.widgets.chart import Chart, loader


class Page(widgets.VBox):
    """A whole screen. ``idle`` is what stands there while no kernel drives it: before the cell was
    run, and after the kernel has ended; the style sheet hides it meanwhile."""

    def __init__(self, name: str, about: str = "") -> None:
        self.idle = f"{about} The {name} runs in JupyterLab: choose Run > Run All Cells.".strip()
        super().__init__()
        self.add_class("prefault")

    def __repr__(self) -> str:
        return ""  # what a notebook stores, beside what is idle

    def show(self) -> None:
        """Display it in a notebook."""
        idle = f'<div class="prefault-idle">{escape(self.idle)}</div>'
        display({"text/html": idle, "text/plain": self.idle}, raw=True)
        display(self)


_shown: dict[object, Page] = {}
"""The page that each cell of this notebook showed last."""


def show(make: Callable[[], Page], *, charts: bool = True) -> None:
    """Display a screen in a notebook; one with charts: Bokeh first, then what needs it is made.

    What the same cell showed before is closed. Widgets live on in the kernel otherwise, and a page
    that is reloaded asks for all of them: after a few runs of a cell it would get none.
    """
    if charts:
        display(loader())
    page = make()
    page.show()
    cell = _cell()
    if cell is not None:
        if before := _shown.pop(cell, None):
            close(before)
        _shown[cell] = page


def _cell() -> object:
    """Which cell is running, where the notebook says so."""
    shell = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return parent.get("metadata", {}).get("cellId")


def close(widget: widgets.Widget) -> None:
    """Close a widget and all that it is made of."""
    for name in widget.keys:
        part = getattr(widget, name)
        for each in part if isinstance(part, tuple) else (part,):
            if isinstance(each, widgets.Widget):
                close(each)
    widget.close()


def button(label: str, tip: str, *classes: str) -> widgets.Button:
    """A button to press."""
    made = widgets.Button(description=label, tooltip=tip)
    for name in classes:
        made.add_class(name)
    return made


def run_and_stop(
    model: ScreenModel[Any], run_tip: str, stop_tip: str
) -> tuple[widgets.Button, widgets.Button]:
    """The buttons that start and stop the job of a screen; one of them is enabled at a time."""
    run = button("Run", run_tip, "prefault-primary")
    stop = button("Stop", stop_tip, "prefault-stop")
    run.on_click(lambda _: model.run())
    stop.on_click(lambda _: model.stop())

    def enable(_: object = None) -> None:
        run.disabled, stop.disabled = model.running, not model.running

    model.observe(enable, names=["running"])
    enable()
    return run, stop


def check_again(check: Callable[[], None]) -> widgets.Button:
    """The button that asks this host again, below what it refused."""
    made = button("Check again", "Ask this host again, after running one of the commands")
    made.on_click(lambda _: check())
    return made


def row(label: str, *children: widgets.Widget) -> widgets.HBox:
    """A labelled line."""
    box = widgets.HBox([widgets.HTML(label), *children])
    box.add_class("prefault-row")
    return box


def panel(title: str, *children: widgets.Widget) -> widgets.VBox:
    """A group of controls under a heading."""
    box = widgets.VBox([widgets.HTML(text.heading(title)), *children])
    box.add_class("prefault-panel")
    return box


def grid(*children: widgets.Widget) -> widgets.Box:
    """Side by side where there is room, one under the other where there is not."""
    box = widgets.Box(children)
    box.add_class("prefault-grid")
    return box


def actions(*children: widgets.Widget) -> widgets.HBox:
    """A line of buttons."""
    box = widgets.HBox(children)
    box.add_class("prefault-actions")
    return box


def hide(widget: widgets.Widget, hidden: bool) -> None:
    """Take a widget out of the page, or put it back."""
    widget.layout.display = "none" if hidden else None


def set_html(html: widgets.HTML, value: str) -> None:
    """Set a text, unless it is the same."""
    if html.value != value:
        html.value = value


def status(model: ScreenModel[Any]) -> widgets.HTML:
    """The line that says what a screen does."""
    made = widgets.HTML()

    def update(_: object = None) -> None:
        made.value = text.status(
            model.status,
            model.command,
            running=model.running,
            failed=model.failed,
            fraction=model.fraction,
        )

    model.observe(update, names=["status", "command", "failed", "running", "fraction"])
    update()
    return made


class Cards:
    """Charts under their titles; the page asks to redraw those that it got before Bokeh.

    ``lock`` is held while they change: runs and clicks draw in threads of their own.
    """

    def __init__(self, figures: Mapping[str, figure]) -> None:
        self.lock = threading.RLock()
        self.heads = {name: widgets.HTML() for name in figures}
        self.charts = {name: Chart(each) for name, each in figures.items()}
        self.cards = {name: widgets.VBox() for name in figures}
        for card in self.cards.values():
            card.add_class("prefault-card")
        self.redraw = button("", "", "prefault-redraw")  # pressed by the page, see chart.py
        self.redraw.on_click(lambda _: self.attach())
        hide(self.redraw, True)
        self.box = grid(*self.cards.values())
        self.attach()

    def attach(self) -> None:
        """Let the page make the views of the charts, again if it has some."""
        for name, card in self.cards.items():
            card.children = (self.heads[name],)
            card.children = (self.heads[name], self.charts[name])

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Send the changes made within as one message for each chart."""
        with self.lock, contextlib.ExitStack() as stack:
            for chart in self.charts.values():
                stack.enter_context(chart.together())
            yield


def free_path(stem: str, files: Callable[[str], Sequence[Path]]) -> str:
    """The name of a page in the current directory whose files would overwrite nothing."""
    names = (f"{stem}{'' if n == 1 else f'-{n}'}.html" for n in itertools.count(1))
    return next(name for name in names if not any(map(os.path.lexists, files(name))))
