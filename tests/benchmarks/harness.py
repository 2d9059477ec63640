"""What the matrix costs beside what it measures."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefault_kit.measure.worker import Event, Task, Worker
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.grid import matrix
from prefault_kit.studies.grid.cells import Grid

from . import spent
from .findings import Finding, NotMeasured

KINDS = {
    "timed": "timed parts",
    "files": "files made, emptied, closed",
    "release": "unmapping",
    "mapping": "mapping",
    "views": "looking",
}
"""What the worker's seconds go to."""


class SpendingWorker(Worker):
    """A worker that keeps account of its seconds: ``spent`` by kind."""

    def __init__(self) -> None:
        super().__init__()
        self.spent: Counter[str] = Counter()

    def stream(self, task: Task, payload: dict[str, Any]) -> Iterator[Event]:
        """As the worker's own, but for the last word, which is kept here."""
        for word in super().stream(spent.measure, payload):
            if spent.KEY in word:
                self.spent.update(word[spent.KEY])
            else:
                yield word


def overhead(grid: Grid) -> Finding | NotMeasured:
    """Run a grid as ``prefault-kit matrix`` does; wall time over timed parts and file preparation.

    The warm-up repetitions count as timed parts. What the kernel takes to unmap memory does not,
    though no harness could spare it.
    """
    sizes = " and ".join(format_bytes(size) for size in grid.sizes_bytes)
    budget = f"matrix of {sizes}: wall over timed parts and file preparation"
    with tempfile.TemporaryDirectory() as directory, SpendingWorker() as worker:
        began = time.perf_counter()
        results = matrix.run(grid, Path(directory) / "bench.csv", worker=worker)
        wall = time.perf_counter() - began
    kinds = worker.spent
    done = sum(each.outcome == "ok" for each in results)
    if not done:
        return NotMeasured(budget, "no cell of the grid can run here")
    rest = wall - sum(kinds.values())
    parts = ", ".join(f"{words} {kinds[kind]:.2f}" for kind, words in KINDS.items())
    return Finding(
        budget,
        wall / (kinds["timed"] + kinds["files"]),
        1.15,
        detail=f"{done} of {len(results)} cells; wall {wall:.2f} s: {parts}, all else {rest:.2f}",
    )
