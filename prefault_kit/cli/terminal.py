"""What the tables of all commands have in common: the console, and figures with their units."""

from __future__ import annotations

import os
import sys

from rich.console import Console

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.units import format_count, format_ms

PLAIN_WIDTH = 150
"""Columns where there is no terminal to ask."""

UNKNOWN = "not reported by this kernel"


def console() -> Console:
    """Standard output, as wide as the terminal is."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(width=width, markup=False, highlight=False, emoji=False)


def ms(value: float | None) -> str:
    """A time in milliseconds, with its unit; a dash where there is none."""
    return "-" if value is None else format_ms(value)


def size(value: int | None) -> str:
    """A number of bytes, with its unit."""
    return UNKNOWN if value is None else format_bytes(value) if value else "0"


def pages(value: int | None) -> str:
    """A number of pages, in words."""
    return UNKNOWN if value is None else format_count(value, "page")
