"""prefault_kit.show.trace_picture: address against time, in cells."""

from __future__ import annotations

import numpy

from prefault_kit.show import trace as told
from prefault_kit.show.trace_picture import picture, svg
from tests.show.test_trace import SEEN
from tests.studies.trace.made import trace


def test_a_picture_has_a_cell_for_each_fault() -> None:
    """In the colour of what it was, nothing of its names as markup, and text that says the same."""
    drawn = svg(SEEN)
    assert drawn.count("<rect") == 2
    assert "<script" not in drawn
    assert "fill:currentColor" in drawn  # the page's ink: JupyterLab has a theme of its own
    assert "#1b1b1b" not in drawn
    for colour in ("#0072B2", "#D55E00", "#767676"):
        assert f'fill="{colour}"' in drawn
    assert 'class="major" d' not in drawn
    assert repr(picture(SEEN)) == "\n".join(told.summary(SEEN))
    assert picture(SEEN)._repr_html_() == drawn
    one = trace((0, 1 << 50, 2), duration_ns=0)
    assert "h3v3h-3z" in svg(one)


def test_a_picture_of_many_faults_is_small() -> None:
    """It has cells, and not faults."""
    count = 1 << 16
    many = trace(
        time_ns=numpy.arange(count) * 1000, duration_ns=count * 1000,
        mapping=numpy.zeros(count, "u4"), page=numpy.arange(count) * 7919 % count,
        thread=numpy.zeros(count, "u4"), flags=numpy.full(count, 4, "u1"),
    )  # fmt: skip
    assert len(svg(many)) < 400_000
