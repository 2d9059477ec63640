"""prefault_kit.show.units: times, counts and rates as people read them."""

import pytest

from prefault_kit.show.units import format_count, format_ms, format_rate


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
