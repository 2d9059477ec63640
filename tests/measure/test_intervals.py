"""prefault_kit.measure.intervals: how sure a ratio of medians is."""

from typing import Any

import numpy
import pytest

from prefault_kit.measure import intervals


def test_the_ratio_is_of_the_medians() -> None:
    """The middle ones are compared, not the best or the mean."""
    found = intervals.of_medians((1.0, 2.0, 9.0), (1.0, 4.0, 5.0))
    assert found.ratio == 0.5
    assert found.low <= found.ratio <= found.high


def test_what_varies_together_leaves_a_narrow_interval() -> None:
    """Interleaved repetitions are resampled in pairs: a slow minute for both says nothing."""
    together = intervals.of_medians((1.0, 2.0, 3.0, 4.0, 5.0), (2.0, 4.0, 6.0, 8.0, 10.0))
    assert (together.low, together.high) == (0.5, 0.5)
    apart = intervals.of_medians((1.0, 2.0, 3.0, 4.0, 5.0), (10.0, 8.0, 6.0, 4.0, 2.0))
    assert apart.low < 0.5 < apart.high


def test_the_same_repetitions_give_the_same_interval() -> None:
    """The seed is fixed."""
    one, other = (1.0, 1.3, 1.2), (1.1, 1.0, 1.5)
    first = intervals.of_medians(one, other)
    intervals.of_medians.cache_clear()
    assert intervals.of_medians(one, other) == first


@pytest.mark.parametrize("repeats", [2, 7, 50])
def test_the_interval_is_that_of_scipy(repeats: int) -> None:
    """The same resamples, the same percentiles, to the last digit."""
    # here, for its import takes 2 s, and every process collects this
    stats = pytest.importorskip("scipy.stats")

    figures = numpy.random.default_rng(1).normal(10.0, 1.0, repeats)

    def median(drawn: Any, axis: int = -1) -> Any:
        return numpy.median(figures[drawn], axis=axis)

    interval = stats.bootstrap(
        (numpy.arange(repeats),),
        median,
        vectorized=True,
        confidence_level=intervals.CONFIDENCE,
        n_resamples=intervals.RESAMPLES,
        method="percentile",
        rng=numpy.random.default_rng(intervals.SEED),
    ).confidence_interval
    assert intervals.of_repetitions(repeats, median) == (interval.low, interval.high)


def test_the_interval_is_that_of_95_per_cent() -> None:
    """The median of 5 draws out of 5 is the lowest one in 5.8 % of all cases, the second in 26 %:
    95 % reach from the first to the last, 68 % only from the second to the fourth."""
    found = intervals.of_medians((1.0, 2.0, 3.0, 4.0, 5.0), (1.0,) * 5)
    assert (found.low, found.high) == (1.0, 5.0)
    assert intervals.CONFIDENCE == 0.95


def test_the_interval_covers_what_it_should() -> None:
    """A known median lies within in about 95 of 100 samples, not in 68: the seed is fixed."""
    random = numpy.random.default_rng(intervals.SEED)
    covered = 0
    for sample in random.normal(10.0, 1.0, (200, 21)):
        found = intervals.of_medians(tuple(sample), (10.0,) * 21)
        covered += found.low <= 1 <= found.high
    assert 180 <= covered <= 198


def test_outliers_do_not_widen_the_interval() -> None:
    """It is that of the medians: one repetition of a thousand times the length moves a mean's."""
    steady = (1.0, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06, 1.07, 1.08, 1000.0)
    found = intervals.of_medians(steady, (1.0,) * 10)
    assert found.high <= 1.08


def test_repetitions_are_drawn_whole() -> None:
    """What depends on several figures of one repetition sees them together."""
    figures = numpy.arange(7.0)

    def difference(drawn: Any, axis: int = -1) -> Any:
        return (figures[drawn] - figures[drawn]).sum(axis=axis)

    assert intervals.of_repetitions(7, difference) == (0.0, 0.0)


def test_many_repetitions_are_drawn_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many at once, the interval is the same."""
    one = tuple(1 + i % 7 for i in range(50))
    found = intervals.of_medians(one, (1.0,) * 50)
    intervals.of_medians.cache_clear()
    monkeypatch.setattr(intervals, "DRAWN_AT_ONCE", 3000)
    assert intervals.of_medians(one, (1.0,) * 50) == found


def test_what_ran_apart_is_resampled_apart() -> None:
    """What varies together does not make the interval narrow: it is chance here."""
    one = (1.0, 2.0, 3.0, 4.0, 5.0)
    (found,) = intervals.of_apart([one], one)
    assert found.ratio == 1
    assert found.low < 0.7
    assert found.high > 1.4
    assert intervals.of_apart([], one) == []


@pytest.mark.parametrize("repeats", [1, 2, 3, 10, 21])
def test_resampled_medians_are_those_that_are_drawn(repeats: int) -> None:
    """Without drawing a resample: their mean and spread are those of 20 000 that are drawn."""
    sample = [float(each) for each in range(1, repeats + 1)]
    found = intervals._medians(sample, 0)
    random = numpy.random.default_rng(5)
    drawn = numpy.median(random.choice(sample, (20_000, repeats)), axis=1)
    assert found.mean() == pytest.approx(drawn.mean(), rel=0.03)
    assert found.std() == pytest.approx(drawn.std(), rel=0.08)
    assert set(found) <= set(drawn) | {each / 2 for each in range(2, 2 * repeats + 1)}


def test_sides_may_have_other_numbers_of_repetitions() -> None:
    """Also very many: no resample is drawn, so that takes no memory. The interval is the same each
    time, and its order is of no matter."""
    many = [1.0 + at / 100_000 for at in range(100_000)]
    (found,) = intervals.of_apart([many], [1.0, 1.0, 1.0])
    assert (found.low, found.high) == pytest.approx((1.5, 1.5), abs=0.01)
    assert intervals.of_apart([many[::-1]], [1.0, 1.0, 1.0]) == [found]
