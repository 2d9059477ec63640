"""prefault_kit.show.trace_picture: address against time, in cells."""

from __future__ import annotations

import re

import numpy

from prefault_kit.kernel.perf import READ, WRITE
from prefault_kit.measure.trace import ACCESS_SHIFT, MAJOR
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
    shown = picture(SEEN)._repr_svg_()
    assert shown is not None
    assert shown.count("<path") == drawn.count("<path")
    assert "currentColor" not in shown
    one = trace((0, 1 << 50, 2), duration_ns=0)
    assert "h3v3h-3z" in svg(one)


def test_where_a_fault_is_drawn() -> None:
    """Later is to the right, a higher page further up; only what waited for a disk is framed."""
    flags = numpy.array([READ << ACCESS_SHIFT, WRITE << ACCESS_SHIFT | MAJOR], "u1")
    drawn = svg(trace((0, 1, READ), (0, 40, WRITE), flags=flags))
    band = drawn[drawn.index("<g>") :]

    def cells(kind: str) -> list[tuple[int, int]]:
        found = re.search(f'<path {kind} d="([^"]*)"', band)
        assert found
        return [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)", found[1])]

    (first,), (second,) = cells('fill="#0072B2"'), cells('fill="#D55E00"')
    assert first[0] < second[0] and first[1] > second[1]
    assert cells('class="major"') == [second]


def test_a_picture_of_many_faults_is_small() -> None:
    """It has cells, and not faults."""
    count = 1 << 16
    many = trace(
        time_ns=numpy.arange(count) * 1000, duration_ns=count * 1000,
        mapping=numpy.zeros(count, "u4"), page=numpy.arange(count) * 7919 % count,
        thread=numpy.zeros(count, "u4"), flags=numpy.full(count, 4, "u1"),
    )  # fmt: skip
    assert len(svg(many)) < 400_000
