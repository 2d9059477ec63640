"""prefault_kit.memory.sizes: sizes as people type and read them."""

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.sizes import check_size, format_bytes, parse_bytes


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


def test_sizes_are_said_as_the_field_does() -> None:
    """format_bytes says 4 KiB, 2 MiB, 1.5 GiB, and 20 TiB as an address space may have."""
    sizes = (100, 4096, 2 << 20, 3 << 29, 20 << 40)
    assert [format_bytes(n) for n in sizes] == ["100 bytes", "4 KiB", "2 MiB", "1.5 GiB", "20 TiB"]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "at least one page"),
        (-PAGE, "at least one page"),
        (PAGE + 1, f"would round up to {2 * PAGE} bytes"),
        (1.5, "whole number"),
        ("2MiB", "whole number"),
        (True, "whole number"),
    ],
)
def test_bad_sizes(size: object, words: str) -> None:
    """A size that cannot be is refused in one sentence that says what to do."""
    with pytest.raises(ValueError, match=words):
        check_size(size, PAGE)  # type: ignore[arg-type]
