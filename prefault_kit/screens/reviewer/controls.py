"""The controls of a review: the case and the weights, linked to the model's traits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
import traitlets

from prefault_kit.memory.mapping import SHARINGS
from prefault_kit.screens.model import Option, sentence
from prefault_kit.screens.reviewer.case import OWN_FILE
from prefault_kit.screens.reviewer.model import WEIGHTS, Reviewer
from prefault_kit.screens.widgets import text
from prefault_kit.screens.widgets.chips import Chips
from prefault_kit.screens.widgets.parts import grid, hide, panel, row
from prefault_kit.studies.review.presets import PRESETS
from prefault_kit.studies.review.workload import AFTERWARDS, CONTENTS, PATTERNS

SIZES = ("16 MiB", "64 MiB", "256 MiB", "1 GiB")
"""Sizes one press away."""
TIPS = {
    "anon": "Anonymous memory: mmap without a file",
    "memfd": "A file in memory without a name: memfd_create",
    "tmpfs": "A file on tmpfs, such as /dev/shm",
    "file": "A file of the kit's own on a disk file system",
    "hugetlbfs": "A file of huge pages on hugetlbfs",
    OWN_FILE: "A file of yours: opened and mapped for reading alone",
    "private": "MAP_PRIVATE: writes make copies of one's own",
    "shared": "MAP_SHARED: writes go to the file, or to memory that a fork shares",
} | CONTENTS | PATTERNS | AFTERWARDS  # fmt: skip
NAMES = {"large-chunks": "in large chunks", "small-chunks": "in small chunks", "as-is": "as it is"}
PLACES = {
    "tmpfs": "found among the mounts",
    "file": "the current directory",
    "hugetlbfs": "found among the mounts",
}
"""What an empty directory means, for the backings that have one."""
PRESET_OPTIONS = tuple(Option(each.id, each.not_testable) for each in PRESETS.values())
CHOSEN = ("backing", "sharing", "content", "pattern", "afterwards")
"""The controls of which one option is pressed."""
STEPS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
"""Where the slider of a weight stops."""
WEIGHED = {
    "startup": ("start-up", "a second of prefaulting, in seconds of work"),
    "tail": ("tail", "a millisecond of the 99.9th percentile, in seconds of work"),
    "written": ("written", "a GiB written back, in seconds of work"),
    "memory": ("memory", "a GiB held, in seconds of work"),
}
"""By the name of the weight: what stands beside its slider, and what the number means."""


@dataclass(frozen=True)
class Controls:
    """The widgets by the name of their trait; ``box`` and ``weighing`` hold them all."""

    preset: Chips
    about: widgets.HTML
    chosen: dict[str, Chips]
    directory: widgets.Text
    existing_file: widgets.Text
    size: widgets.Text
    sizes: tuple[widgets.Button, ...]
    read: widgets.IntSlider
    write: widgets.IntSlider
    threads: widgets.IntText
    repeats: widgets.IntText
    sweep: widgets.Checkbox
    refused: widgets.HTML
    check: widgets.Button
    problem: widgets.HTML
    weights: dict[str, widgets.SelectionSlider]
    box: widgets.Box
    weighing: widgets.Box


def make(model: Reviewer) -> Controls:
    """Make the controls of a model."""
    chosen = {
        name: Chips(names=NAMES, tips=lambda value: TIPS.get(value, value)) for name in CHOSEN
    }
    preset = Chips(tips=lambda name: PRESETS[name].title)
    directory = widgets.Text(description="Directory", continuous_update=False)
    existing_file = widgets.Text(
        description="File", continuous_update=False, placeholder="its path; it is only ever read"
    )
    for each in (directory, existing_file):
        each.add_class("prefault-long")
    size, threads, repeats = (
        widgets.Text(description="Size", continuous_update=False),
        widgets.IntText(description="Threads", continuous_update=False),
        widgets.IntText(description="Repetitions", continuous_update=False),
    )
    for each in (size, threads, repeats):
        each.add_class("prefault-short")
    sizes = tuple(
        widgets.Button(description=each, tooltip=f"Set the size to {each}") for each in SIZES
    )
    read, write = (
        widgets.IntSlider(description=name, min=0, max=100, readout_format="d")
        for name in ("Reads, %", "Writes, %")
    )
    sweep = widgets.Checkbox(
        description="and find from which written part on WRITE pays",
        indent=False,
        tooltip="Try POPULATE_READ and POPULATE_WRITE with other written parts too",
    )
    check = widgets.Button(description="Check again", tooltip="Ask this host anew")
    refused, problem, about = widgets.HTML(), widgets.HTML(), widgets.HTML()
    quick = widgets.HBox(sizes)
    quick.add_class("prefault-chips")
    size_row, repeat_row = widgets.HBox([size, quick]), widgets.HBox([repeats, sweep])
    for line in (size_row, repeat_row):
        line.add_class("prefault-row")
    memory = panel(
        "Memory",
        row("Backing", chosen["backing"]),
        directory,
        existing_file,
        row("Sharing", chosen["sharing"]),
        row("It holds", chosen["content"]),
        size_row,
        refused,
        check,
    )
    program = panel(
        "Program",
        read,
        write,
        row("Which", chosen["pattern"]),
        row("Afterwards", chosen["afterwards"]),
        threads,
        repeat_row,
    )
    weights = {
        name: widgets.SelectionSlider(
            description=label, options=[(f"{each:g}", each) for each in STEPS]
        )
        for name, (label, _) in WEIGHED.items()
    }
    made = Controls(
        preset=preset, about=about, chosen=chosen, directory=directory,
        existing_file=existing_file, size=size, sizes=sizes, read=read, write=write,
        threads=threads, repeats=repeats, sweep=sweep, refused=refused, check=check,
        problem=problem, weights=weights,
        box=widgets.VBox([row("Preset", preset), about, grid(memory, program), problem]),
        weighing=panel(
            "What things cost",
            *(
                widgets.HBox([slider, widgets.HTML(text.note(WEIGHED[name][1]))])
                for name, slider in weights.items()
            ),
        ),
    )  # fmt: skip
    about.add_class("prefault-case")
    for slider in weights.values():
        slider.add_class("prefault-weight")
    preset.offer(PRESET_OPTIONS)
    chosen["sharing"].offer([Option(each) for each in SHARINGS])
    chosen["pattern"].offer([Option(each) for each in PATTERNS])
    _link(model, made, size_row)
    return made


def _link(model: Reviewer, made: Controls, size_row: widgets.HBox) -> None:
    for name, chips in [("preset", made.preset), *made.chosen.items()]:
        traitlets.link((model, name), (chips, "value"))
    for name in ("directory", "existing_file", "size", "threads", "repeats", "sweep"):
        traitlets.link((model, name), (getattr(made, name), "value"))
    for name in ("read", "write"):
        _link_percent(model, name, getattr(made, name))
    for name in WEIGHTS:
        _link_weight(model, name, made.weights[name])
    for button in made.sizes:
        button.on_click(lambda pressed: model.set_trait("size", pressed.description))
    made.check.on_click(lambda _: model.check())

    def show(_: Any = None) -> None:
        for name in ("backing", "content", "afterwards"):
            made.chosen[name].offer(model.offer.get(name, ()))
        backings = model.offer.get("backing", ())
        made.refused.value = text.refused({"backing": backings, "preset": PRESET_OPTIONS})
        refused = any(option.reason for option in backings)
        hide(made.check, not (refused or model.problem))
        said = model.problem and model.status == sentence(model.problem.reason)
        made.problem.value = text.problem(None if said else model.problem)
        own = model.backing == OWN_FILE
        hide(made.directory, model.backing not in PLACES)
        hide(made.existing_file, not own)
        hide(size_row, own)
        made.directory.placeholder = PLACES.get(model.backing, "")
        made.write.disabled = own
        made.sweep.disabled = own
        preset = PRESETS.get(model.preset)
        made.about.value = text.note(
            f"{preset.title}. {preset.why}" if preset else "A case of your own."
        )

    model.observe(show, names=["backing", "preset", "problem", "offer", "status"])
    show()


def _link_percent(model: Reviewer, name: str, slider: widgets.IntSlider) -> None:
    """A fraction of the model's as a whole number of per cent; a finer one is kept."""

    def shown() -> int:
        return round(100 * float(getattr(model, name)))

    def to_slider(_: Any = None) -> None:
        slider.value = shown()

    def to_model(change: Any) -> None:
        if change["new"] != shown():
            setattr(model, name, change["new"] / 100)

    model.observe(to_slider, names=name)
    slider.observe(to_model, names="value")
    to_slider()


def _link_weight(model: Reviewer, name: str, slider: widgets.SelectionSlider) -> None:
    """A weight as a stop of its slider; one between them becomes a stop."""

    def to_slider(_: Any = None) -> None:
        value = getattr(model, name)
        if value not in [each for _, each in slider.options]:
            steps = sorted({*STEPS, value})
            slider.options = [(f"{each:g}", each) for each in steps]
        slider.value = value

    model.observe(to_slider, names=name)
    slider.observe(lambda change: model.set_trait(name, float(change["new"])), names="value")
    to_slider()
