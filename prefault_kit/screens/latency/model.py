"""A watch on the screen without its widgets: which memory, what happens halfway, how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import traitlets

from prefault_kit.measure.worker import Worker
from prefault_kit.memory.backing import Backing
from prefault_kit.screens.model import Bench, Job, Option, Problem
from prefault_kit.studies.latency.latencies import Latencies
from prefault_kit.studies.latency.watch import Watch
from prefault_kit.studies.latency.watching import Progress, run
from prefault_kit.studies.latency.ways import EVENTS, MEMORY, event_problem


@dataclass
class Watching(Job):
    """A watch under way."""

    watch: Watch

    def measure(self, worker: Worker, on_progress: Callable[[Progress], None]) -> None:
        """Watch to the end."""
        run(self.watch, worker=worker, on_progress=on_progress)

    def doing(self) -> str:
        """That it watches, and what."""
        return f"Watching {self.watch.backing.kind}"


class Watcher(Bench):
    """One watch after the other; every trait may be set and observed from a script."""

    memory = traitlets.Unicode("anon")
    directory = traitlets.Unicode(".", help="Where files lie.")
    event = traitlets.Unicode("fork")
    seconds = traitlets.Float(10.0)
    latencies = traitlets.Instance(Latencies, allow_none=True, help="What came so far.")
    problem = traitlets.Instance(Problem, allow_none=True, help="What stops the present choice.")

    def __init__(self, worker: Worker | None = None, **values: Any) -> None:
        super().__init__(worker, **values)
        self._settle()
        self.observe(self._settle, names=["memory", "directory", "event", "seconds"])

    @property
    def backing(self) -> Backing:
        """The chosen memory."""
        return Backing.of(self.memory, directory=self.directory if self.memory == "file" else None)

    def offer(self) -> dict[str, tuple[Option, ...]]:
        """What each control offers."""
        return {
            "memory": tuple(map(Option, MEMORY)),
            "event": tuple(Option(each, event_problem(each, self.backing)) for each in EVENTS),
        }

    def _settle(self, _: Any = None) -> None:
        if event_problem(self.event, self.backing):
            self.event = "nothing"
        self.problem = self._problem()

    def _problem(self) -> Problem | None:
        try:
            refused = self._watch().why_not()
        except ValueError as error:
            return Problem(str(error))
        return Problem(refused.reason, refused.command) if refused else None

    def _watch(self) -> Watch:
        return Watch(self.backing, self.seconds, event=self.event)

    def run(self) -> None:
        """Watch what is chosen; returns at once."""
        self.problem = self._problem()
        if self.problem is not None:
            self._fail(self.problem.reason, self.problem.command)
            return
        self._start(Watching(self._watch()), "Preparing memory ...")

    def _show(self, job: Watching) -> None:
        if job.latest and job.latest.latencies is not self.latencies:
            self.latencies = job.latest.latencies
            self.changed += 1

    def _finish(self, job: Watching) -> None:
        self._show(job)
        if not job.stopped and job.error is None:
            self.status = f"Done in {job.elapsed_s:.0f} s."
