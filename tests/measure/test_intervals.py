"""prefault_kit.measure.intervals: how sure a ratio of medians is."""

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
