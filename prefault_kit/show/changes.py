"""What one kernel answers otherwise than another, one line each."""

from __future__ import annotations

from collections.abc import Iterator

from prefault_kit.show.units import format_count
from prefault_kit.studies.kernels.changes import NOT_TESTABLE, Change, Comparison

MEMORY_NAMED = 4
"""Kinds of memory that are named at most, where some could not be compared."""


def lines(found: Comparison, before: str, now: str) -> Iterator[str]:
    """A line for each change, then how many there are; ``before`` and ``now`` name the kernels.

    What both kernels were seen to do comes before what one of them could not be asked.
    """
    silent = [each for each in found.changes if _silent(each)]
    seen = [each for each in found.changes if not _silent(each)]
    for change in (*seen, *silent):
        yield _line(change)
    many = format_count(len(found.changes), "verdict")
    parts = (
        f": {len(seen)} seen otherwise, {len(silent)} testable on only one of them"
        if silent
        else ""
    )
    yield f"{before} -> {now}: {many} of {found.compared} changed{parts}"
    for alone, other in ((found.unlike, before), (found.missing, now)):
        if alone:
            memory = list(dict.fromkeys(backing for _, backing in alone))
            more = ", ..." if len(memory) > MEMORY_NAMED else ""
            yield (
                f"{format_count(len(alone), 'verdict')} not compared, on "
                f"{', '.join(memory[:MEMORY_NAMED])}{more}: no counterpart in {other}"
            )


def _silent(change: Change) -> bool:
    return NOT_TESTABLE in (change.before["verdict"], change.now["verdict"])


def _line(change: Change) -> str:
    """``id: memory: before -> now (why)``."""
    reasons = (change.now["reason"], change.before["reason"])
    why = next(filter(None, reasons), "unexplained")
    before, now = (_seen(each["verdict"], each["observed"]) for each in (change.before, change.now))
    return f"{change.id}: {change.backing}: {before} -> {now} ({why})"


def _seen(verdict: str, observed: str | None) -> str:
    return "not testable" if verdict == NOT_TESTABLE else f"{verdict}, {observed}"
