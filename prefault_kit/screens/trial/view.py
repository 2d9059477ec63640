"""A trial on the screen: widgets linked to a model."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets

from prefault_kit.screens.trial import controls
from prefault_kit.screens.trial.model import ProgramScreen
from prefault_kit.screens.widgets import parts, text
from prefault_kit.screens.widgets.parts import Page, button, hide, set_html
from prefault_kit.screens.widgets.style import CSS
from prefault_kit.show import trial as show
from prefault_kit.show import trial_export, trial_picture
from prefault_kit.show.printable import printable_long
from prefault_kit.show.trial_page import parts as parts_of_answer
from prefault_kit.show.units import format_count
from prefault_kit.studies.trial import Trial, advice

WELCOME = (
    "Press <b>Run</b>: the program is run as it is and with each advice on its memory, taking "
    "turns, and the answer says which of them helps, by how much, and what line of code does the "
    "same. The program is not changed."
)
MOST_MAPPINGS = 100
"""Lines of mappings; an exported page has more."""
FOLDED = ("Mappings", "Faults by mapping", "How it was measured")


@dataclass(frozen=True)
class ProgramView:
    """The widgets by name; ``page`` is the one to display."""

    page: Page
    controls: controls.Controls
    run: widgets.Button
    stop: widgets.Button
    path: widgets.Text
    export: widgets.Button
    status: widgets.HTML
    answer: widgets.HTML
    picture: widgets.HTML
    figures: widgets.HTML
    mappings: widgets.HTML
    faults: widgets.HTML
    how: widgets.HTML
    folded: widgets.Accordion


def your_program(model: ProgramScreen | None = None) -> ProgramScreen:
    """Show a trial in a notebook; returns its model, for scripts."""
    model = model or ProgramScreen()
    parts.show(lambda: view(model).page, charts=False)
    return model


def view(model: ProgramScreen) -> ProgramView:
    """Make the widgets of a model and link them."""
    run, stop = parts.run_and_stop(
        model,
        "Run the program as it is and with each advice, taking turns",
        "End the program, at once",
    )
    mappings, faults, how = widgets.HTML(), widgets.HTML(), widgets.HTML()
    made = ProgramView(
        page=Page("trial"),
        controls=controls.make(model),
        run=run,
        stop=stop,
        path=widgets.Text(_free_path(), description="Export as", continuous_update=False),
        export=button("Export", "Write a page that opens offline, and a summary beside it"),
        status=parts.status(model),
        answer=widgets.HTML(),
        picture=widgets.HTML(),
        figures=widgets.HTML(),
        mappings=mappings,
        faults=faults,
        how=how,
        folded=widgets.Accordion(
            children=[mappings, faults, how], titles=FOLDED, selected_index=None
        ),
    )
    _link(model, made)
    made.page.children = (
        widgets.HTML(CSS),
        made.controls.box,
        parts.actions(made.run, made.stop, made.path, made.export),
        made.status,
        made.answer,
        made.picture,
        made.figures,
        made.folded,
    )
    return made


def _free_path() -> str:
    return parts.free_path("trial", trial_export.files)


def _link(model: ProgramScreen, made: ProgramView) -> None:

    def export(_: object) -> None:
        if model.export(made.path.value):
            made.path.value = _free_path()

    def draw(_: object = None) -> None:
        trial = model.trial
        made.export.disabled = trial is None
        hide(made.folded, trial is None)
        if trial is None:
            set_html(made.answer, f'<div class="prefault-summary">{WELCOME}</div>')
            for each in (made.picture, made.figures, made.mappings, made.faults, made.how):
                set_html(each, "")
            return
        set_html(made.answer, answer(trial))
        set_html(made.picture, picture(trial))
        set_html(made.figures, figures(trial))
        set_html(made.mappings, mappings(trial))
        set_html(made.faults, faults(trial))
        set_html(made.how, how(trial))

    made.export.on_click(export)
    model.observe(draw, names=["trial"])
    draw()


def answer(trial: Trial) -> str:
    """Which advice helps, why, where, the lines of code, and what it costs."""
    recommended, reasons, lines, costs = parts_of_answer(trial)
    head = text.heading(show.title(trial)) + text.note(printable_long(shlex.join(trial.command)))
    program = escape("\n".join(lines))
    code = f'<div class="prefault-code">{program}</div>' if lines else ""
    said = f"{_paragraphs(reasons)}{code}{_paragraphs(costs)}"
    return f'{head}<div class="prefault-answer"><b>{escape(recommended)}</b>{said}</div>'


def _paragraphs(sentences: Sequence[str]) -> str:
    return "".join(f"<p>{escape(each)}</p>" for each in sentences)


def picture(trial: Trial) -> str:
    """Each run as a point, and what can be seen in that."""
    drawn = trial_picture.svg(trial)
    caption = text.note(trial_picture.caption(trial))
    return f'<div class="prefault-picture">{drawn}{caption}</div>' if drawn else ""


def figures(trial: Trial) -> str:
    """The rows in numbers, the recommended one marked, and what has to be said of them."""
    found = advice.recommend(trial)
    best = found.name if found and found.gain else None
    rows = show.ranked(trial)
    marked = [at for at, row in enumerate(rows) if row.name == best]
    cells = [dict(zip(show.COLUMNS, show.cells(trial, row), strict=True)) for row in rows]
    told = [[each[name] for name in show.SHORT] for each in cells]
    table = _table(show.SHORT, told, marked)
    watched = [show.watched_cells(trial, row) for row in show.watched(trial)]
    seen = _table(show.WATCHED_COLUMNS, watched) if watched else ""
    said = [each for each in (show.own_cost(trial), *show.remarks(trial)) if each]
    remarks = "".join(f"<li>{escape(each)}</li>" for each in said)
    return f'{table}{seen}<ul class="prefault-note">{remarks}</ul>'


def mappings(trial: Trial) -> str:
    """The mappings that the first run showed, the largest first; those that are advised marked."""
    groups = trial.groups[:MOST_MAPPINGS]
    cells = [show.mapping_cells(number, each) for number, each in enumerate(groups, 1)]
    rest = len(trial.groups) - len(groups)
    more = f"And {format_count(rest, 'line')} more: see an exported page." if rest else ""
    chosen = sorted(trial.chosen_at)
    return _table(show.MAPPING_COLUMNS, cells, chosen, "words") + text.note(more)


def faults(trial: Trial) -> str:
    """A column for each row that was watched."""
    heads, rows = show.faults_by_mapping(trial)
    if not rows:
        return text.note("Faults were not observed.")
    return _table(heads, rows[:MOST_MAPPINGS])


def how(trial: Trial) -> str:
    """How it was measured, and on what."""
    lines = "".join(f"<li>{escape(name)}: {escape(said)}</li>" for name, said in show.inputs(trial))
    return f"{_paragraphs(show.how_measured(trial))}<ul>{lines}</ul>"


def _table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    marked: Sequence[int] = (),
    kind: str = "figures",
) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    lines = []
    for at, cells in enumerate(rows):
        mark = " class=prefault-shown" if at in marked else ""
        lines.append(f"<tr{mark}>{''.join(map(text.cell, cells))}</tr>")
    return (
        f'<div class="prefault-wide"><table class="prefault-table prefault-{kind}"><thead>'
        f"<tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )
