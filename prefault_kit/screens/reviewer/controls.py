"""The reviewer's controls: the workload and the weights, linked to the model's traits."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets as widgets
import traitlets
from traitlets import Bunch

from prefault_kit.memory.mapping import SHARINGS
from prefault_kit.screens.options import Option
from prefault_kit.screens.reviewer.form import OWN_FILE
from prefault_kit.screens.reviewer.model import WEIGHTS, Reviewer
from prefault_kit.screens.widgets import text
from prefault_kit.screens.widgets.chips import Chips
from prefault_kit.screens.widgets.parts import check_again, grid, hide, panel, row
from prefault_kit.show.sentences import sentence
from prefault_kit.studies.review.presets import PRESETS
from prefault_kit.studies.review.workload import AFTERWARDS, CONTENTS, PATTERNS

SIZES = ("16 MiB", "64 MiB", "256 MiB", "1 GiB")
"""Sizes one press away."""
TIPS = text.MEMORY_TIPS | {
    "file": "A file that the kit makes on a disk file system",
    OWN_FILE: "An existing file of yours: it is opened and mapped for reading only",
} | CONTENTS | PATTERNS | AFTERWARDS  # fmt: skip
NAMES = {"large-chunks": "in large chunks", "small-chunks": "in small chunks", "as-is": "as it is"}
PRESET_OPTIONS = tuple(Option(each.id, each.not_testable) for each in PRESETS.values())
CHOSEN = ("backing", "sharing", "content", "pattern", "afterwards")
"""The controls that choose one of several options."""
STEPS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
"""Where the slider of a weight stops."""
WEIGHT_TEXTS = {
    "startup": ("start-up", "cost of one second of prefaulting, in seconds of work"),
    "tail": ("tail", "cost of one millisecond at the 99.9th percentile, in seconds of work"),
    "written": ("written", "cost of one GiB written back, in seconds of work"),
    "memory": ("memory", "cost of one GiB of memory used, in seconds of work"),
}
"""By the name of the weight: the label of its slider, and what the number means."""


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
        description="File", continuous_update=False, placeholder="its path; the file is only read"
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
        description="and find the written fraction above which WRITE pays off",
        indent=False,
        tooltip="Measure POPULATE_READ and POPULATE_WRITE with other written fractions too",
    )
    check = check_again(model.check)
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
        row("Content", chosen["content"]),
        size_row,
        refused,
        check,
    )
    program = panel(
        "Program",
        read,
        write,
        row("Pattern", chosen["pattern"]),
        row("Afterwards", chosen["afterwards"]),
        threads,
        repeat_row,
    )
    weights = {
        name: widgets.SelectionSlider(
            description=label, options=[(f"{each:g}", each) for each in STEPS]
        )
        for name, (label, _) in WEIGHT_TEXTS.items()
    }
    made = Controls(
        preset=preset, about=about, chosen=chosen, directory=directory,
        existing_file=existing_file, size=size, sizes=sizes, read=read, write=write,
        threads=threads, repeats=repeats, sweep=sweep, refused=refused, check=check,
        problem=problem, weights=weights,
        box=widgets.VBox([row("Preset", preset), about, grid(memory, program), problem]),
        weighing=panel(
            "Weights: what costs how much",
            *(
                widgets.HBox([slider, widgets.HTML(text.note(WEIGHT_TEXTS[name][1]))])
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

    def show(_: object = None) -> None:
        for name in ("backing", "content", "afterwards"):
            made.chosen[name].offer(model.offer.get(name, ()))
        backings = model.offer.get("backing", ())
        made.refused.value = text.refused({"backing": backings, "preset": PRESET_OPTIONS})
        refused = any(option.reason for option in backings)
        hide(made.check, not (refused or model.problem))
        in_status = model.problem and model.status == sentence(model.problem.reason)
        made.problem.value = text.problem(None if in_status else model.problem)
        own = model.backing == OWN_FILE
        hide(made.directory, model.backing not in text.DIRECTORY_HINTS)
        hide(made.existing_file, not own)
        hide(size_row, own)
        made.directory.placeholder = text.DIRECTORY_HINTS.get(model.backing, "")
        made.write.disabled = own
        made.sweep.disabled = own
        preset = PRESETS.get(model.preset)
        made.about.value = text.note(
            f"{preset.title}. {preset.why}" if preset else "A workload of your own."
        )

    model.observe(show, names=["backing", "preset", "problem", "offer", "status"])
    show()


def _link_percent(model: Reviewer, name: str, slider: widgets.IntSlider) -> None:
    """Link a fraction to a slider in whole percent; a finer fraction is kept."""

    def shown() -> int:
        return round(100 * float(getattr(model, name)))

    def to_slider(_: object = None) -> None:
        slider.value = shown()

    def to_model(change: Bunch) -> None:
        if change["new"] != shown():
            setattr(model, name, change["new"] / 100)

    model.observe(to_slider, names=name)
    slider.observe(to_model, names="value")
    to_slider()


def _link_weight(model: Reviewer, name: str, slider: widgets.SelectionSlider) -> None:
    """Link a weight to its slider; a value between the stops becomes a stop."""

    def to_slider(_: object = None) -> None:
        value = getattr(model, name)
        if value not in [each for _, each in slider.options]:
            steps = sorted({*STEPS, value})
            slider.options = [(f"{each:g}", each) for each in steps]
        slider.value = value

    model.observe(to_slider, names=name)
    slider.observe(lambda change: model.set_trait(name, float(change["new"])), names="value")
    to_slider()
