"""Tables for notebooks: what this host can do, and claims held against what was observed.

They read the same as text and as HTML, so a notebook's argument needs neither charts nor scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from prefault_kit.host import Capability, capabilities
from prefault_kit.measure.saved import without_paths


@dataclass(frozen=True, repr=False)
class Table:
    """Rows of text under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        style = ' style="text-align: left; vertical-align: top"'
        head = "".join(f'<th scope="col"{style}>{escape(cell)}</th>' for cell in self.head)
        body = "".join(
            f"<tr>{''.join(f'<td{style}>{escape(cell)}</td>' for cell in row)}</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass(frozen=True)
class Range:
    """An expectation that every number from ``low`` to ``high`` meets."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int | float) and self.low <= number <= self.high


def verdicts(*claims: tuple[str, object, object]) -> Table:
    """Hold claims against what was observed: each is a claim, what it expects, what was seen.

    An expectation is a value, or a :class:`Range` for what was measured.
    """
    return Table(
        ("claim", "expected", "observed", "holds"),
        tuple(
            (claim, said(expected), said(observed), "yes" if _holds(expected, observed) else "NO")
            for claim, expected, observed in claims
        ),
    )


def _holds(expected: object, observed: object) -> bool:
    return observed in expected if isinstance(expected, Range) else expected == observed


def said(value: object) -> str:
    """A value as a reader reads it, not as Python writes it.

    >>> said(1024), said(True), said({"done"}), said(("all", "none")), said([]), said(0.3333)
    ('1,024', 'yes', 'done', 'all, none', 'none', '0.333')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, set | frozenset):
        return said(sorted(value))
    if isinstance(value, list | tuple):
        return ", ".join(map(said, value)) or "none"
    return str(value)


def doctor(found: Sequence[Capability] | None = None) -> Table:
    """What this host can run, what not, why, and the command that would enable it.

    Directories are left out (``DIR``), since a notebook's output is made to be shown to others.
    """
    return Table(
        ("what", "here", "detail, or why not", "to enable it"),
        tuple(
            (
                each.name,
                "yes" if each.available else "no",
                without_paths(each.detail if each.available else each.reason or each.detail),
                each.command or "",
            )
            for each in (capabilities() if found is None else found)
        ),
    )
