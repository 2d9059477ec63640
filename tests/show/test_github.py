"""prefault_kit.show.github: lines that a runner reads."""

import pytest

from prefault_kit.show.github import annotation


def test_a_line_of_a_file() -> None:
    """Its path in the repository, whatever is in it."""
    line = annotation("error", "t", "x", ("a,b:c.c", 3))
    assert line == "::error file=a%2Cb%3Ac.c,line=3,title=t::x"


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
