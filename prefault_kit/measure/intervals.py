"""How certain a comparison is: a figure with its confidence interval, by the bootstrap.

Repetitions that ran interleaved belong together, so whole repetitions are resampled; the interval
is that of percentiles, the one of scipy.stats.bootstrap to the last digit, without a second of
importing SciPy. The same repetitions always give the same interval.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Sequence
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


def of_apart(several: Sequence[Sequence[float]], base: Sequence[float]) -> list[Ratio]:
    """The median of each of ``several`` over that of ``base``, which ran at another time or place.

    Nothing pairs their repetitions, so each side is resampled on its own, and there may be more of
    one than of the other. All times are above 0. What changes from run to run is in no interval.

    >>> of_apart([[2.0, 2.0, 2.0]], [1.0, 1.0])
    [Ratio(ratio=2.0, low=2.0, high=2.0)]
    """
    import numpy

    if not several:
        return []
    drawn = numpy.array([_medians(each, 1) for each in several]) / _medians(base, 0)
    beyond = 50 * (1 - CONFIDENCE)
    lows, highs = numpy.percentile(drawn, (beyond, 100 - beyond), axis=1)
    middle = statistics.median(base)
    return [
        Ratio(statistics.median(each) / middle, float(low), float(high))
        for each, low, high in zip(several, lows, highs, strict=True)
    ]


def _medians(sample: Sequence[float], stream: int) -> Any:
    """Medians of :data:`RESAMPLES` resamples, in the same order for the same ``stream``."""
    import numpy

    low, high = _middles(len(sample), stream)
    ordered = numpy.sort(numpy.array(sample, dtype=float))
    return (ordered[low] + ordered[high]) / 2


@functools.lru_cache(maxsize=64)
def _middles(repeats: int, stream: int) -> tuple[Any, Any]:
    """Which repetitions, in order of size, are the middle two of each resample (or twice the one).

    The k-th smallest of n numbers drawn evenly from 0 to 1 has a beta distribution, and so has the
    step to the next: no resample is drawn, however many repetitions there are.
    """
    import numpy

    random = numpy.random.default_rng((SEED, stream))
    at = (repeats + 1) // 2
    low = random.beta(at, repeats - at + 1, RESAMPLES)
    high = low
    if repeats % 2 == 0:
        high = low + (1 - low) * random.beta(1, repeats - at, RESAMPLES)
    last = repeats - 1
    return tuple(numpy.minimum((each * repeats).astype(int), last) for each in (low, high))


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
