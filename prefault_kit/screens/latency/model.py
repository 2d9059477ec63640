"""The model of a latency probe, without widgets: which memory, what happens halfway, how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import traitlets

from prefault_kit.measure.worker import Worker
from prefault_kit.memory.backing import Backing
from prefault_kit.screens.job import Job
from prefault_kit.screens.model import ScreenModel
from prefault_kit.screens.options import Option, Problem
from prefault_kit.studies.latency import Latencies, Probe, ProbeProgress, run
from prefault_kit.studies.latency.events import EVENTS, FORK, NO_EVENT, event_problem
from prefault_kit.studies.latency.preparations import SHARINGS


@dataclass
class ProbeJob(Job[ProbeProgress]):
    """A probe that runs."""

    probe: Probe

    def measure(self, worker: Worker, on_progress: Callable[[ProbeProgress], None]) -> None:
        """Run the probe."""
        run(self.probe, worker=worker, on_progress=on_progress)

    def activity(self) -> str:
        """That it runs, and on which memory."""
        return f"Probing {self.probe.backing.kind} memory"


class LatencyScreen(ScreenModel[ProbeJob]):
    """One probe after the other; every trait may be set and observed from a script."""

    memory = traitlets.Unicode("anon")
    directory = traitlets.Unicode(".", help="Where a file is made.")
    event = traitlets.Unicode(FORK, help="What happens halfway; of EVENTS.")
    seconds = traitlets.Float(10.0)
    latencies = traitlets.Instance(
        Latencies, allow_none=True, help="What was measured, so far or last."
    )
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
        """The options of each control."""
        return {
            "memory": tuple(map(Option, SHARINGS)),
            "event": tuple(Option(each, event_problem(each, self.backing)) for each in EVENTS),
        }

    def _settle(self, _: object = None) -> None:
        with self._choosing:
            if event_problem(self.event, self.backing):
                self.event = NO_EVENT
            self.problem = self._problem()

    def _problem(self) -> Problem | None:
        try:
            return Problem.of(self._probe().why_not())
        except ValueError as error:
            return Problem(str(error))

    def _probe(self) -> Probe:
        return Probe(self.backing, self.seconds, event=self.event)

    def run(self) -> None:
        """Run the chosen probe; returns at once."""
        self.problem = self._problem()
        if self.problem is not None:
            self._fail(self.problem.reason, self.problem.command)
            return
        self._start(ProbeJob(self._probe()), "Preparing memory ...")

    def _show(self, job: ProbeJob) -> None:
        if job.latest and job.latest.latencies is not self.latencies:
            self.latencies = job.latest.latencies
            self.changed += 1

    def _finish(self, job: ProbeJob) -> None:
        self._show(job)
        if not job.stopped and job.error is None:
            self.status = f"Done in {job.elapsed_s:.0f} s."
