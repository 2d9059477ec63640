"""Playing: steps on a ground, one after the other, and what each of them did.

The memory is in a worker process that may die. What was done is a list of acts; going back begins
anew and does the steps before once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from prefault_kit.measure.worker import Worker, WorkerDied, WorkerStopped
from prefault_kit.studies.playground import stage
from prefault_kit.studies.playground.ground import CHILD, Ground, Step
from prefault_kit.studies.playground.operations import check
from prefault_kit.studies.playground.strips import Strips


class CannotPlay(Exception):
    """The memory cannot be had here. ``command`` would help, if there is one."""

    def __init__(self, reason: str, command: str | None = None) -> None:
        super().__init__(reason)
        self.command = command


@dataclass(frozen=True)
class Outcome:
    """How a step went."""

    elapsed_ns: int | None = None
    """Around the operation alone; None where it is not timed."""
    minor: int = 0
    major: int = 0
    error: str | None = None
    """The errno's name."""
    message: str = ""
    page: int | None = None
    """The system page at which it failed, or at which the process died."""
    died: str | None = None
    """The signal that killed the process that did it."""


@dataclass(frozen=True)
class Act:
    """A step, how it went, and what there was afterwards."""

    step: Step
    outcome: Outcome
    strips: Strips
    child: Strips | None = None

    def of(self, process: str) -> Strips | None:
        """What the parent or the child had afterwards; None where there is no such process."""
        return self.child if process == CHILD else self.strips


class Playing:
    """Real memory, and the acts that made it what it is. Use it as a context manager, or close it.

    >>> with Playing(Ground(pages=4)) as playing:
    ...     act = playing.do(Step("read", first=1, count=2))
    ...     act.strips.table, act.outcome.minor
    (['not present', 'zero page', 'zero page', 'not present'], 2)
    """

    def __init__(self, ground: Ground, worker: Worker | None = None) -> None:
        self.ground = ground
        self.acts: list[Act] = []
        self.alive = False
        """Whether there is memory to play with; :meth:`begin` makes some after a death."""
        self._own = worker is None
        self._worker = worker or Worker()
        self.fresh = self._begin()

    def __enter__(self) -> Playing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the memory."""
        self.alive = False
        if self._own:
            self._worker.close()

    @property
    def strips(self) -> Strips:
        """What there is now, or was when the process died."""
        return self.acts[-1].strips if self.acts else self.fresh

    def do(self, step: Step) -> Act:
        """Do a step; what it did. ValueError for a step that cannot be."""
        return self.do_all([step])[0]

    def do_all(self, steps: Sequence[Step]) -> list[Act]:
        """Do steps one after the other, up to one that kills the process."""
        for step in steps:
            check(step, self.ground)
        if not self.alive:
            self.begin()
        begun = len(self.acts)
        dying: int | None = None
        last = self.strips
        payload = {"steps": [step.as_dict() for step in steps]}
        try:
            for event in self._worker.stream(stage.act, payload):
                if "lost" in event:
                    self.alive = False
                    self.acts.append(Act(steps[0], Outcome(died="killed"), self.strips))
                    break
                if "dying" in event:
                    dying, last = event["dying"], Strips.of(event["strips"])
                    continue
                step = steps[len(self.acts) - begun]
                self.acts.append(_act(step, event))
                dying = None
        except WorkerDied as death:
            self.alive = False
            step = steps[len(self.acts) - begun]
            outcome = Outcome(died=death.signal or "an error", page=dying, message=str(death))
            seen = self.strips if dying is None else last
            self.acts.append(Act(step, outcome, seen))
        except WorkerStopped:
            self.alive = False
            raise
        return self.acts[begun:]

    def begin(self) -> None:
        """Begin anew: fresh memory, and no history."""
        self.acts = []
        self.fresh = self._begin()

    def back(self, count: int) -> list[Act]:
        """Begin anew and do the first ``count`` steps once more; those that are left out."""
        kept, left = self.acts[:count], self.acts[count:]
        self.begin()
        if kept:
            self.do_all([act.step for act in kept])
        return left

    def _begin(self) -> Strips:
        events = list(self._worker.stream(stage.begin, {"ground": self.ground.as_dict()}))
        [event] = events
        if "unavailable" in event:
            raise CannotPlay(event["unavailable"], event["command"])
        if "error" in event:
            raise CannotPlay(f"this memory cannot be mapped: {event['message']}")
        self.alive = True
        return Strips.of(event["strips"])


def _act(step: Step, event: dict[str, Any]) -> Act:
    seen = ("dying", "strips")  # of a child that is dead
    known = {name: value for name, value in event["outcome"].items() if name not in seen}
    outcome = Outcome(**known)
    if outcome.died:
        outcome = replace(outcome, page=event["outcome"].get("dying"))
    child = event.get("child")
    return Act(step, outcome, Strips.of(event["strips"]), Strips.of(child) if child else None)
