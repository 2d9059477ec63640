"""Tables of results: a CSV file, a row for each result, that survives the end of its writer.

Times are milliseconds, ``usage_*`` and ``*_bytes`` bytes, ``pages_*`` and the counts of ``file_*``
system pages; a cell is empty where there is no figure. Beside each result stand the published
figure and the ratio of populating to touching, which ``studies.grid`` knows. Every row says which
version of this layout it is.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from prefault_kit.measure.result import VIEWS, Result
from prefault_kit.measure.saved import SCHEMA

_WHOLE = re.compile("-?[0-9]{1,30}")
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?(e[-+]?[0-9]{1,3})?")


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError("a whole number")
    return int(text)


def _decimal(text: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("a number")
    return float(text)


def _times(text: str) -> list[float]:
    if not all(map(_DECIMAL.fullmatch, text.split(" "))):
        raise ValueError("numbers with a blank between them")
    return [float(part) for part in text.split(" ")]


_TYPES: dict[str, Callable[[str], Any]] = {
    "schema": str,
    "backing": str,
    "page_size_bytes": _whole,
    "sharing": str,
    "method": str,
    "size_bytes": _whole,
    "size_mib": _decimal,
    "start": str,
    "threads": _whole,
    "repeats": _whole,
    "file_system": str,
    "outcome": str,
    "best_ms": _decimal,
    "median_ms": _decimal,
    "warmup_ms": _decimal,
    "timings_ms": _times,
    "published_ms": _decimal,
    "ratio_populate_to_touch": _decimal,
    "published_ratio_populate_to_touch": _decimal,
    "errno": str,
    "populated_bytes": _whole,
    **{f"{group}_{name}": _whole for group, names in VIEWS.items() for name in names},
    "message": str,
    "notes": str,
}

COLUMNS = tuple(_TYPES)
"""The columns of a table, in order."""
_RESULT = tuple(
    each.name for each in fields(Result) if each.name in _TYPES and each.name != "notes"
)
"""Those that are a field of the result by the same name."""


def key(result: Result) -> tuple[object, ...]:
    """The cell that a result is of: a table has one row for each."""
    memory = (result.backing, result.page_size_bytes, result.sharing)
    return (*memory, result.method, result.size_bytes)


def result(row: dict[str, Any]) -> Result:
    """The result that a row was made of; what a table does not hold is empty.

    ValueError where the row is not of a result.
    """
    known = {name: row[name] for name in _RESULT if row[name] is not None}
    for group, names in VIEWS.items():
        counts = {name: row[f"{group}_{name}"] for name in names}
        if any(count is not None for count in counts.values()):
            known[group] = counts
    known["notes"] = [row["notes"]] if row["notes"] else []
    return Result.from_dict(known)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(map(repr, value))
    return str(value).replace("\n", " ")


def _text(rows: Iterable[dict[str, Any]]) -> str:
    """Rows as lines of CSV, without the header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([_cell(each[name]) for name in COLUMNS] for each in rows)
    return out.getvalue()


def _parsed(line: Sequence[str]) -> Result:
    """The result that a line of CSV is of; ValueError, in the kit's words, if it is of none."""
    if len(line) != len(COLUMNS):
        raise ValueError(f"it has {len(line)} columns, not {len(COLUMNS)}")
    made: dict[str, Any] = {}
    for name, text in zip(COLUMNS, line, strict=True):
        try:
            made[name] = _TYPES[name](text) if text else None
        except ValueError as error:
            said = repr(text if len(text) <= 40 else f"{text[:40]}...")
            raise ValueError(f"{name} is {said}, not {error}") from None
    return result(made)


def create(path: Path) -> None:
    """Begin a table; FileExistsError if the file is there."""
    with path.open("x", encoding="utf-8") as out:
        out.write(",".join(COLUMNS) + "\n")
        out.flush()
        os.fsync(out.fileno())


def append(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Add rows, each with all :data:`COLUMNS`; they are on disk when this returns."""
    with path.open("a", encoding="utf-8") as out:
        out.write(_text(rows))
        out.flush()
        os.fsync(out.fileno())


def read(path: Path) -> list[Result]:
    """Read a table; ValueError in one sentence if it is not one of this kit and this version."""
    return parse(path.read_bytes(), path)


def parse(data: bytes, path: Path) -> list[Result]:
    """As :func:`read`, of what was read; ``path`` is what errors name.

    A last line without its end is a row that was being written when the writer was killed: it is
    left out.
    """
    try:
        text = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
        whole, _, _ = text.rpartition("\n")
        header, *lines = csv.reader(io.StringIO(whole)) if whole else [[]]
    except (UnicodeDecodeError, csv.Error):
        header, lines = [], []
    if header[:1] != ["schema"]:
        raise ValueError(f"{path} is not a table of this kit: name another file")
    other = next((line[0] for line in lines if line and line[0] != SCHEMA), None)
    if other is not None or tuple(header) != COLUMNS:
        raise ValueError(
            f"{path} was written by another version of the kit, with "
            f"{'other columns' if other is None else repr(other[:40])}, and this one reads "
            f"{SCHEMA!r}: name another file"
        )
    results: dict[tuple[object, ...], Result] = {}
    for number, line in enumerate(lines, start=2):
        try:
            found = _parsed(line)
        except ValueError as error:
            raise ValueError(
                f"{path} is damaged in line {number} ({error}): delete that line"
            ) from None
        if key(found) in results:
            raise ValueError(
                f"{path} has the cell of line {number} twice: delete one of the two lines"
            )
        results[key(found)] = found
    return list(results.values())
