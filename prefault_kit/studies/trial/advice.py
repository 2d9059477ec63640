"""What a trial recommends, by which margin, and what it costs elsewhere."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from prefault_kit.measure import intervals
from prefault_kit.studies.trial.candidates import CANDIDATES, NOTHING, TRACED
from prefault_kit.studies.trial.result import Again, Row, Run, Trial

NO_DIFFERENCE = "no difference beyond noise"
FASTER = "faster"
LEAST_RUNS = 4
"""Fewer runs of each than these have no interval: all may well fall to one side by luck."""
FAILED_PART = 0.5
"""Advice that failed on more than this part of the mappings did nothing that can be praised."""
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
    doubtful: tuple[str, ...] = ()
    """Rows that seemed faster and were not when they were run again."""
    unused: Unused | None = None
    """What the advice brought and the program did not touch; None where it was not seen."""


@dataclass(frozen=True)
class Unused:
    """Memory of the advised mappings when the program let them go or ended, in bytes.

    It is held against the program without the advice, in which only what is touched becomes
    resident; with huge pages, or the pages around a fault, somewhat more than that.
    """

    resident_bytes: int
    unused_bytes: int
    """What of it was not resident without the advice."""

    @property
    def part(self) -> float:
        """Of what is resident, 0 to 1."""
        return self.unused_bytes / self.resident_bytes if self.resident_bytes else 0.0


def compared(trial: Trial, row: Row) -> intervals.Ratio | None:
    """The time of a row over that of the program as it is; None where it cannot be said.

    A row with advice is held against the traced program, any other against the program without a
    tracer.
    """
    against = base_of(trial, row)
    if against is None or row.outcome != "ok" or against.outcome != "ok":
        return None
    return _ratio(trial.measure, row.runs, against.runs)


def _ratio(measure: str, runs: Sequence[Run], base: Sequence[Run]) -> intervals.Ratio | None:
    one, other = (tuple(getattr(each, measure) for each in some) for some in (runs, base))
    count = min(len(one), len(other))
    if not count or None in one or None in other or not all(other):
        return None
    found = intervals.of_medians(one[:count], other[:count])
    return found if count >= LEAST_RUNS else intervals.Ratio(found.ratio, 0.0, math.inf)


def base_of(trial: Trial, row: Row) -> Row | None:
    """What a row is held against."""
    name = TRACED if row.name in CANDIDATES else NOTHING
    return next((each for each in trial.rows if each.name == name), None)


def words(found: intervals.Ratio | None) -> str:
    """What a ratio says in a word or two; empty where there is none."""
    if found is None:
        return ""
    if found.low <= 1 <= found.high or 1 / NOTICEABLE < found.ratio < NOTICEABLE:
        return NO_DIFFERENCE
    return "slower" if found.ratio > 1 else FASTER


def helping(trial: Trial) -> list[Row]:
    """The rows that are faster beyond noise, the fastest first, by their first runs."""
    found = []
    for row in trial.rows:
        idle = row.name in (NOTHING, TRACED) or _failed(row)
        ratio = None if idle else compared(trial, row)
        if ratio is not None and words(ratio) == FASTER:
            found.append((ratio.ratio, row))
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def _failed(row: Row) -> bool:
    """Whether the advice of a row mostly failed: what its runs gained is not the advice's."""
    failed = sum(row.counts("errors").values())
    return failed > FAILED_PART * (row.median("advised") or 0) if failed else False


def compared_again(trial: Trial, again: Again) -> intervals.Ratio | None:
    """The time of a row over that of its base when both were run again; None as of `compared`."""
    return _ratio(trial.measure, again.runs, again.base)


def confirmed(trial: Trial, again: Again) -> intervals.Ratio | None:
    """How a row did when it was run again; None where that is no gain beyond noise."""
    ratio = compared_again(trial, again)
    return ratio if words(ratio) == FASTER else None


def recommend(trial: Trial) -> Recommendation | None:
    """The row that was fastest, and again when it was run once more; None without any row."""
    if not any(each.outcome == "ok" for each in trial.rows):
        return None
    doubtful = []
    for again in trial.again:
        ratio = confirmed(trial, again)
        if ratio is None:
            doubtful.append(again.name)
            continue
        best = trial.row(again.name)
        equals = [row.name for row in helping(trial) if row is not best]
        equals = [name for name in equals if _equal(trial, trial.row(name), best)]
        gain = intervals.Ratio(1 / ratio.ratio, 1 / ratio.high, 1 / ratio.low)
        peaks = (
            statistics.median(each.peak_bytes for each in some) for some in (again.runs, again.base)
        )
        extra = int(next(peaks) - next(peaks))
        seen = unused(trial, best)
        return Recommendation(best.name, gain, tuple(equals), extra, tuple(doubtful), seen)
    return Recommendation(NO_DIFFERENCE, None, doubtful=tuple(doubtful))


def _equal(trial: Trial, row: Row, best: Row) -> bool:
    found = _ratio(trial.measure, row.runs, best.runs)
    return found is not None and (found.low <= 1 or found.ratio < NOTICEABLE)


def unused(trial: Trial, row: Row) -> Unused | None:
    """What a row's advice brought into memory that the program did not touch.

    None where either run did not show it, or showed other mappings than the other did.
    """
    base = next((each.seen for each in trial.rows if each.name == TRACED), None)
    candidate = CANDIDATES.get(row.name)
    if base is None or row.seen is None or candidate is None:
        return None
    fitting = [
        at
        for at in sorted(trial.chosen_at)
        if trial.groups[at].kind in candidate.kinds
        if set(candidate.access) <= set(trial.groups[at].access)
    ]
    one, other = (
        [each for at in fitting if (each := seen.resident[at])] for seen in (row.seen, base)
    )
    # all together: a stack is read a little differently in each run, and with it the group
    if sum(each.mappings for each in one) != sum(each.mappings for each in other):
        return None
    resident, without = (sum(each.bytes for each in some) for some in (one, other))
    return Unused(resident, max(0, resident - without)) if resident else None
