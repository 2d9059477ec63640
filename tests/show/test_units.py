"""prefault_kit.show.units: sizes and times as people type and read them."""

import pytest

from prefault_kit.memory.sizes import parse_bytes
from prefault_kit.show.units import format_count, format_ms, format_rate


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("2 MiB", 2 << 20),
        ("2MiB", 2 << 20),
        (" 4 gib ", 4 << 30),
        ("64k", 64 << 10),
        ("8192", 8192),
        ("8192 bytes", 8192),
        ("1.5 MiB", 3 << 19),
        ("0", 0),
        ("-4 KiB", -4096),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size_bytes: int) -> None:
    """Units are powers of 1024, a space or none; a sign is kept for others to refuse."""
    assert parse_bytes(text) == size_bytes


@pytest.mark.parametrize("text", ["", "much", "2 parsecs", "MiB", "1.2.3", "1e6", "2 MiB more"])
def test_what_is_no_size_says_what_to_type(text: str) -> None:
    """The sentence has the text and an example."""
    with pytest.raises(ValueError, match="is not a size; type one like"):
        parse_bytes(text)


def test_parts_of_bytes_are_refused() -> None:
    """0.3 KiB is no whole number of bytes."""
    with pytest.raises(ValueError, match="whole number of bytes"):
        parse_bytes("0.3 KiB")


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
