"""A watch on the screen: widgets linked to a model."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from prefault_kit.screens.latency import figures
from prefault_kit.screens.latency.model import Watcher
from prefault_kit.screens.model import Option, sentence
from prefault_kit.screens.widgets import parts, text
from prefault_kit.screens.widgets.chips import Chips
from prefault_kit.screens.widgets.parts import Cards, Page, hide, say
from prefault_kit.screens.widgets.style import CSS
from prefault_kit.show import tables
from prefault_kit.show.latency import COLOURS, DASHED
from prefault_kit.show.tables import FIGURES, HALVES
from prefault_kit.studies.latency.ways import EVENTS, MEMORY

LENGTHS = ("2", "10", "60")
"""Seconds, one press away."""
WELCOME = (
    "Press <b>Run</b>: seven mappings of the same memory, each prepared in another way, are "
    "touched a page a beat each. Halfway something happens to them all."
)


@dataclass(frozen=True)
class View:
    """The widgets by name; ``page`` is the one to display."""

    page: Page
    memory: Chips
    event: Chips
    seconds: Chips
    directory: widgets.Text
    run: widgets.Button
    stop: widgets.Button
    problem: widgets.HTML
    table: widgets.HTML
    charts: dict[str, figures.Chart]
    cards: Cards


def watcher(model: Watcher | None = None) -> Watcher:
    """Show a watch in a notebook; returns its model, for scripts."""
    model = model or Watcher()
    parts.show(lambda: view(model).page)
    return model


def view(model: Watcher) -> View:
    """Make the widgets of a model and link them."""
    charts: dict[str, figures.Chart] = {kind.TITLE: kind() for kind in figures.CHARTS}
    directory = widgets.Text(description="Directory", continuous_update=False)
    directory.add_class("prefault-long")
    run, stop = parts.run_and_stop(
        model, "Touch each mapping a page a beat", "End the watch and give its memory back"
    )
    made = View(
        page=Page("watch"),
        memory=Chips(tips=lambda kind: f"{MEMORY[kind]} {kind}"),
        event=Chips(tips=lambda event: EVENTS[event]),
        seconds=Chips(names={each: f"{each} s" for each in LENGTHS}),
        directory=directory,
        run=run,
        stop=stop,
        problem=widgets.HTML(),
        table=widgets.HTML(),
        charts=charts,
        cards=Cards({title: chart.figure for title, chart in charts.items()}),
    )
    for title, head in made.cards.heads.items():
        head.value = text.card(title, "", *map(_entry, COLOURS))
    made.seconds.offer([Option(each) for each in LENGTHS])
    _link(model, made)
    made.page.children = (
        widgets.HTML(CSS),
        parts.panel(
            "A program on a beat",
            parts.row("Memory", made.memory),
            made.directory,
            parts.row("Halfway", made.event),
            parts.row("For", made.seconds),
            made.problem,
        ),
        parts.actions(made.run, made.stop),
        parts.status(model),
        made.table,
        made.cards.box,
        made.cards.again,
    )
    return made


def _entry(way: str) -> str:
    return text.entry(text.line(COLOURS[way], "5 3" if way in DASHED else "none"), way)


def _link(model: Watcher, made: View) -> None:
    for name in ("memory", "event"):
        traitlets.link((model, name), (getattr(made, name), "value"))
    traitlets.link((model, "directory"), (made.directory, "value"))
    made.seconds.observe(lambda change: model.set_trait("seconds", float(change["new"])), "value")

    def offer(_: Any = None) -> None:
        for name, options in model.offer().items():
            getattr(made, name).offer(options)
        made.seconds.value = f"{model.seconds:g}"
        said = model.problem and model.status == sentence(model.problem.reason)
        made.problem.value = text.problem(None if said else model.problem)
        hide(made.directory, model.memory != "file")

    def draw(_: Any = None) -> None:
        found = model.latencies
        for card in made.cards.cards.values():
            hide(card, found is None)
        if found is None:
            say(made.table, f'<div class="prefault-summary">{WELCOME}</div>')
            return
        say(made.table, table(model))
        with made.cards.together():
            for chart in made.charts.values():
                chart.update(found)

    model.observe(offer, names=["memory", "event", "seconds", "problem", "status"])
    model.observe(draw, names=["changed"])
    offer()
    draw()


def table(model: Watcher) -> str:
    """The waits in numbers, a row a way; what was refused below it."""
    found = model.latencies
    assert found is not None
    halves = "".join(f'<th scope="colgroup" colspan="4">{half}</th>' for half in HALVES)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in FIGURES * len(HALVES))
    rows = "".join(
        f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in cells)}</tr>"
        for cells in tables.latency_rows(found)
    )
    refused = "".join(
        f"<li>{escape(way)}: {escape(reason)}</li>" for way, reason in found.refused.items()
    )
    return (
        f'<table class="prefault-table prefault-numbers"><thead><tr><th></th>{halves}</tr>'
        f'<tr><th scope="col">microseconds</th>{heads}</tr></thead>'
        f'<tbody>{rows}</tbody></table><ul class="prefault-note">{refused}</ul>'
    )


def _cell(text: str) -> str:
    return escape(text).replace("+", "+<wbr>")
