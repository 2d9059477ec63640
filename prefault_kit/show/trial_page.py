"""A trial as a page to attach to a change, and as a Markdown summary to paste.

The page opens offline, loads nothing and has no script; its picture is part of it. Names of
programs, files and functions may hold anything: they are made printable, Jinja2 escapes them in
the page, and ``markdown`` in the summary.
"""

from __future__ import annotations

import shlex

from prefault_kit.show import trial as show
from prefault_kit.show import trial_picture
from prefault_kit.show.markdown import code, escape, table
from prefault_kit.show.page import render
from prefault_kit.show.printable import printable, printable_long
from prefault_kit.show.units import format_count
from prefault_kit.studies.trial import Trial, advice
from prefault_kit.studies.trial.mappings import Group

MOST_MAPPINGS = 500
"""Lines of mappings in a page; the largest come first."""
MOST_SUMMARIZED = 12
"""The same in a summary."""
MOST_FAULT_ROWS = 100
VERBATIM = ("Program", show.COMMAND)
"""The inputs that are code."""


def parts(trial: Trial) -> tuple[str, list[str], list[str], list[str]]:
    """The answer: the first sentence, those before the lines of code, the lines, those behind."""
    first, *rest = show.answer(trial)
    at = [number for number, each in enumerate(rest) if each.startswith(show.INDENT)]
    if not at:
        return first, rest, [], []
    lines = [each.strip() for each in rest[at[0] : at[-1] + 1]]
    return first, rest[: at[0]], lines, rest[at[-1] + 1 :]


def markdown(trial: Trial) -> str:
    """A summary to paste."""
    recommended, reasons, lines, costs = parts(trial)
    said = [f"# {escape(show.title(trial))}", "", code(printable_long(shlex.join(trial.command)))]
    said += ["", f"**{escape(recommended)}**", ""]
    said += [escape(each) for each in reasons]
    if lines:
        said += ["", *(f"- {code(each)}" for each in lines)]
    for each in costs:
        said += ["", escape(each)]
    rows = [tuple(map(escape, show.cells(trial, row))) for row in show.ranked(trial)]
    if rows:
        said += ["", table(show.COLUMNS, rows)]
    watched = [tuple(map(escape, show.watched_cells(trial, row))) for row in show.watched(trial)]
    if watched:
        said += ["", table(show.WATCHED_COLUMNS, watched)]
    groups = trial.groups[:MOST_SUMMARIZED]
    if groups:
        cells = [
            tuple(map(escape, show.mapping_cells(number, each)))
            for number, each in enumerate(groups, 1)
        ]
        said += ["", table(show.MAPPING_COLUMNS, cells)]
    if len(trial.groups) > len(groups):
        said += ["", _more(trial, MOST_SUMMARIZED)]
    remarks = [show.own_cost(trial), *show.remarks(trial), *show.how_measured(trial)]
    said += ["", *(f"- {escape(each)}" for each in remarks if each)]
    case = [
        (escape(name), code(text) if name in VERBATIM else escape(text))
        for name, text in show.inputs(trial)
    ]
    return "\n".join([*said, "", table(("", ""), case)]) + "\n"


def page(trial: Trial) -> str:
    """A whole HTML page."""
    recommended, reasons, lines, costs = parts(trial)
    found = advice.recommend(trial)
    heads, fault_rows = show.faults_by_mapping(trial)
    if len(fault_rows) > MOST_FAULT_ROWS:
        fault_rows = [*fault_rows[: MOST_FAULT_ROWS - 1], fault_rows[-1]]
    chosen = trial.chosen_at
    return render(
        "trial_page.html",
        title=show.title(trial),
        program=printable_long(shlex.join(trial.command)),
        recommended=recommended,
        reasons=reasons,
        code=lines,
        costs=costs,
        picture=trial_picture.svg(trial),
        caption=trial_picture.caption(trial),
        columns=show.COLUMNS,
        rows=[show.cells(trial, row) for row in show.ranked(trial)],
        best=printable(found.name) if found and found.gain else None,
        own_cost=show.own_cost(trial),
        watched_columns=show.WATCHED_COLUMNS,
        watched=[show.watched_cells(trial, row) for row in show.watched(trial)],
        fault_heads=heads,
        fault_rows=fault_rows,
        mapping_columns=show.MAPPING_COLUMNS,
        mappings=[
            (show.mapping_cells(number, each), _stack(each), number - 1 in chosen)
            for number, each in enumerate(trial.groups[:MOST_MAPPINGS], 1)
        ],
        more=_more(trial, MOST_MAPPINGS),
        remarks=show.remarks(trial),
        how=show.how_measured(trial),
        inputs=show.inputs(trial),
        verbatim=VERBATIM,
    )


def _stack(group: Group) -> str:
    return printable_long(" < ".join(str(each) for each in group.stack))


def _more(trial: Trial, shown: int) -> str:
    """How many mappings there is no room for; empty if all have it."""
    rest = len(trial.groups) - shown
    return f"And {format_count(rest, 'line')} more, of smaller mappings." if rest > 0 else ""
