"""What a review recommends, by which margin, and where the costs of READ and WRITE cross."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure import intervals
from prefault_kit.studies.review.candidates import COMPARABLE
from prefault_kit.studies.review.cost import Weights, cost_s
from prefault_kit.studies.review.result import SWEPT, CandidateResult, Review
from prefault_kit.studies.review.trial import Trial
from prefault_kit.studies.review.workload import Workload

NO_DIFFERENCE = "no difference beyond noise"
NOTICEABLE = 1.05
"""A cost less than this factor above another counts as equal, however certain the difference."""
ALIKE = 0.02
"""Two candidates have the same effects if these differ by less than this part of the memory."""
BEYOND = 2.0
"""The fraction of a crossing that lies beyond 1."""


@dataclass(frozen=True)
class Crossing:
    """The written fraction from which on POPULATE_WRITE costs no more than POPULATE_READ, with
    its confidence interval; None where they do not cross."""

    fraction: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Recommendation:
    """The candidate that costs least, or :data:`NO_DIFFERENCE`."""

    name: str
    margin: float | None
    """How much more the next one costs: 0.12 is 12 per cent. None if there is no next one."""
    equals: tuple[str, ...] = ()
    """Those that cost the same within noise, the recommended one first."""
    tied: tuple[str, ...] = ()
    """Of those, one for each different effect; a single one if it can be recommended."""


def cost_of(candidate: CandidateResult, weights: Weights) -> float:
    """The median cost of a candidate's trials, in seconds."""
    return statistics.median(cost_s(each, weights) for each in candidate.trials)


def ranking(review: Review, weights: Weights) -> list[CandidateResult]:
    """The candidates that ran, cheapest first."""
    ran = [each for each in review.candidates if each.outcome == "ok" and each.trials]
    return sorted(ran, key=lambda each: cost_of(each, weights))


def _costs(trials: Sequence[Trial], weights: Weights) -> tuple[float, ...]:
    return tuple(cost_s(each, weights) for each in trials)


def ratio(one: CandidateResult, other: CandidateResult, weights: Weights) -> intervals.Ratio:
    """The cost of one candidate over that of another, with its interval."""
    return intervals.of_medians(_costs(one.trials, weights), _costs(other.trials, weights))


def _costs_more(one: CandidateResult, other: CandidateResult, weights: Weights) -> bool:
    """Whether ``one`` costs more than ``other``, beyond noise."""
    found = ratio(one, other, weights)
    return found.low > 1 and found.ratio > NOTICEABLE


def _alike(one: CandidateResult, other: CandidateResult, workload: Workload) -> bool:
    """Whether two have the same effects: faults to come, dirty pages, bytes written back, memory.

    A fault is one of the memory's own pages, a dirty page is one of the page cache.
    """
    for name, unit_bytes in (
        ("minor_faults", workload.backing.page_size_bytes),
        ("dirty_pages_after_prefault", PAGE_SIZE_BYTES),
        ("bytes_written_back", 1),
        ("memory_bytes_after_prefault", 1),
    ):
        a, b = one.median(name), other.median(name)
        if (a is None) != (b is None):
            return False
        if abs((a or 0) - (b or 0)) * unit_bytes > ALIKE * workload.size_bytes:
            return False
    return True


def recommend(review: Review, weights: Weights | None = None) -> Recommendation | None:
    """Weigh the candidates; None where none ran."""
    weights = weights or Weights()
    ranked = ranking(review, weights)
    if not ranked:
        return None
    best = ranked[0]
    equals = [each for each in ranked if each is best or not _costs_more(each, best, weights)]
    costlier = [each for each in ranked if each not in equals]
    equals.sort(key=lambda each: list(COMPARABLE).index(each.name))
    margin = ratio(costlier[0], best, weights).ratio - 1 if costlier else None
    chosen: list[CandidateResult] = []
    for each in equals:
        if not any(_alike(each, other, review.workload) for other in chosen):
            chosen.append(each)
    name = NO_DIFFERENCE if len(chosen) > 1 else chosen[0].name
    equal, tied = (tuple(each.name for each in some) for some in (equals, chosen))
    return Recommendation(name, margin, equal, tied)


def crossing(review: Review, weights: Weights | None = None) -> Crossing:
    """Where the cost of POPULATE_READ reaches that of POPULATE_WRITE, by interpolation between the
    fractions that were tried; the interval by resampling whole repetitions of all fractions."""
    import numpy

    weights = weights or Weights()
    fractions = sorted(
        fraction
        for name, fraction in review.sweep
        if name == SWEPT[0]
        if (SWEPT[1], fraction) in review.sweep
    )
    if len(fractions) < 2:
        return Crossing(None)
    read, write = (
        numpy.array([_costs(review.sweep[name, fraction], weights) for fraction in fractions])
        for name in SWEPT
    )
    repeats = read.shape[1]

    def cross(drawn: Any, axis: int = -1) -> Any:
        return _cross(
            fractions,
            numpy.median(read[:, drawn], axis=axis) - numpy.median(write[:, drawn], axis=axis),
        )

    best = float(cross(numpy.arange(repeats)))
    if best > 1:
        return Crossing(None)
    low, high = intervals.of_repetitions(repeats, cross)
    return Crossing(best, low, high if high <= 1 else None)


def _cross(fractions: Sequence[float], gaps: Any) -> Any:
    """Where gaps first come up to 0, :data:`BEYOND` if they stay below.

    ``gaps`` is an array with a row for each fraction; the result has its other axes.
    """
    import numpy

    found = numpy.full(gaps.shape[1:], BEYOND)
    for at in range(len(fractions) - 1, 0, -1):
        before, after = gaps[at - 1], gaps[at]
        rises = (before < 0) & (after >= 0)
        part = -before / numpy.where(rises, after - before, 1)
        place = fractions[at - 1] + part * (fractions[at] - fractions[at - 1])
        found = numpy.where(rises, place, found)
    return numpy.where(gaps[0] >= 0, fractions[0], found)
