"""Measure every candidate of a review in the worker, interleaved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit import host
from prefault_kit.measure.worker import Event, Worker, WorkerDied, listen
from prefault_kit.studies.review import candidates, own_file, trial
from prefault_kit.studies.review.candidates import CANDIDATES, COMPARABLE
from prefault_kit.studies.review.result import FRACTIONS, SWEPT, CandidateResult, Review
from prefault_kit.studies.review.trial import Trial
from prefault_kit.studies.review.workload import Workload

_Case = tuple[str, float]
"""A candidate's name and a written fraction."""


@dataclass(frozen=True)
class ReviewProgress:
    """One step of a review: the part done, 0 to 1, and words."""

    part: float
    words: str


def run(
    workload: Workload,
    *,
    methods: Sequence[str] = tuple(CANDIDATES),
    sweep: bool = True,
    worker: Worker | None = None,
    on_progress: Callable[[ReviewProgress], None] | None = None,
) -> Review:
    """Measure every candidate that applies, or those of ``methods``, interleaved, in the worker.

    ``sweep`` also tries :data:`SWEPT` at other written fractions, if the file may be written. The
    outcome is ``unavailable`` (with reason and command) where this host cannot run the case, and
    ``error`` where not one candidate could be measured. OSError if a file of the reviewer's own is
    gone. Raises WorkerStopped and WorkerBusy, see ``worker.py``.
    """
    directory = workload.backing.find_directory()
    known: dict[str, Any] = {
        "host": host.facts(),
        "file_system": host.file_system(directory) if directory else None,
    }
    if missing := workload.why_not():
        return Review(workload, "unavailable", missing.reason, missing.command, **known)
    if workload.existing_file is not None:
        part = own_file.part_of(workload.existing_file, workload.size_bytes)
        known["notes"] = (part,) if part else ()
    if workload.replay is not None:
        known["notes"] = (workload.replay.sentence,)
    refused = {name: candidates.why_not(COMPARABLE[name], workload) for name in methods}
    own = [(name, workload.write) for name, reason in refused.items() if not reason]
    cases = [*own, *(_swept(workload) if sweep else [])]
    measured = _Measured(workload, cases, on_progress)
    payload = {"workload": workload.as_dict(), "cases": cases}
    try:
        listen(trial.perform, payload, measured.hear, worker)
    except WorkerDied as death:
        measured.fatal = str(death)
    found = tuple(
        CandidateResult(name, "not-applicable", reason)
        if reason
        else measured.candidate(own.index((name, workload.write)))
        for name, reason in refused.items()
    )
    failure = measured.fatal or _all_failed(found)
    return Review(
        workload,
        "error" if failure else "ok",
        failure,
        candidates=found,
        sweep=measured.sweep() if len(cases) > len(own) and not failure else {},
        **known,
    )


def _swept(workload: Workload) -> list[_Case]:
    """The cases of a sweep; those of one written fraction follow each other."""
    if workload.existing_file is not None or workload.replay is not None:
        return []
    return [
        (name, fraction)
        for fraction in FRACTIONS
        for name in SWEPT
        if fraction != workload.write
        if fraction or workload.read  # else there is no access at all
    ]


def _all_failed(found: Sequence[CandidateResult]) -> str | None:
    """Why a review in which not one candidate ran came to nothing; None if one did."""
    if any(each.outcome == "ok" for each in found):
        return None
    failed = next((each for each in found if each.outcome == "error"), None)
    if failed is None:
        return "no method of those that were asked for applies to this case"
    return f"no candidate could be measured: {failed.sentence}"


class _Measured:
    """What the worker has told so far."""

    def __init__(
        self,
        workload: Workload,
        cases: Sequence[_Case],
        on_progress: Callable[[ReviewProgress], None] | None,
    ) -> None:
        self.fatal: str | None = None
        self._workload = workload
        self._cases = cases
        self._on_progress = on_progress
        self._trials: list[list[Trial]] = [[] for _ in cases]
        self._errors: dict[int, str] = {}
        self._done = 0

    def hear(self, event: Event) -> None:
        """Take in an event of :func:`trial.perform`."""
        if "fatal" in event:
            self.fatal = event["fatal"]
            return
        index, repetition = event["case"], event["repetition"]
        if "trial" in event and repetition:  # 0 is the warm-up
            self._trials[index].append(Trial(**event["trial"]))
        elif "error" in event:
            self._errors[index] = event["error"]
        self._done += "prepared" not in event
        if self._on_progress:
            repeats = self._workload.repeats
            doing = "preparing the file" if "prepared" in event else self._cases[index][0]
            part = self._done / ((repeats + 1) * len(self._cases))
            words = f"{doing}, repetition {repetition} of {repeats}"
            self._on_progress(ReviewProgress(part, words))

    def candidate(self, index: int) -> CandidateResult:
        """What a case came to."""
        message = self._errors.get(index, self.fatal)
        outcome = "error" if message else "ok"
        return CandidateResult(self._cases[index][0], outcome, message, tuple(self._trials[index]))

    def sweep(self) -> dict[_Case, tuple[Trial, ...]]:
        """The trials of :data:`SWEPT` at each written fraction that was measured."""
        return {
            (name, fraction): tuple(self._trials[index])
            for index, (name, fraction) in enumerate(self._cases)
            if name in SWEPT and index not in self._errors
        }
