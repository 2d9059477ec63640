"""Sizes and times as people type and read them."""

from __future__ import annotations

import re
from fractions import Fraction

from prefault_kit.backing import format_bytes

_FACTOR = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE = re.compile(
    r"([+-]?\d{1,30}(?:\.\d{1,30})?)\s*(?:([kmgt]?)(?:i?b)?|bytes?)", re.ASCII | re.IGNORECASE
)


def parse_bytes(text: str) -> int:
    """Read ``2 MiB``, ``4GiB``, ``64k`` or ``8192`` as bytes; units are powers of 1024.

    ValueError in one sentence when the text is no size or no whole number of bytes.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text.strip()!r} is not a size; type one like 64 KiB, 2 MiB or 4 GiB")
    size = Fraction(match[1]) * _FACTOR[(match[2] or "").lower()]
    if size.denominator != 1:
        raise ValueError(f"{text.strip()!r} is not a whole number of bytes; try a smaller unit")
    return size.numerator


def format_ms(milliseconds: float) -> str:
    """Say a time to three figures or so, the way the published table does: ``0.119 ms``."""
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
    """Say ``1 page``, ``512 pages``, ``1,048,576 pages``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def format_rate(size_bytes: int, milliseconds: float) -> str:
    """Say how fast ``size_bytes`` were done: ``9.8 GiB/s``."""
    return f"{format_bytes(round(size_bytes * 1000 / milliseconds))}/s" if milliseconds else ""
