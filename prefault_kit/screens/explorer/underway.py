"""A run under way: what the worker has said of it so far, and how to put that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from prefault_kit.measure import running
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import Progress
from prefault_kit.measure.worker import Worker
from prefault_kit.screens.explorer import rows
from prefault_kit.screens.model import Job


@dataclass(frozen=True)
class Live:
    """The cells that run now, and the one in focus."""

    cells: tuple[rows.Row, ...]
    focus: int


@dataclass
class Run(Job):
    """Cells that run interleaved."""

    cells: list[Experiment]
    focus: int
    title: str
    timings_ms: list[list[float]] = field(default_factory=list)
    views: list[Result | None] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.timings_ms = [[] for _ in self.cells]
        self.views = [None for _ in self.cells]
        self._rows = [rows.of_experiment(cell, ()) for cell in self.cells]

    def measure(self, worker: Worker, on_progress: Callable[[Progress], None]) -> None:
        """Run the cells."""
        self.results = running.run_many(
            self.cells, worker=worker, on_progress=on_progress, early_views=True
        )

    def note(self, progress: Progress) -> None:
        """Take in what the worker says."""
        if progress.phase == "repetition" and progress.repetition > 0:
            self.timings_ms[progress.cell].append(progress.elapsed_ms)
        if progress.views:
            self.views[progress.cell] = progress.views
        super().note(progress)

    @property
    def fraction(self) -> float:
        """Share of the repetitions that are done, 0 to 1; the warm-up counts as one of them."""
        latest: Progress | None = self.latest
        if latest is None or latest.phase == "prepare":
            return 0.0
        done = latest.repetition * len(self.cells) + latest.cell
        if latest.phase == "repetition":
            done += 1
        return done / (len(self.cells) * (latest.repeats + 1))

    def live(self) -> Live:
        """What the charts show of it."""
        cells = tuple(
            rows.further(row, timings, views)
            for row, timings, views in zip(self._rows, self.timings_ms, self.views, strict=True)
        )
        return Live(cells, self.focus)

    def doing(self) -> str:
        """What it does at this moment."""
        latest: Progress | None = self.latest
        if latest is not None and latest.phase == "prepare":
            return f"{self.title}: filling the file, {latest.part:.0%} done"
        if latest is not None and latest.phase == "follow_up":
            return f"{self.title}: last repetition, then one write to each page and a sync"
        return f"{self.title}: {self._next()}"

    def _next(self) -> str:
        """The repetition that runs now: cells take turns within each."""
        done = 0
        if self.latest is not None:
            done = self.latest.repetition * len(self.cells) + self.latest.cell + 1
        repetition, cell = divmod(done, len(self.cells))
        repeats = self.cells[0].repeats
        method = f" ({self.cells[cell].method})" if len(self.cells) > 1 else ""
        if repetition == 0:
            return f"warm-up{method}"
        return f"repetition {min(repetition, repeats)} of {repeats}{method}"
