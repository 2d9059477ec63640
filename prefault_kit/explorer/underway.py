"""A run under way: what the worker has said of it so far, and how to put that."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from prefault_kit.experiment import Experiment, Progress, Result
from prefault_kit.explorer import rows

ESTIMATE_AFTER_S = 2.0
"""No time left is named before: the first repetitions tell little."""


@dataclass(frozen=True)
class Live:
    """The cells that run now, the one in focus, and how far they are (0 to 1)."""

    cells: tuple[rows.Row, ...]
    focus: int
    fraction: float


@dataclass
class Run:
    """Cells that run interleaved. The measuring thread writes, the publishing thread reads."""

    cells: list[Experiment]
    focus: int
    title: str
    began_s: float = field(default_factory=time.monotonic)
    timings_ms: list[list[float]] = field(default_factory=list)
    views: list[Result | None] = field(default_factory=list)
    latest: Progress | None = None
    results: list[Result] = field(default_factory=list)
    stopped: bool = False
    error: str | None = None
    done: bool = False

    def __post_init__(self) -> None:
        self.timings_ms = [[] for _ in self.cells]
        self.views = [None for _ in self.cells]
        self._rows = [rows.of_experiment(cell, ()) for cell in self.cells]

    @property
    def elapsed_s(self) -> float:
        """Seconds since Run was pressed."""
        return time.monotonic() - self.began_s

    def note(self, progress: Progress) -> None:
        """Take in what the worker says."""
        if progress.phase == "repetition" and progress.repetition > 0:
            self.timings_ms[progress.cell].append(progress.elapsed_ms)
        if progress.views:
            self.views[progress.cell] = progress.views
        self.latest = progress

    @property
    def fraction(self) -> float:
        """Share of the repetitions that are done, 0 to 1; the warm-up counts as one of them."""
        latest = self.latest
        if latest is None:
            return 0.0
        if latest.phase == "prepare":
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
        return Live(cells, self.focus, self.fraction)

    def words(self) -> str:
        """What it does at this moment, and how long that may take."""
        text, latest, elapsed_s = self.title, self.latest, self.elapsed_s
        if latest is not None and latest.phase == "prepare":
            text += f": filling the file, {latest.part:.0%} done"
        elif latest is not None and latest.phase == "follow_up":
            text += ": last repetition, then one write to each page and a sync"
        else:
            text += f": {self._next()}"
        if elapsed_s >= 1:
            text += f", {elapsed_s:.0f} s so far"
        if elapsed_s >= ESTIMATE_AFTER_S and 0 < self.fraction < 1:
            left_s = elapsed_s * (1 - self.fraction) / self.fraction
            text += f", about {max(1, round(left_s))} s left"
        return f"{text}."

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
