"""What a review recommends, why, and by how much; and where READ and WRITE cross."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit.measure import intervals
from prefault_kit.studies.review.candidates import WAYS
from prefault_kit.studies.review.cost import Weights, cost_s
from prefault_kit.studies.review.measured import SWEPT, Candidate, Review
from prefault_kit.studies.review.trial import Trial

NO_DIFFERENCE = "no difference beyond noise"
NOTICEABLE = 1.05
"""A cost that is less than this factor above another is no difference, however sure."""
ALIKE = 0.02
"""Two candidates leave the same behind if their counts differ by less than this part."""


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
    """How much more the next one costs: 0.12 is 12 per cent. None where there is no next."""
    equals: tuple[str, ...] = ()
    """Those that cost the same within noise, the recommended one first."""
    tied: tuple[str, ...] = ()
    """Of those, one of each sort that leaves something else behind; one where there is a choice."""


def cost_of(candidate: Candidate, weights: Weights) -> float:
    """The median cost of a candidate's trials, in seconds."""
    return statistics.median(cost_s(each, weights) for each in candidate.trials)


def ranking(review: Review, weights: Weights) -> list[Candidate]:
    """The candidates that ran, cheapest first."""
    ran = [each for each in review.candidates if each.outcome == "ok" and each.trials]
    return sorted(ran, key=lambda each: cost_of(each, weights))


def _costs(trials: Sequence[Trial], weights: Weights) -> tuple[float, ...]:
    return tuple(cost_s(each, weights) for each in trials)


def ratio(one: Candidate, other: Candidate, weights: Weights) -> intervals.Ratio:
    """The cost of one candidate over that of another, with its interval."""
    return intervals.of_medians(_costs(one.trials, weights), _costs(other.trials, weights))


def _is_dearer(one: Candidate, other: Candidate, weights: Weights) -> bool:
    """Whether ``one`` costs more than ``other``, beyond noise."""
    found = ratio(one, other, weights)
    return found.low > 1 and found.ratio > NOTICEABLE


def _alike(one: Candidate, other: Candidate, pages: int, page_bytes: int) -> bool:
    """Whether two leave the same behind: faults still to take, dirty pages, bytes to write."""
    for name, unit in (
        ("minor_faults", 1),
        ("dirty_pages_after_prefault", 1),
        ("bytes_written_back", page_bytes),
        ("memory_bytes_after_prefault", page_bytes),
    ):
        a, b = one.median(name), other.median(name)
        if (a is None) != (b is None) or abs((a or 0) - (b or 0)) > ALIKE * pages * unit:
            return False
    return True


def recommend(review: Review, weights: Weights | None = None) -> Recommendation | None:
    """Weigh the candidates; None where none ran."""
    weights = weights or Weights()
    ranked = ranking(review, weights)
    if not ranked:
        return None
    best = ranked[0]
    equals = [each for each in ranked if each is best or not _is_dearer(each, best, weights)]
    dearer = [each for each in ranked if each not in equals]
    equals.sort(key=lambda each: list(WAYS).index(each.name))
    margin = ratio(dearer[0], best, weights).ratio - 1 if dearer else None
    load, page_bytes = review.workload, review.workload.backing.page_size_bytes
    chosen: list[Candidate] = []
    for each in equals:
        if not any(_alike(each, other, load.pages, page_bytes) for other in chosen):
            chosen.append(each)
    name = NO_DIFFERENCE if len(chosen) > 1 else chosen[0].name
    equal, tied = (tuple(each.name for each in some) for some in (equals, chosen))
    return Recommendation(name, margin, equal, tied)


def crossing(review: Review, weights: Weights | None = None) -> Crossing:
    """Where the cost of POPULATE_READ comes up to that of POPULATE_WRITE, by interpolation between
    the fractions that were tried; the interval by resampling whole repetitions."""
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
    costs = [
        numpy.array([_costs(review.sweep[name, fraction], weights) for fraction in fractions])
        for name in SWEPT
    ]
    random = numpy.random.default_rng(intervals.SEED)
    repeats = costs[0].shape[1]

    def cross(chosen: Any) -> float | None:
        gap = numpy.median(costs[0][:, chosen], 1) - numpy.median(costs[1][:, chosen], 1)
        if gap[0] >= 0:
            return float(fractions[0])
        above = numpy.flatnonzero(gap >= 0)
        if not len(above):
            return None
        at = int(above[0])
        part = -gap[at - 1] / (gap[at] - gap[at - 1])
        return float(fractions[at - 1] + part * (fractions[at] - fractions[at - 1]))

    best = cross(numpy.arange(repeats))
    if best is None:
        return Crossing(None)
    drawn = [cross(random.integers(0, repeats, repeats)) for _ in range(intervals.RESAMPLES // 4)]
    # what does not cross at all lies beyond the last fraction
    low, high = numpy.percentile([2.0 if each is None else each for each in drawn], (2.5, 97.5))
    return Crossing(best, float(low), float(high) if high <= 1 else None)
