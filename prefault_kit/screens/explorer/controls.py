"""The explorer's controls, linked to the model's traits of the same names."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets as widgets
import traitlets

from prefault_kit.memory import methods
from prefault_kit.screens.explorer import text
from prefault_kit.screens.explorer.model import Explorer
from prefault_kit.screens.widgets import text as common
from prefault_kit.screens.widgets.chips import Chips
from prefault_kit.screens.widgets.parts import check_again, grid, hide, panel, row
from prefault_kit.show.sentences import sentence

SIZES = ("2 MiB", "64 MiB", "1 GiB", "4 GiB")
"""Sizes one press away; the first and the last are the published ones."""
METHOD_GROUPS = {
    "Touch": ("Read", "Write", "Read/Write"),
    "Populate": ("POPULATE_READ", "POPULATE_WRITE"),
    "Allocate": tuple(name for name, each in methods.METHODS.items() if each.allocates_file),
    "Other": tuple(name for name, each in methods.METHODS.items() if not each.published),
}
TIPS = common.MEMORY_TIPS | {
    "file": "A file on a disk file system",
    "empty": "The file is emptied before each repetition",
    "cached": "The file is in the page cache",
    "cold": "The file is on disk and not in the page cache",
}


@dataclass(frozen=True)
class Controls:
    """The widgets by the name of their trait; ``box`` holds them all."""

    backing: Chips
    page_size: Chips
    sharing: Chips
    start: Chips
    method: dict[str, Chips]
    size: widgets.Text
    sizes: tuple[widgets.Button, ...]
    repeats: widgets.IntText
    follow_up: widgets.Checkbox
    directory: widgets.Text
    check: widgets.Button
    problem: widgets.HTML
    refused: widgets.HTML
    about: widgets.HTML
    box: widgets.Box


def make(model: Explorer) -> Controls:
    """Make the controls of a model."""
    plain = {
        name: Chips(tips=lambda value: TIPS.get(value, value))
        for name in ("backing", "page_size", "sharing", "start")
    }
    method = {
        group: Chips(
            names={name: name.replace("FALLOCATE+", "+ ") for name in names},
            tips=lambda name: f"{name}: {methods.METHODS[name].summary.rstrip('.')}",
        )
        for group, names in METHOD_GROUPS.items()
    }
    size = widgets.Text(description="Size", continuous_update=False)
    size.add_class("prefault-short")
    sizes = tuple(
        widgets.Button(description=each, tooltip=f"Set the size to {each}") for each in SIZES
    )
    repeats = widgets.IntText(description="Repetitions", continuous_update=False)
    repeats.add_class("prefault-short")
    follow_up = widgets.Checkbox(
        description="then write each page once and sync",
        indent=False,
        tooltip="After the last repetition: which costs has the method only deferred?",
    )
    directory = widgets.Text(description="Directory", continuous_update=False)
    directory.add_class("prefault-long")
    check = check_again(model.check)
    problem, refused, about = widgets.HTML(), widgets.HTML(), widgets.HTML()
    method_rows = {group: row(group, chips) for group, chips in method.items()}
    presets = widgets.HBox(sizes)
    presets.add_class("prefault-chips")
    size_row = widgets.HBox([size, presets])
    repeat_row = widgets.HBox([repeats, follow_up])
    for line in (size_row, repeat_row):
        line.add_class("prefault-row")
    memory = panel(
        "Memory",
        row("Backing", plain["backing"]),
        directory,
        row("Page size", plain["page_size"]),
        row("Sharing", plain["sharing"]),
        row("Start", plain["start"]),
        size_row,
        refused,
        check,
    )
    method_panel = panel("Method", *method_rows.values(), about, repeat_row)
    made = Controls(
        **plain, method=method, size=size, sizes=sizes, repeats=repeats, follow_up=follow_up,
        directory=directory, check=check, problem=problem, refused=refused, about=about,
        box=widgets.VBox([grid(memory, method_panel), problem]),
    )  # fmt: skip
    _link(model, made, method_rows)
    return made


def _link(model: Explorer, made: Controls, method_rows: dict[str, widgets.HBox]) -> None:
    for name in ("backing", "page_size", "sharing", "start", "size", "repeats", "follow_up"):
        traitlets.link((model, name), (getattr(made, name), "value"))
    traitlets.link((model, "directory"), (made.directory, "value"))
    for chips in made.method.values():
        traitlets.link((model, "method"), (chips, "value"))
    for button in made.sizes:
        button.on_click(lambda pressed: model.set_trait("size", pressed.description))

    def offer(_: object = None) -> None:
        for name in ("backing", "page_size", "sharing", "start"):
            getattr(made, name).offer(model.offer.get(name, ()))
        offered = model.offer.get("method", ())
        for group, names in METHOD_GROUPS.items():
            options = [option for option in offered if option.value in names]
            made.method[group].offer(options)
            hide(method_rows[group], not options)
        made.refused.value = text.refused(model.offer)
        refused = any(option.reason for options in model.offer.values() for option in options)
        hide(made.check, not (refused or model.problem))

    def describe(_: object = None) -> None:
        in_status = model.problem and model.status == sentence(model.problem.reason)
        made.problem.value = common.problem(None if in_status else model.problem)
        made.about.value = text.about(model.method)
        hide(made.directory, model.backing not in common.DIRECTORY_HINTS)
        made.directory.placeholder = common.DIRECTORY_HINTS.get(model.backing, "")

    model.observe(offer, names=["offer", "problem"])
    model.observe(describe, names=["problem", "status", "method", "backing"])
    offer()
    describe()
