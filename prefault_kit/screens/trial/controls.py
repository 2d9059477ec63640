"""The controls of a trial: the program, and how it is tried, linked to the model's traits."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets as widgets
import traitlets

from prefault_kit.screens.options import Option
from prefault_kit.screens.trial.form import YOUR_OWN
from prefault_kit.screens.trial.model import ProgramScreen
from prefault_kit.screens.widgets import text
from prefault_kit.screens.widgets.chips import Chips
from prefault_kit.screens.widgets.parts import check_again, hide, panel, row
from prefault_kit.show.sentences import sentence
from prefault_kit.studies.trial.candidates import CANDIDATES
from prefault_kit.studies.trial.files import STARTS
from prefault_kit.studies.trial.programs import PROGRAMS

ABOUT_YOURS = (
    "A command of yours, run as it stands, without a shell. It is run some dozens of times, so it "
    "should end by itself, or say when it is ready (under More)."
)
ALL = "None chosen: all that apply. Ctrl+click takes one away."
SIMPLE = ("own", "repeats", "candidates", "evicted", "least_size", "ready")
"""The controls that have the value of their trait."""


@dataclass(frozen=True)
class Controls:
    """The widgets by the name of their trait; ``box`` holds them all."""

    program: Chips
    about: widgets.HTML
    own: widgets.Text
    refused: widgets.HTML
    check: widgets.Button
    problem: widgets.HTML
    more: widgets.Accordion
    repeats: widgets.IntText
    candidates: widgets.SelectMultiple
    start: Chips
    evicted: widgets.Checkbox
    least_size: widgets.Text
    ready: widgets.Text
    box: widgets.Box


def make(model: ProgramScreen) -> Controls:
    """Make the controls of a model."""
    program = Chips(tips=lambda name: PROGRAMS[name].title if name in PROGRAMS else ABOUT_YOURS)
    own = widgets.Text(
        description="Command", continuous_update=False, placeholder="./server --once data.bin"
    )
    ready = widgets.Text(
        description="Ready",
        continuous_update=False,
        placeholder="a regular expression; empty: it ends by itself",
    )
    for each in (own, ready):
        each.add_class("prefault-long")
    repeats = widgets.IntText(description="Repetitions")
    least_size = widgets.Text(description="Least size", continuous_update=False)
    for each in (repeats, least_size):
        each.add_class("prefault-short")
    candidates = widgets.SelectMultiple(
        description="Candidates", options=list(CANDIDATES), rows=len(CANDIDATES)
    )
    start = Chips(names={"as-it-is": "as it is"}, tips=STARTS.__getitem__)
    start.offer(tuple(map(Option, STARTS)))
    evicted = widgets.Checkbox(
        description="may be evicted",
        indent=False,
        tooltip="The files that the program maps may be evicted from the page cache before a run",
    )
    files, least = row("Files", start, evicted), widgets.HBox([least_size])
    least.children += (widgets.HTML(text.note("of a mapping that is advised")),)
    least.add_class("prefault-row")
    options = panel(
        "How it is tried",
        repeats,
        widgets.HBox([candidates, widgets.HTML(text.note(ALL))]),
        files,
        least,
        ready,
    )
    about, refused, problem = widgets.HTML(), widgets.HTML(), widgets.HTML()
    check = check_again(model.check)
    more = widgets.Accordion(children=[options], titles=("More",), selected_index=None)
    made = Controls(
        program=program, about=about, own=own, refused=refused, check=check, problem=problem,
        more=more, repeats=repeats, candidates=candidates, start=start, evicted=evicted,
        least_size=least_size, ready=ready,
        box=panel("Program", row("Program", program), about, own, refused, check, more, problem),
    )  # fmt: skip
    _link(model, made, files, least)
    return made


def _link(model: ProgramScreen, made: Controls, files: widgets.HBox, least: widgets.HBox) -> None:
    for name in ("program", "start"):
        traitlets.link((model, name), (getattr(made, name), "value"))
    for name in SIMPLE:
        traitlets.link((model, name), (getattr(made, name), "value"))

    def show(_: object = None) -> None:
        made.program.offer(model.offer["program"])
        refused = any(option.reason for option in model.offer["program"])
        made.refused.value = text.refused(model.offer)
        in_status = model.problem and model.status == sentence(model.problem.reason)
        made.problem.value = text.problem(None if in_status else model.problem)
        own = model.program == YOUR_OWN
        known = PROGRAMS.get(model.program)
        made.about.value = text.note(f"{known.title}." if known else ABOUT_YOURS)
        for each in (made.own, files, least, made.ready):
            hide(each, not own)
        hide(made.evicted, model.start != "cold")
        hide(made.check, not (refused or model.problem))

    model.observe(show, names=["program", "start", "offer", "problem", "status"])
    show()
