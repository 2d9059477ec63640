"""What one kernel answers otherwise than another: verdict by verdict, on the same memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit.studies.kernels.record import place_of

NOT_TESTABLE = "not-testable"
"""In place of an observation, as ``check --json`` has it."""

VerdictFields = dict[str, Any]
"""A verdict as ``check --json`` prints it and a record keeps it."""


@dataclass(frozen=True)
class Change:
    """A promise on one kind of memory that was answered otherwise before."""

    id: str
    source: str
    claim: str
    backing: str
    before: VerdictFields
    """``verdict``, ``observed`` and ``reason``."""
    now: VerdictFields


@dataclass(frozen=True)
class Comparison:
    """All that changed, and how much could be compared."""

    changes: Sequence[Change]
    compared: int
    """How many verdicts there are before and now."""
    unlike: Sequence[tuple[str, str]]
    """Id and memory of what has no counterpart before: a promise or a file system that was not
    recorded, or other words of the promise."""
    missing: Sequence[tuple[str, str]] = ()
    """Id and memory of what has no counterpart now, though the file system was asked."""


def compare(before: Sequence[VerdictFields], now: Sequence[VerdictFields]) -> Comparison:
    """Hold the verdicts of two kernels against each other, by promise, memory and expectation."""
    known = {_key(each): each for each in before}
    changes, unlike, compared = [], [], 0
    for each in now:
        old = known.get(_key(each))
        if old is None:
            unlike.append((each["id"], each["backing"]))
            continue
        compared += 1
        if _seen(old) != _seen(each):
            about = (each["id"], each["source"], each["claim"], each["backing"])
            changes.append(Change(*about, _answer(old), _answer(each)))
    answered = {_key(each) for each in now}
    places = {place_of(backing) for _, backing, _ in answered} | {""}
    missing = [key[:2] for key in known if key not in answered and place_of(key[1]) in places]
    return Comparison(changes, compared, unlike, missing)


def _key(verdict: VerdictFields) -> tuple[str, str, str]:
    return verdict["id"], verdict["backing"], verdict["expected"]


def _seen(verdict: VerdictFields) -> tuple[str, str | None]:
    """What a change is a change of; a reason may be put in other words meanwhile."""
    return verdict["verdict"], verdict["observed"]


def _answer(verdict: VerdictFields) -> VerdictFields:
    return {name: verdict[name] for name in ("verdict", "observed", "reason")}
