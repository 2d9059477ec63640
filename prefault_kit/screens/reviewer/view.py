"""The reviewer on the screen: widgets linked to a model."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets

from prefault_kit.screens.reviewer import controls
from prefault_kit.screens.reviewer.model import Reviewer
from prefault_kit.screens.widgets import parts, text
from prefault_kit.screens.widgets.parts import Cards, Page, button, hide, set_html
from prefault_kit.screens.widgets.style import CSS
from prefault_kit.show import review as review_text
from prefault_kit.show import review_charts, review_export
from prefault_kit.studies.review import CandidateResult, Weights, advice
from prefault_kit.studies.review.candidates import CANDIDATES

WELCOME = (
    "Press <b>Run</b>: every way to prefault that applies to this memory is measured, interleaved, "
    "together with what the program does afterwards. The results can then be weighed differently "
    "without measuring again, and exported."
)


@dataclass(frozen=True)
class ReviewerView:
    """The widgets by name; ``page`` is the one to display."""

    page: Page
    controls: controls.Controls
    run: widgets.Button
    stop: widgets.Button
    path: widgets.Text
    export: widgets.Button
    answer: widgets.HTML
    charts: dict[str, Any]
    cards: Cards
    ranking: widgets.HTML


def reviewer(model: Reviewer | None = None) -> Reviewer:
    """Show the review in a notebook; returns its model, for scripts."""
    model = model or Reviewer()
    parts.show(lambda: view(model).page)
    return model


def view(model: Reviewer) -> ReviewerView:
    """Make the widgets of a model and link them."""
    charts = {kind.TITLE: kind() for kind in review_charts.CHARTS}
    run, stop = parts.run_and_stop(
        model,
        "Measure every way to prefault, interleaved",
        "End the review and release its memory",
    )
    made = ReviewerView(
        page=Page("review"),
        controls=controls.make(model),
        run=run,
        stop=stop,
        path=widgets.Text(_free_path(), description="Export as", continuous_update=False),
        export=button("Export", "Write a page that opens offline, and a summary beside it"),
        answer=widgets.HTML(),
        charts=charts,
        cards=Cards({title: chart.figure for title, chart in charts.items()}),
        ranking=widgets.HTML(),
    )
    for title, head in made.cards.heads.items():
        head.value = text.card(title)
    _link(model, made)
    made.page.children = (
        widgets.HTML(CSS),
        made.controls.box,
        parts.actions(made.run, made.stop, made.path, made.export),
        parts.status(model),
        made.answer,
        made.controls.weighing,
        made.ranking,
        made.cards.box,
        made.cards.redraw,
    )
    return made


def _free_path() -> str:
    return parts.free_path("review", review_export.files)


def _link(model: Reviewer, made: ReviewerView) -> None:

    def export(_: object) -> None:
        if model.export(made.path.value):
            made.path.value = _free_path()

    def enable(_: object = None) -> None:
        made.export.disabled = model.review is None

    def draw(_: object = None) -> None:
        review, weights = model.review, model.weights
        hide(made.controls.weighing, review is None)
        if review is None:
            set_html(made.answer, f'<div class="prefault-summary">{WELCOME}</div>')
        else:
            set_html(made.answer, answer(review_text.title(review), model.answer))
            set_html(made.ranking, ranking(model))
        with made.cards.together():
            for title, chart in made.charts.items():
                shown = review is not None and chart.update(review, weights)
                hide(made.cards.cards[title], not shown)

    made.export.on_click(export)
    model.observe(enable, names=["review"])
    model.observe(draw, names=["changed"])
    enable()
    draw()


def answer(title: str, sentences: list[str]) -> str:
    """The recommendation for the workload that was measured, and why."""
    first, *rest = sentences
    if first in CANDIDATES:
        rest = [CANDIDATES[first].summary, *rest]
    why = "".join(f"<p>{escape(each)}</p>" for each in rest)
    head = text.heading("Recommended")
    head += text.note(title)
    return f'{head}<div class="prefault-answer"><b>{escape(first)}</b>{why}</div>'


def ranking(model: Reviewer) -> str:
    """The candidates in numbers, cheapest first; those that are recommended are marked."""
    review, weights = model.review, model.weights
    assert review is not None
    found = advice.recommend(review, weights)
    best = found.equals if found else ()
    names = (escape(name).replace("amplif", "amplif-<br>") for name in review_text.SHORT)
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(
        f"<tr{' class=prefault-shown' if each.name in best else ''}>{_row(each, weights)}</tr>"
        for each in advice.ranking(review, weights)
    )
    others = "".join(
        f"<li>{escape(each.sentence)}</li>" for each in review.candidates if each.outcome != "ok"
    )
    return (
        f'<table class="prefault-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        f'<ul class="prefault-note">{others}</ul>'
    )


def _row(each: CandidateResult, weights: Weights) -> str:
    cells = review_text.cells(each, weights)
    return "".join(text.cell(cells[name]) for name in review_text.SHORT)
