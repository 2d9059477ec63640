"""The figures published in 2021, beside a cell or its result."""

from __future__ import annotations

import csv
import functools
import io
from importlib import resources

from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import parse_bytes

HUGE_BYTES = 2 << 20
"""The huge pages of the published table."""


@functools.cache
def _published() -> dict[tuple[str, int, str, str, int], float]:
    """Every published figure by backing, page size, sharing, method and size."""
    pages = {"tmpfs": "4 KiB", "file": "4 KiB", "hugetlbfs": "2 MiB"}
    text = (resources.files(__package__) / "published_timings.csv").read_text("utf-8")
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
