"""docs.extension.charts: recorded data becomes charts of the screens."""

from __future__ import annotations

import json
import re

import nbformat
import pytest

from docs.extension import charts, notebooks


def data(markdown: str) -> list[dict[str, object]]:
    """What the charts of a page are given."""
    found = re.findall(r'<script type="application/json">(.*?)</script>', markdown)
    return [json.loads(each) for each in found]


@pytest.mark.parametrize("read", charts.CELLS)
def test_a_cell_that_reads_a_recording_has_its_charts(read: str) -> None:
    """It is in a notebook, and what is drawn of it is data and not a page."""
    cells = [
        cell.source
        for path in notebooks.NOTEBOOKS.glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code" and read in cell.source
    ]
    assert len(cells) == 1
    assert all(each["root_id"] for each in data(charts.of_cell(cells[0])))


def test_most_cells_have_none() -> None:
    """What is not recorded has no chart."""
    assert charts.of_cell("memory.populate_read()") == ""


def test_the_published_timings_are_all_there() -> None:
    """190 of them, each beside the recorded one."""
    drawn = charts.grid()
    assert len(data(drawn)) == 13
    assert drawn.count("> published in 2021") == 190


def test_no_text_ends_the_data() -> None:
    """A tip with markup stays within its script."""
    [(_, figure), *_] = charts.compared()
    figure.title.text = "</script>"
    shown = charts.shown([("a & b", figure)], charts.HINT)
    assert shown.count("</script>") == 1
    assert "<figcaption>a &amp; b</figcaption>" in shown
    assert len(data(shown)) == 1


def test_bokeh_is_what_the_charts_need() -> None:
    """The library alone, which is less than a third of all its parts."""
    assert 1_000_000 < len(charts.bokeh()) < 2_000_000
