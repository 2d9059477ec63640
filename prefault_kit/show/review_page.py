"""A review as a page to attach to a design review, and as a Markdown summary to paste.

The page contains its charts and their scripts, and opens offline. Names of files and directories
may contain anything: Jinja2 escapes them in the page, and ``markdown`` in the summary.
"""

from __future__ import annotations

from prefault_kit.show.markdown import code, escape, table
from prefault_kit.show.page import render
from prefault_kit.show.review import COLUMNS, VERBATIM, answer, inputs, rows, title
from prefault_kit.studies.review.cost import Weights
from prefault_kit.studies.review.result import Review


def markdown(review: Review, weights: Weights) -> str:
    """A summary to paste."""
    recommended, *reasons = map(escape, answer(review, weights))
    figures = [tuple(map(escape, row)) for row in rows(review, weights)]
    case = [
        (escape(name), code(text) if name in VERBATIM else escape(text))
        for name, text in inputs(review, weights)
    ]
    lines = [f"# {escape(title(review))}", "", f"**{recommended}**", "", *reasons, ""]
    lines += [table(COLUMNS, figures), ""]
    lines += [f"- {escape(sentence)}" for sentence in _without_figures(review)]
    lines += ["", table(("", ""), case)]
    return "\n".join(lines) + "\n"


def page(review: Review, weights: Weights) -> str:
    """A whole HTML page, charts and their scripts included; it loads nothing."""
    from bokeh.embed import components
    from bokeh.resources import Resources

    from prefault_kit.show import review_charts

    charts = {}
    for kind in review_charts.CHARTS:
        chart = kind()
        if chart.update(review, weights):
            charts[kind.TITLE] = chart.figure
    start, places = components(list(charts.values()))
    recommended, *reasons = answer(review, weights)
    return render(
        "review_page.html",
        title=title(review),
        scripts=Resources(mode="inline", components=["bokeh"]).render(),
        recommended=recommended,
        reasons=reasons,
        charts=list(zip(charts, places, strict=True)),
        columns=COLUMNS,
        rows=rows(review, weights),
        without=_without_figures(review),
        inputs=inputs(review, weights),
        start=start,
    )


def _without_figures(review: Review) -> list[str]:
    """Why some candidates have no figures: one sentence each."""
    return [each.sentence for each in review.candidates if each.outcome != "ok"]
