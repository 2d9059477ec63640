"""A run as the charts see it, finished or still under way: one row each."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.grid import published

SHARES = ("zero", "clean", "dirty", "anonymous", "huge")
"""How resident memory is split; every byte is in one share at most."""


@dataclass(frozen=True)
class Row:
    """One cell: what it is, its timings so far, and its result once there is one."""

    method: str
    memory: str
    """Backing and page size, as published: ``Anon 4 KiB``."""
    sharing: str
    size_bytes: int
    start: str
    repeats: int
    timings_ms: tuple[float, ...]
    published_ms: float | None
    result: Result | None = None
    under_way: bool = False
    """Whether it still runs; the result is then that of the warm-up, or None before it."""

    @property
    def best_ms(self) -> float | None:
        """The shortest repetition; None before the first."""
        return min(self.timings_ms, default=None)

    @property
    def median_ms(self) -> float | None:
        """The median repetition; None before the first."""
        return statistics.median(self.timings_ms) if self.timings_ms else None

    @property
    def size(self) -> str:
        """The size in words."""
        return format_bytes(self.size_bytes)

    @property
    def traits(self) -> tuple[str, ...]:
        """What tells one cell from another beside the method."""
        return (self.memory, self.sharing, self.size, f"{self.start} start")


def of_experiment(cell: Experiment, timings_ms: Sequence[float]) -> Row:
    """The row of an experiment under way."""
    return Row(
        method=cell.method,
        memory=cell.backing.label,
        sharing=cell.sharing,
        size_bytes=cell.size_bytes,
        start=cell.start,
        repeats=cell.repeats,
        timings_ms=tuple(timings_ms),
        published_ms=published.published(cell),
        under_way=True,
    )


def further(row: Row, timings_ms: Sequence[float], views: Result | None) -> Row:
    """The same row, further on."""
    return replace(row, timings_ms=tuple(timings_ms), result=views)


def of_result(result: Result) -> Row:
    """The row of a finished run."""
    return Row(
        method=result.method,
        memory=Backing(result.backing, result.page_size_bytes).label,
        sharing=result.sharing,
        size_bytes=result.size_bytes,
        start=result.start,
        repeats=result.repeats,
        timings_ms=tuple(result.timings_ms),
        published_ms=published.published(result),
        result=result,
    )


def common(rows: Sequence[Row]) -> str:
    """What all rows share beside the method: ``Anon 4 KiB, private, 2 MiB, empty start``."""
    values = [set(column) for column in zip(*(row.traits for row in rows), strict=True)]
    return ", ".join(value.pop() for value in values if len(value) == 1)


def labels(rows: Sequence[Row]) -> list[str]:
    """A label for each row, unique, that names the method and what differs between the rows."""
    columns = [set(column) for column in zip(*(row.traits for row in rows), strict=True)]
    names = [
        "\n".join(
            filter(
                None,
                (
                    row.method,
                    ", ".join(
                        value
                        for value, column in zip(row.traits, columns, strict=True)
                        if len(column) > 1
                    ),
                ),
            )
        )
        for row in rows
    ]
    total, seen = Counter(names), Counter[str]()
    unique = []
    for name in names:
        seen[name] += 1
        number = f" #{seen[name]}" if total[name] > 1 else ""
        head, newline, rest = name.partition("\n")
        unique.append(f"{head}{number}{newline}{rest}")
    return unique


def shares_bytes(result: Result) -> dict[str, int]:
    """Split what is resident: bytes by share. A figure the kernel lacks counts as 0.

    ``anonymous`` holds private copies of small pages, ``huge`` hugetlb and anonymous huge pages,
    ``clean`` and ``dirty`` the pages of a file or of shared memory.
    """
    usage = {name: value or 0 for name, value in (result.usage or {}).items()}
    page_size_bytes = Backing.anon().page_size_bytes
    anon_huge = usage.get("anon_huge", 0)
    anonymous = usage.get("anonymous", 0)
    clean = usage.get("shared_clean", 0) + usage.get("private_clean", 0)
    dirty = usage.get("shared_dirty", 0) + usage.get("private_dirty", 0)
    anonymous_clean = max(0, anonymous - dirty)  # read back from swap, not written since
    return {
        "zero": ((result.pages or {}).get("zero") or 0) * page_size_bytes,
        "clean": clean - anonymous_clean,
        "dirty": max(0, dirty - anonymous),
        "anonymous": anonymous - anon_huge,
        "huge": anon_huge + usage.get("shared_hugetlb", 0) + usage.get("private_hugetlb", 0),
    }


def phases(result: Result) -> list[dict[str, Any]]:
    """The follow-up's phases; without one, the state after the method as the only phase."""
    if result.phases:
        return result.phases
    if result.outcome != "ok":
        return []
    counts = result.file or dict.fromkeys(("cached", "dirty", "writeback"))
    return [{"phase": "method", **counts, "minor_faults": (result.faults or {}).get("minor")}]
