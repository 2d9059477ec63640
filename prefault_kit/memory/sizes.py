"""Sizes of memory: as people type and read them, and whether one fits its pages."""

from __future__ import annotations

import re
from fractions import Fraction

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


def format_bytes(size_bytes: int) -> str:
    """Say a size the way the field does: ``4 KiB``, ``2 MiB``, ``1.5 GiB``, ``20 TiB``."""
    for unit, factor in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.4g} {unit}"
    return f"{size_bytes} bytes"


def check_size(size_bytes: int, page_size_bytes: int) -> None:
    """ValueError in one sentence unless a size is a positive multiple of the page size."""
    if isinstance(size_bytes, bool) or not isinstance(size_bytes, int):
        raise ValueError(f"the size is a whole number of bytes, not {size_bytes!r}")
    if size_bytes <= 0:
        raise ValueError(
            f"the size is {size_bytes} bytes, but must be at least one page of "
            f"{format_bytes(page_size_bytes)}"
        )
    if size_bytes % page_size_bytes:
        rounded = -(-size_bytes // page_size_bytes) * page_size_bytes
        raise ValueError(
            f"the size {size_bytes} bytes is not a multiple of the page size "
            f"{format_bytes(page_size_bytes)}; it would round up to {rounded} bytes"
        )
