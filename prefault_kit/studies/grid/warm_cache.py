"""The puzzle of the published table: which of its rows met a warm page cache.

Each figure is divided by the time to write private anonymous memory on the same machine, so that
two machines compare; a published row then fits the start state whose figure it is clearly nearer
to, or neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prefault_kit.measure.result import Result
from prefault_kit.studies.grid.conclusions import (
    PRIVATE,
    SMALL,
    Memory,
    as_published,
    base_page_bytes,
)
from prefault_kit.studies.grid.published import published_ms

YARDSTICK = ("private", "anon", SMALL), "Write"
"""What every machine's figures are divided by: no file, so no page cache."""
WITH_A_FILE = tuple(memory for memory in PRIVATE if memory[1] != "anon")
TELLING = 1.25
"""A state fits if the published figure is nearer to it by this factor: so much machines differ."""


@dataclass(frozen=True)
class Fit:
    """A published row beside the two states: each in units of the yardstick of its machine."""

    memory: Memory
    method: str
    size_bytes: int
    published: float
    empty: float
    cached: float

    @property
    def state(self) -> str:
        """``empty`` or ``cached``, by ratio; ``either`` where the figure is as near to both."""
        apart = abs(math.log(self.published / self.empty))
        nearer = apart - abs(math.log(self.published / self.cached))
        if abs(nearer) < math.log(TELLING):
            return "either"
        return "cached" if nearer > 0 else "empty"


def fits(size_bytes: int, empty: Sequence[Result], cached: Sequence[Result]) -> Iterator[Fit]:
    """Every published row of private memory with a file, beside grids of both starts.

    Anonymous memory has no page cache, and the shared rows are not in doubt: they allocate. None
    without the yardstick.
    """
    figures = [_best(results, size_bytes) for results in (empty, cached)]
    units = figures[0].get(YARDSTICK)
    theirs = _published(*YARDSTICK, size_bytes)
    if not units or not theirs:
        return
    for key, warm in figures[1].items():
        memory, method = key
        figure = _published(memory, method, size_bytes)
        if memory in WITH_A_FILE and figure and key in figures[0]:
            mine = figures[0][key] / units, warm / units
            yield Fit(memory, method, size_bytes, figure / theirs, *mine)


def private_over_shared(size_bytes: int) -> dict[tuple[str, str], float]:
    """Published ratios of reading a file's private mapping to its shared one, by kind and method.

    Of an empty file both do the same work; far below 1, the private mapping met a page cache.
    """
    found = {}
    for _, kind, page in WITH_A_FILE:
        for method in ("Read", "POPULATE_READ"):
            private, shared = (
                _published((sharing, kind, page), method, size_bytes)
                for sharing in ("private", "shared")
            )
            if private and shared:
                found[kind, method] = private / shared
    return found


def _published(memory: Memory, method: str, size_bytes: int) -> float | None:
    sharing, kind, page = memory
    return published_ms(kind, page, sharing, method, size_bytes)


def _best(results: Sequence[Result], size_bytes: int) -> dict[tuple[Memory, str], float]:
    base = base_page_bytes(results)
    return {
        (as_published(result, base), result.method): result.best_ms or 0.0
        for result in results
        if result.size_bytes == size_bytes and result.outcome == "ok"
    }
