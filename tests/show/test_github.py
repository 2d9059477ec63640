"""prefault_kit.show.github: lines that a runner reads."""

import pytest

from prefault_kit.show.github import annotation


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("t", "plain", "::notice title=t::plain"),
        ("t", "50%\r\n::error::", "::notice title=t::50%25%0D%0A::error::"),
        ("a,file=b", "c", "::notice title=a%2Cfile=b::c"),
        ("a::b\nc%", "d", "::notice title=a%3A%3Ab%0Ac%25::d"),
    ],
)
def test_nothing_ends_a_command_early(title: str, text: str, expected: str) -> None:
    """No title sets another property or begins the text; no text begins another line."""
    assert annotation("notice", title, text) == expected
