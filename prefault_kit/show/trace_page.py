"""A trace as a page: opens offline, loads nothing, and escapes whatever the program is called."""

from __future__ import annotations

from prefault_kit.measure.trace import Trace
from prefault_kit.show import trace as text
from prefault_kit.show.page import render
from prefault_kit.show.trace_picture import svg
from prefault_kit.studies.trace.comparison import Comparison

MOST_ROWS = 500
MOST_ORDERS = 20


def page(trace: Trace, compared: Comparison | None = None, *, beside: str = "") -> str:
    """A whole HTML page; ``beside`` names the JSON with all figures."""
    from markupsafe import Markup

    return render(
        "trace_page.html",
        title=text.title(trace),
        summary=text.summary(trace),
        picture=Markup(svg(trace)) if len(trace) else "",  # which escapes what it quotes itself
        columns=text.COLUMNS,
        rows=[text.cells(trace, at, each) for at, each in enumerate(trace.use[:MOST_ROWS], 1)],
        more=max(0, len(trace.use) - MOST_ROWS),
        orders=[
            (text.name(trace, trace.mappings[each.index]), text.first_touches(trace, each))
            for each in trace.use[:MOST_ORDERS]
        ],
        compared=text.comparison(compared) if compared else [],
        compared_columns=text.COMPARED,
        compared_rows=(
            [text.compared_cells(each) for each in compared.by_file[:MOST_ROWS]] if compared else []
        ),
        notes=text.notes(trace),
        host=f"Linux {trace.host.get('kernel')}, {trace.host.get('cpu')}, {trace.host.get('date')}",
        beside=beside,
    )
