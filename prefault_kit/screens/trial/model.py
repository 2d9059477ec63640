"""The model of a trial, without widgets: which program, how it is tried, what was found.

Every trait may be set and observed from a script. :meth:`ProgramScreen.run` returns at once; the
program runs in the hands of a thread, and :meth:`ProgramScreen.stop` ends it at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import traitlets
from traitlets import Bunch

from prefault_kit.host import extras
from prefault_kit.measure.worker import Worker
from prefault_kit.screens.job import Job
from prefault_kit.screens.model import ScreenModel
from prefault_kit.screens.options import Problem
from prefault_kit.screens.trial.form import ProgramForm, in_words, programs
from prefault_kit.show import trial as show
from prefault_kit.show import trial_export
from prefault_kit.show.printable import printable_long
from prefault_kit.studies.trial import Trial, TrialProgress, run
from prefault_kit.studies.trial import programs as known
from prefault_kit.studies.trial.candidates import chosen
from prefault_kit.studies.trial.stop import Stop, Stopped

CONTROLS = tuple(ProgramForm.__dataclass_fields__)


@dataclass
class TrialJob(Job[TrialProgress]):
    """A trial that runs."""

    stopped_words: ClassVar[str] = "the program has been ended"

    form: ProgramForm
    trial: Trial | None = None
    ends: Stop = field(default_factory=Stop)

    def measure(self, worker: Worker, on_progress: Callable[[TrialProgress], None]) -> None:
        """Try the program. There is no worker in it: whom a tracer begins ends with it."""
        try:
            if self.form.is_own:
                self.trial = run(self.form.plan(self.ends), on_progress=on_progress)
            else:
                self.trial, _ = known.tried(
                    self.form.program,
                    repeats=self.form.repeats,
                    candidates=self.form.tried,
                    hand=False,
                    stop=self.ends,
                    on_progress=lambda _, progress: on_progress(progress),
                )
        except Stopped:
            self.stopped = True
        except OSError as error:
            self.error = in_words(error)

    def stop(self, worker: Worker) -> None:
        """End the program."""
        self.ends.ask()

    def activity(self) -> str:
        """The candidate and the repetition."""
        return f"Trying: {self.latest.words}" if self.latest else "Trying"


class ProgramScreen(ScreenModel[TrialJob]):
    """One program after the other."""

    # The controls; see ProgramForm
    program = traitlets.Unicode("python")
    own = traitlets.Unicode("")
    repeats = traitlets.Int(ProgramForm.repeats)
    candidates = traitlets.Tuple(help="Names of candidates; empty for all that apply.")
    start = traitlets.Unicode("as-it-is")
    evicted = traitlets.Bool(False)
    least_size = traitlets.Unicode("1 MiB")
    ready = traitlets.Unicode("")

    offer = traitlets.Dict(help="Control name -> tuple of Option.")
    problem = traitlets.Instance(Problem, allow_none=True, help="What stops the present choice.")
    trial = traitlets.Instance(
        Trial, allow_none=True, help="What was found last; set it to show a recorded one."
    )

    def __init__(self, worker: Worker | None = None, **values: Any) -> None:
        super().__init__(worker, **values)
        self.check()
        self.observe(self._settle, names=CONTROLS)

    @property
    def form(self) -> ProgramForm:
        """The controls as one record."""
        return ProgramForm(**{name: getattr(self, name) for name in CONTROLS})

    @traitlets.validate("candidates")
    def _known(self, proposal: Bunch) -> tuple[str, ...]:
        try:
            return tuple(each.name for each in chosen(proposal["value"]))
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None

    def check(self) -> None:
        """Ask the host again what it has."""
        with self._choosing:
            self.offer = {"program": programs()}
            self._settle()

    def _settle(self, _: object = None) -> None:
        with self._choosing:
            self.problem = self.form.problem()

    def run(self) -> None:
        """Try the program; returns at once."""
        form = self.form
        self.problem = form.problem()
        if self.problem is not None:
            self._fail(self.problem.reason, self.problem.command)
            return
        self._start(TrialJob(form), "Trying ...")

    def _finish(self, job: TrialJob) -> None:
        if job.stopped or job.error is not None:
            return
        trial = job.trial
        if trial is None:
            self._fail("the trial ended without a result: see the log of the notebook's kernel")
        elif trial.outcome != "ok":
            self._fail(printable_long(trial.message or trial.outcome), trial.enable)
        else:
            self.trial = trial
            self.status = f"Done in {job.elapsed_s:.0f} s."

    @property
    def answer(self) -> list[str]:
        """Which advice helps, and why; empty before the first trial."""
        return show.answer(self.trial) if self.trial else []

    def export(self, path: str) -> bool:
        """Write the page and the summary beside it; False if that fails, and status says why."""
        if self.trial is None:
            self._fail("there is no trial to export yet: press Run first")
            return False
        if lacking := extras.missing("an exported page", "jinja2"):
            self._fail(lacking.reason, lacking.command)
            return False
        trial = self.trial
        return self._exported(path, lambda target: trial_export.save(trial, target))
