"""Verdicts side by side: which promises differ between hosts, and what was seen where."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from prefault_kit.studies.comparison.recorded import NOT_TESTABLE, ORDER, Answer, Run


@dataclass(frozen=True)
class Row:
    """A promise on one kind of memory, and each run's answer: None where it was not asked."""

    id: str
    source: str
    claim: str
    backing: str
    expected: str
    answers: tuple[Answer | None, ...]

    @property
    def differs(self) -> bool:
        """Whether those that could be asked saw different things."""
        asked = [each for each in self.answers if each and each.outcome != NOT_TESTABLE]
        return len({(each.verdict, each.observed) for each in asked}) > 1


@dataclass(frozen=True)
class Promise:
    """A promise over all kinds of memory: each run's outcome, None where it was not asked."""

    id: str
    claim: str
    outcomes: tuple[str | None, ...]
    rows: tuple[Row, ...]

    @property
    def differs(self) -> bool:
        """Whether outcomes do, or what was seen on some memory."""
        asked = {each for each in self.outcomes if each not in (None, NOT_TESTABLE)}
        return len(asked) > 1 or any(each.differs for each in self.rows)

    @property
    def is_partly_asked(self) -> bool:
        """Whether it could be tested on some hosts, and on others not."""
        return len({each in (None, NOT_TESTABLE) for each in self.outcomes}) > 1

    def is_named(self, pattern: str) -> bool:
        """Whether its id fits a glob."""
        return fnmatch.fnmatchcase(self.id, pattern.strip())


def promises(runs: Sequence[Run]) -> tuple[Promise, ...]:
    """Every promise that any run has, in the order in which they come."""
    by_run = [
        {(each.id, each.backing, each.expected): each for each in run.answers} for run in runs
    ]
    keys = dict.fromkeys(key for known in by_run for key in known)
    rows: dict[str, list[Row]] = {}
    for key in keys:
        answers = tuple(known.get(key) for known in by_run)
        one = next(filter(None, answers))
        row = Row(one.id, one.source, one.claim, one.backing, one.expected, answers)
        rows.setdefault(one.id, []).append(row)
    return tuple(
        Promise(name, own[0].claim, tuple(_outcome(own, at) for at in range(len(runs))), tuple(own))
        for name, own in rows.items()
    )


def _outcome(rows: Sequence[Row], at: int) -> str | None:
    """The outcome of a run that stands for a promise: the worst of its kinds of memory."""
    found = [each.answers[at] for each in rows]
    return min((each.outcome for each in found if each), key=ORDER.index, default=None)
