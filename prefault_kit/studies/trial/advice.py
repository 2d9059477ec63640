"""What a trial recommends, by which margin, and what it costs elsewhere."""

from __future__ import annotations

import os
from dataclasses import dataclass

from prefault_kit.measure import intervals
from prefault_kit.studies.trial.candidates import CANDIDATES, NOTHING, TRACED
from prefault_kit.studies.trial.result import Row, Trial

NO_DIFFERENCE = "no difference beyond noise"
NOTICEABLE = 1.05
"""A difference of less than this factor counts as none, however certain it is."""


@dataclass(frozen=True)
class Recommendation:
    """The row that helps most, or :data:`NO_DIFFERENCE`."""

    name: str
    gain: intervals.Ratio | None
    """How many times as long the program takes as it is: 1.8 is 1.8 times."""
    equals: tuple[str, ...] = ()
    """Rows that are as good within noise."""
    extra_peak_bytes: int = 0
    """Resident at the highest, beyond what the program takes as it is: memory that the advice
    populated and the program did not touch by then. Negative where less."""


def compared(trial: Trial, row: Row) -> intervals.Ratio | None:
    """The time of a row over that of the program as it is; None where it cannot be said.

    A row with injected advice is held against the traced program, any other against the program
    without a tracer.
    """
    against = base_of(trial, row)
    if against is None or not _comparable(trial, row) or not _comparable(trial, against):
        return None
    one, other = row.figures(trial.measure), against.figures(trial.measure)
    count = min(len(one), len(other))
    return intervals.of_medians(one[:count], other[:count])


def _comparable(trial: Trial, row: Row) -> bool:
    return row.outcome == "ok" and bool(row.median(trial.measure))


def base_of(trial: Trial, row: Row) -> Row | None:
    """What a row is held against."""
    name = TRACED if row.name in CANDIDATES else NOTHING
    return next((each for each in trial.rows if each.name == name), None)


def words(found: intervals.Ratio | None) -> str:
    """What a ratio says: ``1.8 times as fast``, or that nothing can be said."""
    if found is None:
        return ""
    if found.low <= 1 <= found.high or 1 / NOTICEABLE < found.ratio < NOTICEABLE:
        return NO_DIFFERENCE
    return "slower" if found.ratio > 1 else "faster"


def recommend(trial: Trial) -> Recommendation | None:
    """The row that is fastest beyond noise; None where nothing could be compared."""
    if not any(_comparable(trial, each) for each in trial.rows if each.name in (NOTHING, TRACED)):
        return None
    helping: list[tuple[Row, intervals.Ratio]] = []
    for row in trial.rows:
        if row.name in (NOTHING, TRACED):
            continue
        found = compared(trial, row)
        if found is not None and words(found) == "faster":
            helping.append((row, found))
    if not helping:
        return Recommendation(NO_DIFFERENCE, None)
    helping.sort(key=lambda pair: pair[1].ratio)
    best, ratio = helping[0]
    equals = [row for row, _ in helping[1:] if _equal(trial, row, best)]
    gain = intervals.Ratio(1 / ratio.ratio, 1 / ratio.high, 1 / ratio.low)
    base = base_of(trial, best)
    extra = (best.median("peak_bytes") or 0) - ((base and base.median("peak_bytes")) or 0)
    return Recommendation(best.name, gain, tuple(row.name for row in equals), int(extra))


def _equal(trial: Trial, row: Row, best: Row) -> bool:
    one, other = row.figures(trial.measure), best.figures(trial.measure)
    count = min(len(one), len(other))
    found = intervals.of_medians(one[:count], other[:count])
    return found.low <= 1 or found.ratio < NOTICEABLE


def lines(trial: Trial, name: str) -> list[str]:
    """What to write into the program for a candidate, in its own terms where they are known."""
    candidate = CANDIDATES.get(name)
    if candidate is None:
        return []
    if candidate.drop_populate:
        return ["take MAP_POPULATE out of the flags of mmap"]
    if candidate.drop_advice:
        named = dict.fromkeys(word for group in trial.chosen for word in group.advice)
        return [f"take out madvise(..., {', '.join(named) or 'advice'})"]
    found = [candidate.line]
    program = os.path.basename(trial.command[0])
    writes = "MADV_POPULATE_WRITE" in candidate.advices
    huge = "MADV_HUGEPAGE" in candidate.advices
    if program.startswith("python"):
        if writes:
            found.append("in Python: prefault_kit.preallocate(array), before it is filled")
        else:
            names = ", ".join(f"mmap.{each}" for each in candidate.advices if "MLOCK" not in each)
            found.append(f"in Python, for an mmap.mmap: memory.madvise({names})" if names else "")
    elif program == "java":
        options = ["-XX:+AlwaysPreTouch"] * writes + ["-XX:+UseTransparentHugePages"] * huge
        found.append(f"for a JVM: {' '.join(options)}" if options else "")
    elif huge and any(each.kind in ("anonymous private", "heap") for each in trial.chosen):
        found.append(
            "where malloc made it, without a change: GLIBC_TUNABLES=glibc.malloc.hugetlb=1"
        )
    return [each for each in found if each]
