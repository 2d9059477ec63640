"""The reviewer's model, without widgets: the workload, the weights, what was measured.

Every trait may be set and observed from a script. :meth:`Reviewer.run` returns at once. Weights
may be changed at any time: nothing is measured again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import traitlets
from traitlets import Bunch

from prefault_kit.measure.worker import Worker
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.screens.job import Job
from prefault_kit.screens.model import ScreenModel
from prefault_kit.screens.options import Problem
from prefault_kit.screens.reviewer.form import OWN_FILE, WorkloadForm
from prefault_kit.show import review as review_text
from prefault_kit.show import review_export
from prefault_kit.studies.review import Review, ReviewProgress, Weights, Workload, running
from prefault_kit.studies.review.presets import PRESETS, Preset

CONTROLS = tuple(WorkloadForm.__dataclass_fields__)
WEIGHTS = tuple(each.name for each in fields(Weights))
FIRST_PRESET = "fake-nvdimm"
"""What is chosen at the beginning: the case that the debate was about."""


@dataclass
class ReviewJob(Job[ReviewProgress]):
    """A review that is being measured."""

    workload: Workload
    sweep: bool
    review: Review | None = None

    def measure(self, worker: Worker, on_progress: Callable[[ReviewProgress], None]) -> None:
        """Measure every candidate."""
        self.review = running.run(
            self.workload, sweep=self.sweep, worker=worker, on_progress=on_progress
        )

    def activity(self) -> str:
        """The candidate and the repetition."""
        return f"Measuring: {self.latest.words}" if self.latest else "Measuring"


class Reviewer(ScreenModel[ReviewJob]):
    """READ or WRITE, for one workload after the other."""

    # The controls; see WorkloadForm
    backing = traitlets.Unicode("file")
    directory = traitlets.Unicode("")
    existing_file = traitlets.Unicode("")
    sharing = traitlets.Unicode("shared")
    size = traitlets.Unicode("256 MiB")
    content = traitlets.Unicode("hole")
    read = traitlets.Float(1.0)
    write = traitlets.Float(0.0)
    pattern = traitlets.Unicode("random")
    afterwards = traitlets.Unicode("sync")
    threads = traitlets.Int(1)
    repeats = traitlets.Int(5)
    sweep = traitlets.Bool(True, help="Whether other written fractions are measured too.")

    # The weights; see Weights
    startup = traitlets.Float(1.0)
    tail = traitlets.Float(0.0)
    written = traitlets.Float(0.0)
    memory = traitlets.Float(0.0)

    preset = traitlets.Unicode(
        "", help="The preset that set controls and weights; set it to set them."
    )
    offer = traitlets.Dict(help="Control name -> tuple of Option.")
    problem = traitlets.Instance(Problem, allow_none=True, help="What stops the present workload.")
    review = traitlets.Instance(Review, allow_none=True, help="What was measured last.")

    def __init__(self, worker: Worker | None = None, **values: Any) -> None:
        self._quiet = False
        super().__init__(worker, **values)
        if not values:
            self.preset = FIRST_PRESET
        self._apply()
        self._changed()
        self.observe(self._apply, names="preset")
        self.observe(self._settle, names=CONTROLS)
        self.observe(self._weigh, names=WEIGHTS)

    @property
    def form(self) -> WorkloadForm:
        """The controls as one record."""
        return WorkloadForm(**{name: getattr(self, name) for name in CONTROLS})

    @property
    def weights(self) -> Weights:
        """The weights as one record."""
        return Weights(**{name: getattr(self, name) for name in WEIGHTS})

    def check(self) -> None:
        """Ask the host again what it can run."""
        self._changed()

    def _apply(self, _: object = None) -> None:
        """Set controls and weights to those of the preset."""
        with self._choosing:
            self._apply_preset(PRESETS.get(self.preset))

    def _apply_preset(self, found: Preset | None) -> None:
        if found is None:
            return
        if found.not_testable:
            self._fail(f"{found.id} is not testable here: {found.not_testable}")
            self.preset = ""
            return
        load = found.workload(self.directory or ".")
        words = {name: getattr(load, name) for name in CONTROLS if hasattr(load, name)}
        words |= {"backing": found.kind, "existing_file": "", "size": format_bytes(load.size_bytes)}
        with self._quietly():
            for name, value in (words | asdict(found.weights)).items():
                self.set_trait(name, value)
        self._changed()
        self.changed += 1

    def _settle(self, change: Bunch | None = None) -> None:
        """A control was changed: update what is on offer."""
        with self._choosing:
            if self._quiet:
                return
            other = change is not None and change["name"] in ("backing", "existing_file")
            if other and self.backing == OWN_FILE:
                with self._quietly():  # what was chosen for another file was not for this one
                    self.content, self.afterwards = "as-is", "nothing"
            self.preset = ""
            self._changed()

    def _weigh(self, _: object = None) -> None:
        """A weight was changed: rank again."""
        with self._choosing:
            if not self._quiet:
                self.preset = ""
                self.changed += 1

    def _changed(self) -> None:
        with self._choosing, self._quietly():
            form = self.form
            settled = form.settled()
            self._correct(form, settled)
            self.offer = settled.offer()
            self.problem = settled.problem()

    @contextlib.contextmanager
    def _quietly(self) -> Iterator[None]:
        """What is set within counts as no change of a control."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def run(self) -> None:
        """Measure the workload; returns at once."""
        problem = self.form.problem()
        if problem is not None:
            self._fail(problem.reason, problem.command)
            return
        self._start(ReviewJob(self.form.workload(), self.sweep), "Measuring ...")

    def _finish(self, job: ReviewJob) -> None:
        review = job.review
        if review is None:
            return
        if review.outcome != "ok":
            self._fail(review.message or review.outcome, review.enable)
            return
        self.review = review
        self.status = f"Done in {job.elapsed_s:.0f} s."

    @property
    def answer(self) -> list[str]:
        """What the present weights recommend, and why; empty before the first review."""
        return review_text.answer(self.review, self.weights) if self.review else []

    def export(self, path: str) -> bool:
        """Write the page and the summary beside it; False if that fails, and status says why."""
        if self.review is None:
            self._fail("there is no review to export yet: press Run first")
            return False
        review, weights = self.review, self.weights
        return self._exported(path, lambda target: review_export.save(review, weights, target))
