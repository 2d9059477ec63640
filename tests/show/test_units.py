"""prefault_kit.show.units: times, counts and rates as people read them."""

import pytest

from prefault_kit.show.units import (
    format_count,
    format_ms,
    format_rate,
    round_ticks,
    time_ticks,
)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0.0605, "0.060 ms"),
        (1.234, "1.23 ms"),
        (12.34, "12.3 ms"),
        (123.4, "123 ms"),
        (1234, "1.23 s"),
        (12345, "12.3 s"),
    ],
)
def test_times_have_three_figures(milliseconds: float, text: str) -> None:
    """From the published table's thousandths of a millisecond up to seconds."""
    assert format_ms(milliseconds) == text


def test_counts_and_rates_have_units() -> None:
    """One page, two pages, and bytes a second."""
    assert [format_count(count, "page") for count in (0, 1, 2048)] == [
        "0 pages",
        "1 page",
        "2,048 pages",
    ]
    assert format_rate(2 << 30, 1000) == "2 GiB/s"
    assert format_rate(2 << 30, 0) == ""


def test_ticks_are_round() -> None:
    """From 0, few, whatever the size; none where there is nothing; without needless zeros."""
    for most in (1e-6, 0.7, 3, 99, 1234.5, 9e12):
        found = round_ticks(most, 6)
        assert found[0] == 0 and 3 <= len(found) <= 8 and found[-1] <= most * 1.001
    assert round_ticks(0, 6) == round_ticks(float("nan"), 6) == [0.0]
    for most, words in ((0.9, "0.8 ms"), (250, "250 ms"), (999, "800 ms"), (2500, "2.5 s")):
        assert (time_ticks(most)[0], time_ticks(most)[-1][1]) == ((0, "0"), words)
    assert {words[-2:] for _, words in time_ticks(2500)[1:]} == {" s"}
