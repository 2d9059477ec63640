"""Times of cells side by side: each host's, and its ratio to the first host's with its interval."""

from __future__ import annotations

import fnmatch
import math
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prefault_kit.measure import intervals
from prefault_kit.measure.intervals import Ratio
from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.comparison.recorded import Run

FEWEST = 3
"""Repetitions that an interval takes."""
BASE = "base pages"
"""The page size of memory that is not huge, where hosts have it in different sizes."""
FASTER, SLOWER, NOISE = "faster", "slower", "within noise"


@dataclass(frozen=True)
class Entry:
    """One host's figures of a cell."""

    outcome: str
    errno: str | None
    repeats: int
    best_ms: float | None
    median_ms: float | None
    ratio: float | None
    """Of medians, to the first host's; None of the first itself, or without one of the two."""
    low: float | None
    high: float | None
    """Its confidence interval; None with fewer than :data:`FEWEST` repetitions."""
    best_ratio: float | None

    @property
    def verdict(self) -> str | None:
        """One of :data:`FASTER`, :data:`SLOWER`, :data:`NOISE`; None without an interval."""
        if self.low is None or self.high is None:
            return None
        if self.high < 1:
            return FASTER
        return SLOWER if self.low > 1 else NOISE


@dataclass(frozen=True)
class Cell:
    """A cell, and what each run has of it: None where it was not run."""

    sharing: str
    backing: str
    page_size_bytes: int | None
    """None of base pages, where hosts have them in different sizes."""
    method: str
    size_bytes: int
    start: str
    threads: int
    entries: tuple[Entry | None, ...]

    @property
    def page(self) -> str:
        """The page size in words."""
        return BASE if self.page_size_bytes is None else format_bytes(self.page_size_bytes)

    @property
    def memory(self) -> str:
        """All but the method: ``shared memfd 4 KiB, 2 MiB``, and what is not usual."""
        name = f"{self.sharing} {self.backing} {self.page}, {format_bytes(self.size_bytes)}"
        name += "" if self.start == "empty" else f", {self.start}"
        return name if self.threads == 1 else f"{name}, {self.threads} threads"

    def is_named(self, pattern: str) -> bool:
        """Whether each word, a glob in any case, is one of the cell's."""
        size, page = (each.replace(" ", "") for each in (format_bytes(self.size_bytes), self.page))
        parts = [self.sharing, self.backing, page, self.method, size, self.start]
        joined = re.sub(r"(\d)\s+([KMG]i?B)\b", r"\1\2", pattern, flags=re.IGNORECASE)
        words = joined.casefold().split()
        return bool(words) and all(
            any(fnmatch.fnmatchcase(part.casefold(), word) for part in parts) for word in words
        )


@dataclass(frozen=True)
class Summary:
    """One run against the first, over all cells that both have."""

    compared: int
    faster: int
    slower: int
    noise: int
    ratio: float | None
    """The median of the cells' ratios; None if no cell is in both."""
    least: float | None
    most: float | None
    missing: int
    """Cells that only one of the two has a time of."""


Key = tuple[str, str, int | None, str, int, str, int]


def cells(runs: Sequence[Run]) -> tuple[Cell, ...]:
    """Every cell that any run has, in the order of the first run, with the figures of each."""
    bases = {run.page_size_bytes for run in runs}
    by_run = [dict(_keyed(run, len(bases) > 1)) for run in runs]
    keys = dict.fromkeys(key for known in by_run for key in known)
    return tuple(Cell(*key, tuple(_entries([known.get(key) for known in by_run]))) for key in keys)


def _keyed(run: Run, differ: bool) -> Iterator[tuple[Key, Result]]:
    """The results by cell; base pages of different sizes are one cell's."""
    for each in run.results:
        page = (
            None if differ and each.page_size_bytes == run.page_size_bytes else each.page_size_bytes
        )
        what = (each.sharing, each.backing, page, each.method, each.size_bytes)
        yield (*what, each.start, each.threads), each


def _entries(results: Sequence[Result | None]) -> Iterator[Entry | None]:
    first = _times(results[0])
    others = [_times(each) for each in results[1:]]
    enough = [min(len(first), len(times)) >= FEWEST for times in others]
    found = iter(
        intervals.of_apart([each for each, fits in zip(others, enough, strict=True) if fits], first)
    )
    yield _entry(results[0], (), (), None)
    for result, times, fits in zip(results[1:], others, enough, strict=True):
        yield _entry(result, times, first, next(found) if fits else None)


def _times(result: Result | None) -> tuple[float, ...]:
    """The times of a cell that was run; none where one is too short for the clock."""
    if result is None or result.outcome != "ok" or not all(result.timings_ms):
        return ()
    return tuple(result.timings_ms)


def _entry(
    result: Result | None, times: Sequence[float], first: Sequence[float], found: Ratio | None
) -> Entry | None:
    if result is None:
        return None
    ratio = best = None
    if times and first:
        ratio = statistics.median(times) / statistics.median(first)
        best = min(times) / min(first)
    low, high = (found.low, found.high) if found else (None, None)
    known = (result.outcome, result.errno, result.repeats, result.best_ms, result.median_ms)
    return Entry(*known, ratio, low, high, best)


def summary(found: Sequence[Cell], at: int) -> Summary:
    """What the run at this place is against the first."""
    ratios, verdicts, missing = [], [], 0
    for cell in found:
        entry, first = cell.entries[at], cell.entries[0]
        if entry is not None and entry.ratio is not None:
            ratios.append(entry.ratio)
            verdicts.append(entry.verdict)
        elif any(each is not None and each.outcome == "ok" for each in (entry, first)):
            missing += 1
    middle = math.exp(statistics.median(map(math.log, ratios))) if ratios else None
    return Summary(
        len(ratios),
        verdicts.count(FASTER),
        verdicts.count(SLOWER),
        verdicts.count(NOISE),
        middle,
        min(ratios, default=None),
        max(ratios, default=None),
        missing,
    )
