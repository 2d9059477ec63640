"""A trace as a picture: address against time, a band for each mapping, as an SVG without a script.

A cell is a part of the time and some pages, and has the colour of what happened in it; what is
written covers what is read. The colours are legible on light and on dark ground, where the text
follows the reader's setting.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefault_kit.kernel import perf
from prefault_kit.measure.trace import FILE, MappingUse, Trace
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import svg_image
from prefault_kit.show import trace as text
from prefault_kit.show.palette import BLUE, GREY, VERMILLION
from prefault_kit.show.svg_image import DIM
from prefault_kit.show.units import time_ticks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLOURS = {perf.UNTOLD: GREY, perf.READ: BLUE, perf.WRITE: VERMILLION}
"""In the order in which they are painted."""
WORDS = {perf.UNTOLD: "not known which", perf.READ: "read", perf.WRITE: "written"}
MOST_BANDS = 12
WIDTH, LEFT, CELL = 960, 250, 3
"""Pixels: of the picture, of the names, of a cell."""
LEAST_HEIGHT, MOST_HEIGHT, GAP, AXIS, HEAD = 24, 132, 8, 22, 22
GROWTH_HEIGHT = 60
ROOM = 24
"""Pixels that half of a tick's words may take."""
MOST_NAME = 38

STYLE = f"""
.pt{{font:11px system-ui,sans-serif}}
.pt text{{fill:currentColor}}.pt .dim{{opacity:{DIM}}}
.pt .band{{fill:currentColor;fill-opacity:0.06}}
.pt .major{{fill:none;stroke:currentColor;stroke-width:1}}
.pt .line{{fill:none;stroke:currentColor;stroke-width:1.5}}
"""


@dataclass(frozen=True, eq=False)
class Picture:
    """A trace as a notebook shows it; its text is the summary."""

    trace: Trace

    def __repr__(self) -> str:
        return "\n".join(text.summary(self.trace))

    def _repr_svg_(self) -> str | None:
        return svg_image.image(svg(self.trace), WIDTH)


def picture(trace: Trace) -> Picture:
    """Show a trace in a notebook."""
    return Picture(trace)


def svg(trace: Trace) -> str:
    """The picture, as a piece of HTML."""
    bands = trace.use[:MOST_BANDS]
    parts = [_legend(trace)]
    top = HEAD
    for use in bands:
        height = _height(trace, use)
        parts.append(_band(trace, use, top, height))
        top += height + GAP
    parts.append(_growth(trace, top))
    top += GROWTH_HEIGHT
    parts.append(_axis(trace, top))
    more = len(trace.use) - len(bands)
    if more > 0:
        parts.append(_text(LEFT, top + AXIS + 12, f"and {more} mappings with fewer faults", "dim"))
        top += 16
    described = html.escape(" ".join(text.summary(trace)))
    return (
        f'<svg class="pt" role="img" aria-label="{described}" width="100%" '
        f'viewBox="0 0 {WIDTH} {top + AXIS + 4}" xmlns="http://www.w3.org/2000/svg">'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    shown = html.escape(words)
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{shown}</text>'


def _legend(trace: Trace) -> str:
    """The colours that occur."""
    import numpy  # here, so that importing the kit stays quick

    found, x = [], LEFT
    for access in numpy.unique(trace.access).tolist():
        found.append(f'<path fill="{COLOURS[access]}" d="{_squares([x], [6], 9)}"/>')
        found.append(_text(x + 14, 15, WORDS[access]))
        x += 30 + 6 * len(WORDS[access])
    if trace.major.any():
        found.append(f'<path class="major" d="{_squares([x], [6], 9)}"/>')
        found.append(_text(x + 14, 15, "major: waited for a disk"))
    return "".join(found)


def _squares(x: list[int], y: list[int], size: int) -> str:
    return "".join(f"M{a} {b}h{size}v{size}h-{size}z" for a, b in zip(x, y, strict=True))


def _span(trace: Trace, use: MappingUse) -> tuple[int, int]:
    pages = trace.page[trace.of(use.index)]
    return int(pages.min()), int(pages.max()) + 1


def _height(trace: Trace, use: MappingUse) -> int:
    low, high = _span(trace, use)
    wanted = LEAST_HEIGHT + 9 * math.log2(high - low)
    return int(min(MOST_HEIGHT, wanted)) // CELL * CELL


def _x(trace: Trace, time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Columns of cells."""
    import numpy

    columns = (WIDTH - LEFT) // CELL
    return numpy.minimum(time_ns * columns // max(1, trace.duration_ns), columns - 1)


def _band(trace: Trace, use: MappingUse, top: int, height: int) -> str:
    """A mapping: its name, and its faults from the lowest page at the bottom to the highest."""
    import numpy

    at = trace.of(use.index)
    low, high = _span(trace, use)
    rows = height // CELL
    columns = _x(trace, trace.time_ns[at])
    row = rows - 1 - (trace.page[at] - low) * rows // (high - low)
    access, major = trace.access[at], trace.major[at]
    mapping = trace.mappings[use.index]
    full = text.name(trace, mapping)
    short = full if len(full) <= MOST_NAME else f"...{full[3 - MOST_NAME :]}"
    size = format_bytes(use.pages * trace.page_size_bytes)
    where = "in the file" if mapping.kind == FILE else "in it"
    parts = [
        f"<g><title>{html.escape(full)}: pages {low} to {high - 1} {where}, {use.faults} faults"
        f"</title>",
        f'<rect class="band" x="{LEFT}" y="{top}" width="{WIDTH - LEFT}" height="{height}"/>',
        _text(LEFT - 8, top + 11, short, anchor="end"),
        _text(LEFT - 8, top + 23, f"{size} touched", "dim", "end"),
    ]
    for kind, colour in COLOURS.items():
        if (chosen := access == kind).any():
            parts.append(f'<path fill="{colour}" d="{_cells(columns, row, chosen, top)}"/>')
    if major.any():
        parts.append(f'<path class="major" d="{_cells(columns, row, major, top)}"/>')
    assert numpy.all(row >= 0)
    return "".join(parts) + "</g>"


def _cells(
    columns: NDArray[np.int64], rows: NDArray[np.int64], chosen: NDArray[np.bool_], top: int
) -> str:
    import numpy

    places = numpy.unique(columns[chosen] << 32 | rows[chosen])
    x, y = (places >> 32) * CELL, (places & 0xFFFFFFFF) * CELL
    return _squares((x + LEFT).tolist(), (y + top).tolist(), CELL)


def _growth(trace: Trace, top: int) -> str:
    """How the working set grew."""
    steps = [(0.0, 0), *trace.growth()]
    most = max(trace.pages, 1)
    end = max(trace.duration_ns, 1) / 1e6
    points = " ".join(
        f"{LEFT + (WIDTH - LEFT) * ms / end:.1f},{top + GROWTH_HEIGHT - 50 * pages / most:.1f}"
        for ms, pages in steps
    )
    return (
        _text(LEFT - 8, top + 21, "working set", anchor="end")
        + _text(
            LEFT - 8, top + 33, f"up to {format_bytes(most * trace.page_size_bytes)}", "dim", "end"
        )
        + f'<polyline class="line" points="{points}"/>'
    )


def _axis(trace: Trace, top: int) -> str:
    parts = []
    duration_ms = trace.duration_ns / 1e6
    for tick, words in time_ticks(duration_ms):
        x = LEFT + (WIDTH - LEFT) * (tick / duration_ms if tick else 0)
        anchor = "start" if not tick else "end" if x > WIDTH - ROOM else "middle"
        parts.append(_text(x, top + 14, words, "dim", anchor))
    return "".join(parts)
