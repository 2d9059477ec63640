"""Times, counts and rates in a readable form."""

from __future__ import annotations

import math

from prefault_kit.memory.sizes import format_bytes


def format_ms(milliseconds: float) -> str:
    """A time with about three significant figures, as in the published table: ``0.119 ms``."""
    if milliseconds >= 10_000:
        return f"{milliseconds / 1000:.1f} s"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    if milliseconds >= 100:
        return f"{milliseconds:.0f} ms"
    if milliseconds >= 10:
        return f"{milliseconds:.1f} ms"
    if milliseconds >= 1:
        return f"{milliseconds:.2f} ms"
    return f"{milliseconds:.3f} ms"


def format_tick(milliseconds: float) -> str:
    """A round time on an axis: ``0``, ``20 ms``, ``0.5 ms``, ``1.5 s``."""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:g} s"
    return f"{milliseconds:g} ms" if milliseconds else "0"


def round_ticks(most: float, at_most: int) -> list[float]:
    """Round numbers from 0 on, the last of them not above ``most``.

    >>> round_ticks(0.9, 6)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    if not most > 0:
        return [0.0]
    rough = most / at_most
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(each * unit for each in (1, 2, 5, 10) if each * unit >= rough)
    return [float(f"{number * step:.12g}") for number in range(int(most / step + 1e-9) + 1)]


def format_count(count: int, noun: str) -> str:
    """A count with its noun: ``1 page``, ``512 pages``, ``1,048,576 pages``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def format_rate(size_bytes: int, milliseconds: float) -> str:
    """How fast ``size_bytes`` were processed: ``9.8 GiB/s``; empty for no time."""
    return f"{format_bytes(round(size_bytes * 1000 / milliseconds))}/s" if milliseconds else ""
