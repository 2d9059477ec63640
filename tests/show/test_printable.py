"""prefault_kit.show.printable: what a name holds can do no harm."""

import pytest

from prefault_kit.show.printable import LONGEST_NAME, printable, printable_long


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain é", "plain é"),
        ("\x1b]0;x\x07", r"\x1b]0;x\x07"),
        ("\u202egpj", r"\u202egpj"),
        ("\udcff", r"\xff"),
        ("a\nb", r"a\nb"),
    ],
)
def test_no_control_characters(name: str, shown: str) -> None:
    """Nor what turns the direction of writing, nor what is no UTF-8."""
    assert printable(name) == shown


def test_a_name_is_bounded_and_a_sentence_is_not() -> None:
    """Cut with dots."""
    assert len(printable("x" * 1000)) == LONGEST_NAME
    assert printable("x" * 1000).endswith("...")
    assert printable_long("x" * 1000) == "x" * 1000
