"""Tables in Markdown, for outputs of notebooks and for summaries to paste."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text, without a line end; a bar within a cell stays one, a line end is a blank."""
    return "\n".join([_row(heads), "|" + "-|" * len(heads), *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"
