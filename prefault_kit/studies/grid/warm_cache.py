"""The puzzle of the published table: which of its rows met a warm page cache.

Each figure is taken in units of what writing private anonymous memory takes on the same machine, so
that two machines compare; a published row then fits the start state whose figure it is clearly
nearer to, or neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prefault_kit.measure.result import Result
from prefault_kit.studies.grid.conclusions import PRIVATE, SMALL, Memory
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

    Anonymous memory has no page cache, and the shared rows are not in doubt: they allocate.
    """
    figures = [_best(results, size_bytes) for results in (empty, cached)]
    memory, method = YARDSTICK
    units = figures[0][memory, method]
    theirs = published_ms(memory[1], memory[2], memory[0], method, size_bytes)
    for key, warm in figures[1].items():
        memory, method = key
        figure = published_ms(memory[1], memory[2], memory[0], method, size_bytes)
        if memory in WITH_A_FILE and figure and theirs and key in figures[0]:
            mine = figures[0][key] / units, warm / units
            yield Fit(memory, method, size_bytes, figure / theirs, *mine)


def _best(results: Iterable[Result], size_bytes: int) -> dict[tuple[Memory, str], float]:
    return {
        ((result.sharing, result.backing, result.page_size_bytes), result.method): result.best_ms
        or 0.0
        for result in results
        if result.size_bytes == size_bytes and result.outcome == "ok"
    }
