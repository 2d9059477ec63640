"""The explorer's job: cells that run interleaved, with what is known of each so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prefault_kit import host
from prefault_kit.measure import running
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import Progress
from prefault_kit.measure.worker import Worker
from prefault_kit.screens.job import Job


@dataclass(frozen=True)
class LiveResults:
    """The cells that run now, as results with outcome ``running``, and the one in focus."""

    results: tuple[Result, ...]
    focus: int


class ExplorerJob(Job[Progress]):
    """Cells that run interleaved; ``results`` is empty until all are done."""

    def __init__(self, cells: Sequence[Experiment], focus: int, title: str) -> None:
        super().__init__()
        self.cells = cells
        self.focus = focus
        self.title = title
        self.results: list[Result] = []
        self.timings_ms: list[list[float]] = [[] for _ in cells]
        facts = host.facts()  # once: they take milliseconds
        self._so_far = [Result.of(cell, "running", host=facts) for cell in cells]

    def measure(self, worker: Worker, on_progress: Callable[[Progress], None]) -> None:
        """Run the cells."""
        self.results = running.run_many(
            self.cells, worker=worker, on_progress=on_progress, early_views=True
        )

    def record(self, progress: Progress) -> None:
        """Take in what the worker reports."""
        if progress.phase == "repetition" and progress.repetition > 0:
            self.timings_ms[progress.cell].append(progress.elapsed_ms)
        if progress.views:
            self._so_far[progress.cell] = progress.views
        super().record(progress)

    @property
    def fraction(self) -> float:
        """The part of the repetitions that is done, 0 to 1; the warm-up counts as one of them."""
        latest = self.latest
        if latest is None or latest.phase == "prepare":
            return 0.0
        done = latest.repetition * len(self.cells) + latest.cell
        if latest.phase == "repetition":
            done += 1
        return done / (len(self.cells) * (latest.repeats + 1))

    def live(self) -> LiveResults:
        """What the charts show of it: timings so far, and the views of the warm-up."""
        results = map(running.timed, self._so_far, self.timings_ms)
        return LiveResults(tuple(results), self.focus)

    def activity(self) -> str:
        """What runs at this moment."""
        latest = self.latest
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
