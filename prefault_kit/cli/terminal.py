"""What the tables of all commands have in common: the console, and figures with their units."""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Sequence

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.units import format_count, format_ms

PLAIN_WIDTH = 150
"""Columns where there is no terminal to ask."""

MOST_NAME = 25
"""Letters of a name that stay on one line."""
GAP = 2
"""Between two columns of a table."""

UNKNOWN = "not reported by this kernel"


def console() -> Console:
    """Standard output, as wide as the terminal is."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(width=width, markup=False, highlight=False, emoji=False)


def figures(
    console: Console,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    less: Container[str],
    names: Container[str] = (),
) -> Table:
    """A table of which no figure is cut off: where all columns do not fit, those of ``less``.

    The columns of ``names`` stand at the left, and long names are folded.
    """
    widths = []
    for at, head in enumerate(heads):
        widest = max((len(row[at]) for row in rows), default=0)
        kept = min(widest, MOST_NAME) if head in names else widest
        widths.append(max([kept, (len(head) + 1) // 2, *map(len, head.split())]))
    told = list(range(len(heads)))
    if sum(width + GAP for width in widths) > console.width:
        told = [at for at in told if heads[at] in less]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for at in told:
        side: JustifyMethod = "left" if heads[at] in names else "right"
        table.add_column(heads[at], justify=side, min_width=widths[at], overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[at]) for at in told))
    return table


def ms(value: float | None) -> str:
    """A time in milliseconds, with its unit; a dash where there is none."""
    return "-" if value is None else format_ms(value)


def size(value: int | None) -> str:
    """A number of bytes, with its unit."""
    return UNKNOWN if value is None else format_bytes(value) if value else "0"


def pages(value: int | None) -> str:
    """A number of pages, in words."""
    return UNKNOWN if value is None else format_count(value, "page")
