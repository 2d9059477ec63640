"""prefault_kit.kernel.looking: calls are added up, and the longest is kept."""

import time

import pytest

from prefault_kit.kernel.looking import Looking


def test_calls_add_up_and_the_longest_is_kept() -> None:
    """Of single calls and of many at once."""
    looking = Looking()
    looking.add(1, 5, 5)
    looking.add(3, 9, 4)
    assert looking == Looking(calls=4, elapsed_ns=14, longest_ns=5)


def test_it_rests_as_long_as_it_has_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after each call, and never for very long."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    looking = Looking()
    for took_ns in (900_000, 200_000, 10, 60_000_000_000):
        looking.add(1, took_ns, took_ns)
        looking.rest()
    assert slept == [0.0011, 0.005]
