"""Judge promises, in the worker: some of them end the process that shows them."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit.host import damon
from prefault_kit.measure.worker import Event, Worker, WorkerDied, listen
from prefault_kit.studies.promises.ground import Ground
from prefault_kit.studies.promises.promise import (
    DIFFERS,
    NOT_TESTABLE,
    PROMISES,
    Promise,
    Verdict,
)

FROM_OUTSIDE = ("SIGKILL", "SIGTERM")
"""Signals of the OOM killer and of other processes; no memory access raises them."""


@dataclass(frozen=True)
class Question:
    """One promise on one kind of memory."""

    promise: Promise
    kind: str
    directory: str

    @property
    def memory(self) -> str:
        """Where it is shown, as its verdict says: with the file system."""
        return Ground.label(self.kind, self.directory)


def chosen(patterns: Iterable[str] = ()) -> list[Promise]:
    """The promises whose ids match any pattern (shell wildcards); all without a pattern.

    ValueError for a pattern that matches none.
    """
    patterns = list(patterns) or ["*"]
    for pattern in patterns:
        if not fnmatch.filter(PROMISES, pattern):
            raise ValueError(f"no promise is named {pattern!r}; prefault-kit check lists them all")
    return [
        each
        for name, each in PROMISES.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    ]


def questions(patterns: Iterable[str] = (), directories: Sequence[str] = (".",)) -> list[Question]:
    """Every promise on every kind of memory that it is about; for files, in every directory."""
    return [
        Question(each, kind, directory)
        for each in chosen(patterns)
        for kind in each.on
        for directory in (directories if kind.endswith(" file") else directories[:1])
    ]


def check(
    asked: Sequence[Question],
    *,
    worker: Worker | None = None,
    on_verdict: Callable[[Verdict], object] | None = None,
) -> list[Verdict]:
    """Judge each question; ``on_verdict`` is told each verdict as it comes.

    One that kills the worker differs; one during which the worker is killed from outside, or by
    the OOM killer, is not testable. Both say what happened, and the rest goes on in a new worker.
    """
    verdicts: list[Verdict] = []

    def tell(verdict: Verdict) -> None:
        verdicts.append(verdict)
        if on_verdict:
            on_verdict(verdict)

    def hear(event: Event) -> None:
        tell(Verdict(**event))

    while left := asked[len(verdicts) :]:
        payload = {"asked": [(each.promise.id, each.kind, each.directory) for each in left]}
        try:
            listen(perform, payload, hear, worker)
        except WorkerDied as death:
            tell(_killed(asked[len(verdicts)], death))
    return verdicts


def _killed(question: Question, death: WorkerDied) -> Verdict:
    """The verdict on a promise that the worker did not survive.

    A fault of its own differs. A signal from outside says nothing of the promise, unless it is the
    one that the promise speaks of.
    """
    said = str(death).strip().splitlines()[-1]
    say = functools.partial(question.promise.verdict, question.kind, question.directory)
    if death.signal in FROM_OUTSIDE and death.signal not in question.promise.on[question.kind]:
        return say(NOT_TESTABLE, None, said)
    return say(DIFFERS, said, None)


def perform(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """In the worker: judge ``payload["asked"]``, (id, kind, directory) each."""
    from prefault_kit.studies import promises  # noqa: F401  # every module of promises enters its own

    for name, kind, directory in payload["asked"]:
        verdict = PROMISES[name].judge(kind, directory)
        if not verdict.explained and damon.threads():  # it may have evicted a page meanwhile
            verdict = PROMISES[name].judge(kind, directory)
        yield verdict.as_dict()
