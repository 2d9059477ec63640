"""How sure a comparison is: the ratio of two medians with its confidence interval.

Repetitions that ran interleaved belong together, so they are resampled in pairs
(scipy.stats.bootstrap); the same repetitions always give the same interval.
"""

from __future__ import annotations

import functools
import statistics
from dataclasses import dataclass
from typing import Any

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 2021


@dataclass(frozen=True)
class Ratio:
    """A ratio, and between which it lies."""

    ratio: float
    low: float
    high: float


@functools.cache
def of_medians(one: tuple[float, ...], other: tuple[float, ...]) -> Ratio:
    """The median of ``one`` over that of ``other``: as many repetitions, pair by pair."""
    import numpy  # here, so that importing the kit stays quick
    from scipy import stats

    def ratio(a: Any, b: Any, axis: int = -1) -> Any:
        return numpy.median(a, axis=axis) / numpy.median(b, axis=axis)

    found = stats.bootstrap(
        (one, other),
        ratio,
        paired=True,
        vectorized=True,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=numpy.random.default_rng(SEED),
    ).confidence_interval
    return Ratio(
        statistics.median(one) / statistics.median(other), float(found.low), float(found.high)
    )
