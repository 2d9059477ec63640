"""Live charts of what was recorded: the charts of the screens, with BokehJS from the site itself.

A page has the data of its charts, and a script that loads BokehJS when one of them comes near. A
reader without scripts, or on paper, has the picture or the table beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from html import escape
from itertools import groupby
from typing import Any

from bokeh.embed import json_item
from bokeh.plotting import figure
from bokeh.resources import Resources
from sphinx.application import Sphinx

from docs.extension import times
from prefault_kit.measure.result import Result
from prefault_kit.screens import truth_table
from prefault_kit.screens.explorer.comparison import ComparedTimes
from prefault_kit.screens.latency import figures
from prefault_kit.show import kernels as show
from prefault_kit.show import labels, plot
from prefault_kit.show.latency import distribution_title
from prefault_kit.studies import latency
from prefault_kit.studies.grid import table_file
from prefault_kit.studies.kernels.record import HOLDS, table
from prefault_kit.studies.kernels.recorded import of_the_kit

SCRIPT = "charts.js"
BOKEH = "bokeh.js"
"""Its name in ``_static``, where the script looks for it."""
POPULATES = "read-makes-readable"
"""The promise that a kernel without the two advices cannot show."""
MARK = "prefault-chart"
HINT = "Drawn from recorded data: hover over a mark for its figures; the buttons zoom and move back"
HINT_OF_NAMES = f"{HINT}; a click on a name hides what it stands for"
Charts = Iterable[tuple[str, figure]]
"""Figures with their titles."""


def pages() -> dict[str, str]:
    """The charts that written pages include."""
    return {"measured/_charts.md": shown(compared(), HINT_OF_NAMES)}


def bokeh() -> str:
    """BokehJS, as much of it as these charts need."""
    library: str
    library, *_ = Resources(mode="inline", components=["bokeh"]).js_raw  # the rest logs
    return library


def of_cell(code: str) -> str:
    """The charts of what a notebook's cell reads, as Markdown; "" of most cells."""
    return "\n\n".join(draw() for read, draw in CELLS.items() if read in code)


def shown(charts: Charts, hint: str, *, folded: bool = False) -> str:
    """Charts as Markdown; when folded, a click on its title opens each."""
    around, head = ("details", "summary") if folded else ("figure", "figcaption")
    parts = [
        f'<{around} class="{MARK}"><{head}>{escape(title)}</{head}>'
        f'<div class="prefault-live" style="min-height:{each.height}px"></div>'
        f'<script type="application/json">{_json(each)}</script></{around}>'
        for title, each in charts
    ]
    lines = [f'<p class="prefault-hint">{hint}.</p>', *parts]
    return "\n".join(["```{raw} html", *lines, "```"])


def beside(still: str, live: str) -> str:
    """A picture that goes once the charts of the same are drawn, and comes back on paper."""
    return f"````{{container}} {MARK}-still\n{still}\n````\n\n{live}"


def _json(fig: figure) -> str:
    return json.dumps(json_item(fig), separators=(",", ":")).replace("</", r"<\/")


def waits(name: str) -> str:
    """A recorded latency probe."""
    return shown(_waits(latency.read(times.RUNS / name)), HINT_OF_NAMES)


def _waits(found: latency.Latencies) -> Charts:
    titles = (figures.OverTime.TITLE, distribution_title(found))
    for title, kind in zip(titles, figures.CHARTS, strict=True):
        chart = kind()
        chart.update(found)
        plot.legend(chart.figure, {name: chart.drawn[name] for name in found.samples})
        plot.zoomable(chart.figure)
        chart.figure.frame_height = plot.HEIGHT_PX  # beside a legend of any height
        yield title, chart.figure


def compared() -> Charts:
    """The times of the table beside them, those of 2021 among them."""
    for sharing, cells in groupby(times.recorded(), lambda each: each.sharing):
        yield f"{sharing.capitalize()} memory of 4 GiB", _compared(list(cells))


def grid() -> str:
    """All cells of the recorded run beside the published ones, a chart for each memory."""
    results = table_file.read(times.RECORDED)

    def memory(each: Result) -> tuple[str, str]:
        kind, sharing, *_ = labels.traits(each)
        return sharing, kind

    charts = (
        (" ".join(name), _compared(list(cells)))
        for name, cells in groupby(sorted(results, key=memory), memory)
    )
    return shown(charts, HINT_OF_NAMES, folded=True)


def _compared(results: list[Result]) -> figure:
    chart = ComparedTimes()
    chart.update(results, labels.labels(results), None)
    plot.legend(chart.figure, chart.drawn)
    plot.zoomable(chart.figure)
    return chart.figure


def truth() -> str:
    """The promises on which the recorded kernels disagree that have the two advices."""
    records = [each for each in of_the_kit() if each.outcomes()[POPULATES] == HOLDS]
    chart = truth_table.Figure(records)
    chart.show([name for name, outcomes in table(records) if show.disagree(outcomes)])
    plot.zoomable(chart.figure)
    title = f"{truth_table.TITLE}, where they disagree"
    looks = "".join(truth_table.entry(each) for each in truth_table.LOOKS.values())
    return shown([(title, chart.figure)], f"{HINT}. {looks}")


CELLS: dict[str, Callable[[], str]] = {
    **{
        f"data/runs/{name}": partial(waits, name)
        for name in (
            "latency-anon-fork-linux-6.18-amd-epyc-2cpu.npz",
            "latency-file-nothing-linux-6.18-amd-epyc-2cpu.npz",
        )
    },
    f'data/runs/{times.RECORDED.stem}"': grid,
    "truth_table(records)": truth,
}
"""The charts of cells, by what is in their code."""


def load(app: Sphinx, name: str, _: str, context: dict[str, Any], __: object) -> None:
    """Give the script to a page that has charts; what Sphinx calls for each page."""
    if MARK in context.get("body", ""):
        app.add_js_file(SCRIPT, loading_method="defer")
