"""prefault_kit.host.unavailable: why not, and what would help."""

from prefault_kit.host.unavailable import Unavailable


def test_it_reads_as_a_sentence() -> None:
    """With the command where there is one."""
    assert str(Unavailable("there is no room", "make room")) == (
        "there is no room; what would help: make room"
    )
    assert str(Unavailable("there is no room")) == "there is no room"
