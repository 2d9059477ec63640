"""A latency probe on the screen: widgets linked to a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets
import traitlets

from prefault_kit.screens.latency import figures
from prefault_kit.screens.latency.model import LatencyScreen
from prefault_kit.screens.options import Option
from prefault_kit.screens.widgets import parts, text
from prefault_kit.screens.widgets.chips import Chips
from prefault_kit.screens.widgets.parts import Cards, Page, hide, set_html
from prefault_kit.screens.widgets.style import CSS
from prefault_kit.show.latency import COLOURS, DASHED, FIGURES, HALVES, distribution_title, rows
from prefault_kit.show.sentences import sentence
from prefault_kit.studies.latency import Latencies
from prefault_kit.studies.latency.events import EVENTS, NO_EVENT
from prefault_kit.studies.latency.preparations import PREPARATIONS, SHARINGS

DURATIONS = ("2", "10", "60")
"""Seconds, one press away."""
NO_EVENT_HALVES = ("first half", "second half")
WELCOME = (
    f"Press <b>Run</b>: {len(PREPARATIONS)} mappings of the same memory are prepared in different "
    "ways. Every 4 ms one page of each is written for the first time, and the chart shows how long "
    "the write took. The event happens to all mappings halfway."
)


@dataclass(frozen=True)
class LatencyView:
    """The widgets by name; ``page`` is the one to display."""

    page: Page
    memory: Chips
    event: Chips
    seconds: Chips
    directory: widgets.Text
    run: widgets.Button
    stop: widgets.Button
    about: widgets.HTML
    problem: widgets.HTML
    table: widgets.HTML
    charts: dict[str, figures.LatencyChart]
    cards: Cards


def latency_probe(model: LatencyScreen | None = None) -> LatencyScreen:
    """Show a latency probe in a notebook; returns its model, for scripts."""
    model = model or LatencyScreen()
    parts.show(lambda: view(model).page)
    return model


def view(model: LatencyScreen) -> LatencyView:
    """Make the widgets of a model and link them."""
    charts: dict[str, figures.LatencyChart] = {kind.TITLE: kind() for kind in figures.CHARTS}
    directory = widgets.Text(description="Directory", continuous_update=False)
    directory.add_class("prefault-long")
    run, stop = parts.run_and_stop(
        model, "Write one page of each mapping every 4 ms", "End the probe and release its memory"
    )
    made = LatencyView(
        page=Page("latency probe"),
        memory=Chips(tips=_memory_tip),
        event=Chips(tips=EVENTS.__getitem__),
        seconds=Chips(names={each: f"{each} s" for each in DURATIONS}),
        directory=directory,
        run=run,
        stop=stop,
        about=widgets.HTML(),
        problem=widgets.HTML(),
        table=widgets.HTML(),
        charts=charts,
        cards=Cards({title: chart.figure for title, chart in charts.items()}),
    )
    _set_titles(made, figures.Distribution.TITLE)
    made.seconds.offer([Option(each) for each in DURATIONS])
    _link(model, made)
    made.page.children = (
        widgets.HTML(CSS),
        parts.panel(
            "Probe",
            parts.row("Backing", made.memory),
            made.directory,
            parts.row("Event", made.event),
            parts.row("Duration", made.seconds),
            made.about,
            made.problem,
        ),
        parts.actions(made.run, made.stop),
        parts.status(model),
        made.table,
        made.cards.box,
        made.cards.redraw,
    )
    return made


def _set_titles(made: LatencyView, distribution: str) -> None:
    """Set the heads of the charts, each with a legend; that of the distribution varies."""
    entries = [*map(_entry, COLOURS)]
    for title, head in made.cards.heads.items():
        shown = distribution if title == figures.Distribution.TITLE else title
        set_html(head, text.card(shown, "", *entries))


def _memory_tip(kind: str) -> str:
    return f"{SHARINGS[kind].capitalize()}. {text.MEMORY_TIPS.get(kind, 'A file on disk')}"


def _entry(name: str) -> str:
    return text.entry(text.line(COLOURS[name], "5 3" if name in DASHED else "none"), name)


def _link(model: LatencyScreen, made: LatencyView) -> None:
    for name in ("memory", "event"):
        traitlets.link((model, name), (getattr(made, name), "value"))
    traitlets.link((model, "directory"), (made.directory, "value"))
    made.seconds.observe(lambda change: model.set_trait("seconds", float(change["new"])), "value")

    def offer(_: object = None) -> None:
        for name, options in model.offer().items():
            getattr(made, name).offer(options)
        made.seconds.value = f"{model.seconds:g}"
        made.about.value = about(model.event, model.offer()["event"])
        in_status = model.problem and model.status == sentence(model.problem.reason)
        made.problem.value = text.problem(None if in_status else model.problem)
        hide(made.directory, model.memory != "file")

    def draw(_: object = None) -> None:
        found = model.latencies
        for card in made.cards.cards.values():
            hide(card, found is None)
        if found is None:
            set_html(made.table, f'<div class="prefault-summary">{WELCOME}</div>')
            return
        set_html(made.table, table(found))
        _set_titles(made, distribution_title(found))
        with made.cards.together():
            for chart in made.charts.values():
                chart.update(found)

    model.observe(offer, names=["memory", "event", "seconds", "problem", "status"])
    model.observe(draw, names=["changed"])
    offer()
    draw()


def about(event: str, options: Sequence[Option]) -> str:
    """What the chosen event does, and why others make no sense."""
    does = text.note(f"Halfway through, {EVENTS[event]}.") if event in EVENTS else ""
    return does + text.refused({"event": options}, lead="Greyed out for this memory:")


def table(found: Latencies) -> str:
    """The waits in numbers, a row for each preparation; what was refused below it."""
    event = found.probe.event
    names = [f"{half} the {event}" for half in HALVES] if event != NO_EVENT else NO_EVENT_HALVES
    halves = "".join(f'<th scope="colgroup" colspan="{len(FIGURES)}">{name}</th>' for name in names)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in FIGURES * len(HALVES))
    body = "".join(f"<tr>{''.join(map(text.cell, cells))}</tr>" for cells in rows(found))
    refused = "".join(
        f"<li>{escape(name)}: {escape(reason)}</li>" for name, reason in found.refused.items()
    )
    return (
        f'<table class="prefault-table prefault-numbers"><thead><tr><th></th>{halves}</tr>'
        f'<tr><th scope="col">microseconds</th>{heads}</tr></thead>'
        f'<tbody>{body}</tbody></table><ul class="prefault-note">{refused}</ul>'
    )
