"""Runs side by side as a page: opens offline, loads nothing, and escapes what files say."""

from __future__ import annotations

from prefault_kit.show import comparison as show
from prefault_kit.show.labels import letters
from prefault_kit.show.page import render
from prefault_kit.show.printable import printable
from prefault_kit.studies.comparison.cells import FASTER, SLOWER, Cell, Entry
from prefault_kit.studies.comparison.comparison import Comparison
from prefault_kit.studies.comparison.facts import SIDE_BY_SIDE, value
from prefault_kit.studies.comparison.recorded import GRID

WITH_INTERVALS = 6
"""Runs whose intervals stand in the cells; of more, they are shown where a cell is pointed at."""
SIGNS = {FASTER: "\N{BLACK DOWN-POINTING TRIANGLE}", SLOWER: "\N{BLACK UP-POINTING TRIANGLE}"}
"""Beside the colour, for those who do not see it."""


def page(found: Comparison) -> str:
    """A whole HTML page."""
    runs = found.runs
    short = len(runs) <= WITH_INTERVALS
    facts = [*SIDE_BY_SIDE, "date"]
    told = [name for name in facts if any(value(run, name) not in (None, ()) for run in runs)]
    is_grid = found.kind == GRID
    differing = show.differing(found.promises)
    return render(
        "comparison_page.html",
        title=f"{len(runs)} runs side by side",
        warning=show.warning(found),
        differences=show.differences(found),
        unknown=[printable(each) for each in found.unknown],
        said=_said(found),
        fact_heads=["run", *(show.FACTS[name] for name in told)],
        runs=[
            (
                letters(at),
                printable(run.name),
                [show.fact(name, value(run, name)) for name in told],
            )
            for at, run in enumerate(runs)
        ],
        letters=[letters(at) for at in range(len(runs))],
        summary_heads=show.SUMMARY,
        summaries=[
            show.summary_cells(letters(at), each)
            for at, each in enumerate(found.summaries, start=1)
            if not short
        ],
        memories=[
            (memory, [(cell.method, _row(cell, short)) for cell in cells])
            for memory, cells in show.by_memory(found.cells)
        ],
        heads=_heads(len(runs), short),
        faster=SIGNS[FASTER],
        slower=SIGNS[SLOWER],
        certainty=show.CERTAINTY if is_grid else "",
        promises=[(each.id, [show.MARKS[one] for one in each.outcomes]) for each in differing],
        marked=show.MARKED,
        details=[(each.id, each.claim, show.seen(each)) for each in differing],
    )


def _said(found: Comparison) -> list[str]:
    if found.kind != GRID:
        return [show.promise_sentence(found)]
    if len(found.runs) > WITH_INTERVALS:
        return []
    return [show.summary_sentence(found, at) for at in range(1, len(found.runs))]


def _heads(runs: int, short: bool) -> list[str]:
    heads = ["method", "A, median"] if short else ["method", "A"]
    for at in range(1, runs):
        letter = letters(at)
        heads += [f"{letter}, median", f"{letter} / A"] if short else [f"{letter} / A"]
    return heads


def _row(cell: Cell, short: bool) -> list[tuple[str, str, str]]:
    """Text, class and tip of each column behind the method."""
    first, *others = cell.entries
    made = [(show.time(first), "", _tip(first))]
    for entry in others:
        if short:
            made.append((show.time(entry), "", _tip(entry)))
            made.append((_marked(entry, show.ratio(entry)), _class(entry), ""))
            continue
        told = show.ratio(entry).partition(" ")[0] or show.time(entry)
        tip = f"{_tip(entry)}; {show.ratio(entry)}" if entry and entry.ratio else _tip(entry)
        made.append((_marked(entry, told), _class(entry), tip))
    return made


def _tip(entry: Entry | None) -> str:
    if entry is None or entry.median_ms is None:
        return ""
    return f"median {show.time(entry)}, best {show.best(entry)} of {entry.repeats}"


def _class(entry: Entry | None) -> str:
    return entry.verdict if entry and entry.verdict in SIGNS else ""


def _marked(entry: Entry | None, text: str) -> str:
    sign = SIGNS.get(entry.verdict or "") if entry else None
    return f"{sign} {text}" if sign else text
