"""What one attaches to a design review: an HTML file that opens offline, a Markdown summary."""

from __future__ import annotations

import errno
import html
import os
from pathlib import Path
from typing import Any

from prefault_kit.show.markdown import table
from prefault_kit.show.review import COLUMNS, answer, inputs, rows, title
from prefault_kit.studies.review.cost import Weights
from prefault_kit.studies.review.measured import Review


def markdown(review: Review, weights: Weights) -> str:
    """A summary to paste."""
    lines = [f"# {title(review)}", ""]
    first, *rest = answer(review, weights)
    lines += [f"**{first}**", "", *rest, ""]
    lines += [table(COLUMNS, rows(review, weights)), ""]
    lines += [f"- {each.sentence}" for each in review.candidates if each.outcome != "ok"]
    lines += ["", table(("", ""), inputs(review, weights))]
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
    script, places = components(list(charts.values()))
    scripts = Resources(mode="inline", components=["bokeh"]).render()
    first, *rest = answer(review, weights)
    parts = [
        f"<h1>{html.escape(title(review))}</h1>",
        f'<p class="answer">{html.escape(first)}</p>',
        *(f"<p>{html.escape(each)}</p>" for each in rest),
        *(
            f"<h2>{html.escape(name)}</h2>{place}"
            for name, place in zip(charts, places, strict=True)
        ),
        "<h2>The same in numbers</h2>",
        _table("numbers", [COLUMNS, *rows(review, weights)]),
        *(
            f"<p>{html.escape(each.sentence)}</p>"
            for each in review.candidates
            if each.outcome != "ok"
        ),
        "<h2>What was asked</h2>",
        _table("inputs", inputs(review, weights)),
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title(review))}</title><style>{CSS}</style>{scripts}</head>\n"
        f"<body><main>{body}</main>{script}</body></html>\n"
    )


def _table(kind: str, table: list[Any]) -> str:
    lines = []
    for number, row in enumerate(table):
        cell = "th" if kind == "numbers" and number == 0 else "td"
        lines.append(
            "<tr>" + "".join(f"<{cell}>{html.escape(each)}</{cell}>" for each in row) + "</tr>"
        )
    return f'<div class="wide"><table class="{kind}">{"".join(lines)}</table></div>'


def taken(path: str | os.PathLike[str]) -> Path | None:
    """The file that :func:`save` would have to overwrite, None if there is none."""
    return next((each for each in _files(path) if each.exists()), None)


def _files(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    page = Path(path)
    if page.suffix == ".md":
        raise ValueError(f"{page} would be the summary: name the page, such as review.html")
    return page, page.with_suffix(".md")


def save(review: Review, weights: Weights, path: str | os.PathLike[str]) -> None:
    """Write the page, and the summary beside it, with the ending ``.md``.

    FileExistsError if there is either: nothing is overwritten. ValueError if the page is to end
    with ``.md`` itself.
    """
    if exists := taken(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(exists))
    texts = page(review, weights), markdown(review, weights)
    for each, text in zip(_files(path), texts, strict=True):
        with each.open("x", encoding="utf-8") as file:
            file.write(text)


CSS = """
:root { color-scheme: light dark; --ink: #1b1b1b; --dim: #5c5c5c; --ground: #ffffff;
  --line: #d8d8d8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --dim: #a0a0a0; --ground: #141414; --line: #3a3a3a; } }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  margin: 0; --bk-axis-line-color: var(--dim); --bk-major-label-text-color: var(--ink);
  --bk-axis-label-text-color: var(--dim); --bk-grid-line-color: var(--dim); }
main { max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; font-weight: 500; } h2 { font-size: 1.1rem; font-weight: 500;
  margin-top: 2rem; }
.answer { font-size: 1.25rem; font-weight: 600; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; }
td, th { border-bottom: 1px solid var(--line); padding: 0.25rem 0.6rem; text-align: left; }
th { color: var(--dim); font-weight: 500; } .numbers td, .numbers th { white-space: nowrap; }
.inputs td:first-child { white-space: nowrap; } .inputs td + td { overflow-wrap: anywhere; }
.prefault-tip { color: #1b1b1b; }
"""
