"""Tables of results: a CSV file, a cell of the grid a row, that survives its writer's end.

A row is a dict of :data:`COLUMNS`: times in milliseconds, ``usage_*`` and ``*_bytes`` in bytes,
``pages_*`` and the counts of ``file_*`` in system pages, None where there is no figure. Every row
says which version of this layout it is.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prefault_kit import smaps

Row = dict[str, Any]

SCHEMA = "prefault-kit/1"
"""The version of rows and of saved results."""

GROUPS = {
    "usage": tuple(smaps.NAMES),
    "pages": ("present", "zero", "huge", "swapped"),
    "file": ("cached", "dirty", "writeback", "allocated_bytes"),
    "faults": ("minor", "major"),
}
"""The views of a result, each of whose figures is a column."""


def _text(value: str) -> str:
    return value


def _times(value: str) -> list[float]:
    return [float(part) for part in value.split()]


_TYPES: dict[str, Callable[[str], Any]] = {
    "schema": _text,
    "backing": _text,
    "page_size_bytes": int,
    "sharing": _text,
    "method": _text,
    "size_bytes": int,
    "size_mib": float,
    "start": _text,
    "threads": int,
    "repeats": int,
    "file_system": _text,
    "outcome": _text,
    "best_ms": float,
    "median_ms": float,
    "warmup_ms": float,
    "timings_ms": _times,
    "published_ms": float,
    "ratio_populate_to_touch": float,
    "published_ratio_populate_to_touch": float,
    "errno": _text,
    "populated_bytes": int,
    **{f"{group}_{name}": int for group, names in GROUPS.items() for name in names},
    "message": _text,
    "notes": _text,
}

COLUMNS = tuple(_TYPES)
"""The columns of a table, in order."""


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(map(repr, value))
    return str(value).replace("\n", " ")


def text(rows: Iterable[Row]) -> str:
    """Rows as lines of CSV, without the header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([_cell(each[name]) for name in COLUMNS] for each in rows)
    return out.getvalue()


def create(path: Path) -> None:
    """Begin a table; FileExistsError if the file is there."""
    with path.open("x", encoding="utf-8") as out:
        out.write(",".join(COLUMNS) + "\n")
        out.flush()
        os.fsync(out.fileno())


def append(path: Path, rows: Iterable[Row]) -> None:
    """Add rows to a table, on disk when this returns."""
    with path.open("a", encoding="utf-8") as out:
        out.write(text(rows))
        out.flush()
        os.fsync(out.fileno())


def read(path: Path) -> list[Row]:
    """Read a table; ValueError in one sentence if it is not one of this kit and this version.

    A last line without its end is a row that was being written when the writer was killed: it is
    left out.
    """
    try:
        whole, _, _ = path.read_text("utf-8").rpartition("\n")
        header, *lines = csv.reader(io.StringIO(whole)) if whole else [[]]
    except (UnicodeDecodeError, csv.Error):
        header, lines = [], []
    if header[:1] != ["schema"]:
        raise ValueError(f"{path} is not a table of this kit: name another file")
    other = next((line[0] for line in lines if line and line[0] != SCHEMA), None)
    if other is not None or tuple(header) != COLUMNS:
        raise ValueError(
            f"{path} was written by another version of the kit, with "
            f"{'other columns' if other is None else repr(other)}, and this one reads "
            f"{SCHEMA!r}: name another file"
        )
    rows = []
    for number, line in enumerate(lines, start=2):
        try:
            cells = zip(COLUMNS, line, strict=True)
            rows.append({name: _TYPES[name](value) if value else None for name, value in cells})
        except ValueError:
            raise ValueError(f"{path} is damaged in line {number}: delete that line") from None
    return rows
