"""prefault_kit.show.sentences: messages as a screen shows them."""

import pytest

from prefault_kit.show.sentences import sentence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no room", "No room."),
        ("Done.", "Done."),
        ("why?", "Why?"),
        ("", ""),
        (None, ""),
        ("Traceback:\n  line\nValueError: no", "ValueError: no."),
    ],
)
def test_sentences(text: str | None, expected: str) -> None:
    """A capital, a full stop; the last line of a traceback."""
    assert sentence(text) == expected
