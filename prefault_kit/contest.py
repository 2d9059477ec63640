"""A contest: several ways to do the same, each on a fresh mapping of the same memory, interleaved.

For a question that no method of the grid and no workload of a review asks. A way is a function of
the mapping; it runs in this process, so nothing of it may raise SIGBUS.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prefault_kit import markdown
from prefault_kit.backing import Backing
from prefault_kit.experiment import Experiment
from prefault_kit.mapping import Mapping as Memory
from prefault_kit.quantities import format_ms
from prefault_kit.stage import Stage


@dataclass(frozen=True)
class Entry:
    """What one way came to."""

    times_ms: tuple[float, ...]
    """Of each repetition, in order, without the warm-up."""
    said: object
    """What it returned the last time."""

    @property
    def best_ms(self) -> float:
        """The shortest."""
        return min(self.times_ms)


@dataclass(frozen=True)
class Contest:
    """The ways, in the order in which they were given."""

    entries: Mapping[str, Entry]

    def ratio(self, way: str, over: str) -> float:
        """The best time of one way over that of another."""
        return self.entries[way].best_ms / self.entries[over].best_ms

    def said(self) -> dict[str, object]:
        """What each way returned."""
        return {name: entry.said for name, entry in self.entries.items()}

    def __repr__(self) -> str:
        first = next(iter(self.entries))
        rows = []
        for name, entry in self.entries.items():
            best, median = entry.best_ms, statistics.median(entry.times_ms)
            ratio = f"{self.ratio(name, first):.2f}"
            rows.append((name, format_ms(best), format_ms(median), ratio))
        return markdown.table(("way", "best", "median", f"over {first}"), rows)

    _repr_markdown_ = __repr__


def run(
    ways: Mapping[str, Callable[[Memory], object]],
    backing: Backing,
    size_bytes: int,
    sharing: str = "private",
    *,
    start: str = "empty",
    repeats: int = 5,
    thp: bool | None = False,
) -> Contest:
    """Time ``ways`` on memory in its start state, which is as in an Experiment, and ``thp`` as in
    a Mapping. OSError, in a sentence, where this host has no room for it."""
    experiment = Experiment(backing, sharing, "Write", size_bytes, start=start, repeats=repeats)
    if missing := experiment.why_not():
        raise OSError(str(missing))
    times: dict[str, list[float]] = {name: [] for name in ways}
    said: dict[str, object] = {}
    stage = Stage(experiment)
    try:
        for _ in stage.prepare():
            pass
        for repetition in range(repeats + 1):  # 0 warms up
            for name, way in ways.items():
                stage.reset()
                with Memory(backing, size_bytes, sharing, fd=stage.fd, thp=thp) as memory:
                    began_ns = time.monotonic_ns()
                    said[name] = way(memory)
                    if repetition:
                        times[name].append((time.monotonic_ns() - began_ns) / 1e6)
    finally:
        stage.close()
    return Contest({name: Entry(tuple(times[name]), said[name]) for name in ways})
