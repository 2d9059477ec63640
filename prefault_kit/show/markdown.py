"""Markdown for the output of notebooks and for summaries to paste."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Markdown:
    """A text that a notebook renders and a terminal prints as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text

    _repr_markdown_ = __repr__


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table without a final newline; bars in cells are escaped, newlines become spaces."""
    return "\n".join([_row(heads), "|" + "-|" * len(heads), *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"
