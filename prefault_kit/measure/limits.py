"""Upper limits of what an experiment may ask for: beyond them a number is a slip of the finger.

One place for experiments, workloads, grids and watches, so that all of them refuse alike.
"""

from __future__ import annotations

from typing import Any

MOST_REPEATS = 10_000
"""Repetitions of a cell: at a second each they take three hours."""
MOST_THREADS = 1024
"""Threads that share the work of one repetition; each takes a stack."""


def check_whole_number(name: str, value: Any, least: int, most: int) -> None:
    """ValueError in one sentence unless ``value`` is an int from ``least`` to ``most``.

    >>> check_whole_number("repeats", 10, 1, MOST_REPEATS)
    >>> check_whole_number("threads", 10**12, 1, MOST_THREADS)
    Traceback (most recent call last):
    ...
    ValueError: threads is a whole number from 1 to 1024, not 1000000000000
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} is a whole number from {least} to {most}, not {_short(value)}")


def _short(value: Any) -> str:
    """A value as a sentence can show it; Python refuses to print very long integers."""
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    return repr(value)
