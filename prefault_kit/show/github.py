"""Workflow commands of GitHub Actions: lines that a runner shows as annotations of the run."""

from __future__ import annotations

MOST_SHOWN = 10
"""Annotations of a kind that GitHub shows for a step."""


def annotation(kind: str, title: str, text: str) -> str:
    """A workflow command, with what it would misread escaped; ``kind`` is ``error`` or ``notice``.

    >>> annotation("error", "a: b, c", "50 % of\\nit")
    '::error title=a%3A b%2C c::50 %25 of%0Ait'
    """
    title = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={title}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
