"""Rows of a grid's table: a result beside the figure of 2021, and populating beside touching.

The file itself, its columns and how it is read and written, is ``measure.table_file``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from prefault_kit.measure.result import VIEWS, Result
from prefault_kit.measure.saved import SCHEMA, without_paths
from prefault_kit.measure.table_file import COLUMNS, append, create, key, read, result
from prefault_kit.memory import methods
from prefault_kit.studies.grid.published import published, published_note

__all__ = ["COLUMNS", "append", "create", "key", "read", "result", "row", "rows", "touch_of"]


def touch_of(method: str) -> str | None:
    """The method that touches what this one populates: the other side of the ratio."""
    touch = method.replace("POPULATE_READ", "Read").replace("POPULATE_WRITE", "Write")
    return touch if touch != method and touch in methods.METHODS else None


def _ratio(part: float | None, whole: float | None) -> float | None:
    return round(part / whole, 4) if part and whole else None


def row(result: Result, touch: Result | None = None) -> dict[str, Any]:
    """What a row says of a result, by :data:`COLUMNS`.

    ``touch`` is the result of :func:`touch_of` its method on the same memory.
    """
    figure = published(result)
    data = result.as_dict()
    notes = list(result.notes)
    if (remark := published_note(result)) and not any(remark in note for note in notes):
        notes.append(remark)
    made: dict[str, Any] = dict.fromkeys(COLUMNS)
    made.update({name: data[name] for name in COLUMNS if name in data})
    made.update(
        schema=SCHEMA,
        size_mib=result.size_bytes / (1 << 20),
        published_ms=figure,
        ratio_populate_to_touch=_ratio(result.best_ms, touch.best_ms if touch else None),
        published_ratio_populate_to_touch=_ratio(figure, published(touch) if touch else None),
        message=without_paths(result.message) if result.message else None,
        notes=" ".join(notes) or None,
    )
    for group, names in VIEWS.items():
        counts = data[group] or {}
        made.update({f"{group}_{name}": counts.get(name) for name in names})
    return made


def rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """A row for each result, with the ratio to touching the same memory among them."""

    known = {key(result): result for result in results}
    made = []
    for each in results:
        touch = touch_of(each.method)
        made.append(row(each, known.get(key(replace(each, method=touch))) if touch else None))
    return made
