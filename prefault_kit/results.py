"""Results beside the figures published in 2021, as rows of a table, and saved as JSON."""

from __future__ import annotations

import csv
import functools
import io
import json
import os
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from prefault_kit import methods
from prefault_kit.experiment import Experiment, Result
from prefault_kit.quantities import parse_bytes
from prefault_kit.tables import COLUMNS, GROUPS, SCHEMA, Row

HUGE_BYTES = 2 << 20
"""The huge pages of the published table."""


# The published table


@functools.cache
def _published() -> dict[tuple[str, int, str, str, int], float]:
    """Every published figure by backing, page size, sharing, method and size."""
    pages = {"tmpfs": "4 KiB", "file": "4 KiB", "hugetlbfs": "2 MiB"}
    text = (resources.files("prefault_kit") / "published_timings.csv").read_text("utf-8")
    table = {}
    for line in csv.DictReader(io.StringIO(text)):
        kind, _, page = line["backing"].partition(" ")
        memory = kind.lower(), parse_bytes(page or pages[kind])
        key = (*memory, line["sharing"], line["method"], int(line["size_mib"]) << 20)
        table[key] = float(line["min_of_10_ms"])
    return table


def published_ms(
    backing: str, page_size_bytes: int, sharing: str, method: str, size_bytes: int
) -> float | None:
    """The shortest of ten repetitions that was published for a cell; None without one.

    ``backing`` is the kit's word for it (``anon``). Source: data/README.md.
    """
    return _published().get((backing, page_size_bytes, sharing, method, size_bytes))


def _memory(cell: Experiment | Result) -> tuple[str, int]:
    if isinstance(cell, Experiment):
        return cell.backing.kind, cell.backing.page_size_bytes
    return cell.backing, cell.page_size_bytes


def published(cell: Experiment | Result) -> float | None:
    """The published figure beside an experiment or its result, in ms; None without one.

    One thread was measured then, so there is none beside more.
    """
    if cell.threads != 1:
        return None
    return published_ms(*_memory(cell), cell.sharing, cell.method, cell.size_bytes)


def published_note(cell: Experiment | Result) -> str | None:
    """Why the published figure may not compare with this cell, in words; None if it may."""
    kind, page_size_bytes = _memory(cell)
    if (
        cell.start == "empty"
        and cell.sharing == "private"
        and (kind in ("tmpfs", "file") or (kind == "memfd" and page_size_bytes < HUGE_BYTES))
        and published(cell) is not None
    ):
        return (
            "The published figure of this cell looks like that of a warm page cache: compare it "
            "with start cached."
        )
    return None


def touch_of(method: str) -> str | None:
    """The method that touches what this one populates: the other side of the ratio."""
    touch = method.replace("POPULATE_READ", "Read").replace("POPULATE_WRITE", "Write")
    return touch if touch != method and touch in methods.METHODS else None


# Rows


def _ratio(part: float | None, whole: float | None) -> float | None:
    return round(part / whole, 4) if part and whole else None


def row(result: Result, touch: Row | None = None) -> Row:
    """A result as a row. ``touch`` is the row of :func:`touch_of` its method on the same memory."""
    touch = touch or {}
    figure = published(result)
    data = result.as_dict()
    made: Row = dict.fromkeys(COLUMNS)
    made.update({name: data[name] for name in COLUMNS if name in data})
    made.update(
        schema=SCHEMA,
        size_mib=result.size_bytes / (1 << 20),
        published_ms=figure,
        ratio_populate_to_touch=_ratio(result.best_ms, touch.get("best_ms")),
        published_ratio_populate_to_touch=_ratio(figure, touch.get("published_ms")),
        message=without_paths(result.message) if result.message else None,
        notes=" ".join(filter(None, (*result.notes, published_note(result)))) or None,
    )
    for group, names in GROUPS.items():
        counts = data[group] or {}
        made.update({f"{group}_{name}": counts.get(name) for name in names})
    return made


def without_paths(text: str, known: Iterable[str] = ()) -> str:
    """Put DIR for the paths in a message: what is saved may be shown to others.

    ``known`` paths are found even with blanks in them; the kernel's own (/proc, /sys, /dev) stay.
    """
    for path in known:
        text = re.sub(rf"(?<![\w/.]){re.escape(path)}(?![\w])", "DIR", text)
    return re.sub(r"(?<![^\s'\"(])/(?!(?:dev|proc|sys)\b)[^\s'\":,;)]+", "DIR", text)


# Saved results


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("x", encoding="utf-8") as out:
            json.dump(data, out, indent=1)
            out.write("\n")
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Read what :func:`write_json` wrote; ValueError if it is not ours or of another version."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except ValueError:  # also of undecodable bytes
        data = None
    if not isinstance(data, dict) or "schema" not in data:
        raise ValueError(f"{path} is not {what} of this kit: name another file")
    if data["schema"] != SCHEMA:
        raise ValueError(
            f"{path} was written by another version of the kit ({data['schema']!r}, this one "
            f"reads {SCHEMA!r}): name another file"
        )
    return data


def save(results: Sequence[Result], path: Path, *, overwrite: bool = False) -> None:
    """Save results as JSON; FileExistsError for a file that is there, unless ``overwrite``."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already")
    saved = []
    for result in results:
        data = result.as_dict()
        for name in ("message", "command"):
            data[name] = without_paths(data[name]) if data[name] else None
        saved.append(data)
    write_json(path, {"schema": SCHEMA, "results": saved})


def load(path: Path) -> list[Result]:
    """Load what :func:`save` wrote; ValueError if it is not ours or of another version."""
    data = read_json(path, "a file of saved results")
    entries = data.get("results")
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise ValueError(f"{path} is not a file of saved results of this kit: name another file")
    try:
        return [Result.from_dict(each) for each in entries]
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
