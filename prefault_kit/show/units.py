"""Times, counts and rates in a readable form."""

from __future__ import annotations

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


def format_count(count: int, noun: str) -> str:
    """A count with its noun: ``1 page``, ``512 pages``, ``1,048,576 pages``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def format_rate(size_bytes: int, milliseconds: float) -> str:
    """How fast ``size_bytes`` were processed: ``9.8 GiB/s``; empty for no time."""
    return f"{format_bytes(round(size_bytes * 1000 / milliseconds))}/s" if milliseconds else ""
