"""Upper limits of what an experiment may ask for: beyond them a number is a slip of the finger.

One place for experiments, workloads, grids and watches, so that all of them refuse alike.
"""

from __future__ import annotations

from prefault_kit.kernel.errors import whole

MOST_REPEATS = 10_000
"""Repetitions of a cell: at a second each they take three hours."""


def check_whole_number(name: str, value: object, least: int, most: int) -> None:
    """ValueError in one sentence unless ``value`` is an int from ``least`` to ``most``.

    >>> check_whole_number("repeats", 10, 1, MOST_REPEATS)
    >>> check_whole_number("repeats", 10**12, 1, MOST_REPEATS)
    Traceback (most recent call last):
    ...
    ValueError: repeats is a whole number from 1 to 10000, not 1000000000000
    """
    if not isinstance(value, int):  # a record is saved, so NumPy's integers will not do
        raise ValueError(f"{name} is a whole number from {least} to {most}, not {value!r}")
    whole(name, value, least, most)
