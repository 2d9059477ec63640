"""prefault_kit.show.printable: whatever a name holds, it is a harmless line."""

from __future__ import annotations

import pytest

from prefault_kit.show.printable import LONGEST_NAME, printable, printable_long


@pytest.mark.parametrize(
    ("text", "said"),
    [("a b", "a b"), ("\x1b[2J", "\\x1b[2J"), ("\n", "\\x0a"), ("\udcff", "\\xff"),
     ("\u2028", "\\u2028")],
)  # fmt: skip
def test_control_characters_and_bytes(text: str, said: str) -> None:
    """They are seen, and do nothing."""
    assert printable(text) == printable_long(text) == said


def test_a_name_has_a_length() -> None:
    """A sentence may be longer."""
    assert len(printable("a" * 9999)) == LONGEST_NAME
    assert len(printable_long("a" * 9999)) == 9999
