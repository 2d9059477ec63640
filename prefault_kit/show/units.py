"""Times, counts and rates in a readable form."""

from __future__ import annotations

import math

from prefault_kit.memory.sizes import format_bytes

MOST_TICKS = 6


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


def time_ticks(most_ms: float) -> list[tuple[float, str]]:
    """Round times for an axis from 0 to ``most_ms``, each with its words in the axis's unit.

    >>> time_ticks(2500)[:4]
    [(0.0, '0'), (500.0, '0.5 s'), (1000.0, '1 s'), (1500.0, '1.5 s')]
    """
    factor, unit = (1000, "s") if most_ms >= 1000 else (1, "ms")
    ticks = round_ticks(most_ms, MOST_TICKS)
    return [(tick, f"{tick / factor:g} {unit}" if tick else "0") for tick in ticks]


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
