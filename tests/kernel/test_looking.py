"""prefault_kit.kernel.looking: calls are added up, and the longest is kept."""

from prefault_kit.kernel.looking import Looking


def test_calls_add_up_and_the_longest_is_kept() -> None:
    """Of single calls and of many at once."""
    looking = Looking()
    looking.add(1, 5, 5)
    looking.add(3, 9, 4)
    assert looking == Looking(calls=4, elapsed_ns=14, longest_ns=5)
