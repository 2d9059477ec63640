"""How certain a comparison is: a figure with its confidence interval, by the bootstrap.

Repetitions that ran interleaved belong together, so whole repetitions are resampled; the interval
is that of percentiles, the one of scipy.stats.bootstrap to the last digit, without a second of
importing SciPy. The same repetitions always give the same interval.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CONFIDENCE = 0.95
RESAMPLES = 2000
DRAWN_AT_ONCE = 1 << 18
"""Repetitions that are drawn in one step: it bounds the memory that many repetitions take."""
SEED = 2021


@dataclass(frozen=True)
class Ratio:
    """A ratio and its confidence interval."""

    ratio: float
    low: float
    high: float


@functools.cache
def of_medians(one: tuple[float, ...], other: tuple[float, ...]) -> Ratio:
    """The median of ``one`` over that of ``other``: as many repetitions, pair by pair."""
    import numpy  # here, so that importing the kit stays quick

    a, b = numpy.array(one), numpy.array(other)

    def ratio(drawn: Any, axis: int = -1) -> Any:
        return numpy.median(a[drawn], axis=axis) / numpy.median(b[drawn], axis=axis)

    low, high = of_repetitions(len(one), ratio)
    return Ratio(statistics.median(one) / statistics.median(other), low, high)


def of_repetitions(repeats: int, statistic: Callable[..., Any]) -> tuple[float, float]:
    """The confidence interval of a statistic of repetitions, each drawn whole.

    ``statistic`` takes an array of indices of repetitions, 0 to ``repeats`` - 1, and the axis along
    which they are one sample; it returns an array without that axis.
    """
    import numpy

    random = numpy.random.default_rng(SEED)
    most = max(1, DRAWN_AT_ONCE // repeats)
    found = [
        statistic(random.integers(0, repeats, (min(most, RESAMPLES - done), repeats)), axis=-1)
        for done in range(0, RESAMPLES, most)
    ]
    beyond = 50 * (1 - CONFIDENCE)
    low, high = numpy.percentile(numpy.concatenate(found), (beyond, 100 - beyond))
    return float(low), float(high)
