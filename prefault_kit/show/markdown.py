"""Markdown for the output of notebooks and for summaries to paste."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Markdown:
    """A text that a notebook renders and a terminal prints as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text

    _repr_markdown_ = __repr__


def escape(text: str) -> str:
    """Text that Markdown renders as it stands: no HTML, no emphasis, no link, one line."""
    plain = html.escape(text.replace("\n", " "), quote=False)
    return re.sub(r"[\\`*\[\]~]|(?<!\w)_|_(?!\w)", r"\\\g<0>", plain)


def code(text: str) -> str:
    """A code span of text, whatever it contains; line ends become blanks."""
    text = text.replace("\n", " ")
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table without a final newline; bars in cells are escaped, newlines become spaces."""
    return "\n".join([_row(heads), "|" + "-|" * len(heads), *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"
