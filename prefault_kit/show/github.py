"""Workflow commands of GitHub Actions: lines that a runner shows as annotations of the run."""

from __future__ import annotations

from collections.abc import Sequence

MOST_SHOWN = 10
"""Annotations of a kind that GitHub shows for a step."""


Line = tuple[str, int]
"""A file of the repository, by its path in it, and the number of a line."""
Frames = Sequence[tuple[str, int]]
"""How a place in a program was reached, from the inside out: files of code and offsets in them."""


def annotation(kind: str, title: str, text: str, at: Line | None = None) -> str:
    """A workflow command, with what it would misread escaped; ``kind`` is ``error`` or ``notice``.

    >>> annotation("error", "a: b, c", "50 % of\\nit", ("src/a.c", 7))
    '::error file=src/a.c,line=7,title=a%3A b%2C c::50 %25 of%0Ait'
    """
    where = f"file={_property(at[0])},line={at[1]}," if at else ""
    return f"::{kind} {where}title={_property(title)}::{_escaped(text)}"


def nowhere(_: Frames) -> Line | None:
    """The line of no frame is known."""
    return None


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
