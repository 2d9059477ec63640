"""What a screen does for a while: how far it is, what it does now, how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Protocol, TypeVar

from prefault_kit.measure.worker import Worker

ESTIMATE_AFTER_S = 2.0
"""No time left is estimated before: the first repetitions say little."""


class HasPart(Protocol):
    """Progress that has the part done, 0 to 1."""

    @property
    def part(self) -> float:
        """The part done."""


ProgressT = TypeVar("ProgressT", bound=HasPart)


@dataclass(kw_only=True)
class Job(Generic[ProgressT]):
    """What the worker does. The measuring thread writes, the publishing thread reads."""

    stopped_words: ClassVar[str] = "the memory has been released"
    """What stopping it has brought about."""

    began_s: float = field(default_factory=time.monotonic)
    stopped: bool = False
    error: str | None = None
    done: bool = False
    latest: ProgressT | None = None
    """The last progress that the worker reported."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self.began_s

    @property
    def fraction(self) -> float:
        """The part done, 0 to 1."""
        return float(self.latest.part) if self.latest else 0.0

    def measure(self, worker: Worker, on_progress: Callable[[ProgressT], None]) -> None:
        """Let the worker do the whole job; call ``on_progress`` with what it reports."""
        raise NotImplementedError

    def stop(self, worker: Worker) -> None:
        """End it, from any thread; :meth:`measure` raises WorkerStopped, or sets ``stopped``."""
        worker.stop()

    def record(self, progress: ProgressT) -> None:
        """Take in what the worker reports."""
        self.latest = progress

    def activity(self) -> str:
        """What the job does at this moment."""
        raise NotImplementedError

    def status(self) -> str:
        """What the job does, for how long it has run, and how long it may still take."""
        text, elapsed_s, fraction = self.activity(), self.elapsed_s, self.fraction
        if elapsed_s >= 1:
            text += f", {elapsed_s:.0f} s so far"
        if elapsed_s >= ESTIMATE_AFTER_S and 0 < fraction < 1:
            left_s = elapsed_s * (1 - fraction) / fraction
            text += f", about {max(1, round(left_s))} s left"
        return f"{text}."
