"""What tells results apart: a unique label for each, and what all of them have in common."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence

from prefault_kit.measure.result import Result
from prefault_kit.memory.backing import label
from prefault_kit.memory.sizes import format_bytes


def traits(result: Result) -> tuple[str, ...]:
    """What distinguishes a cell besides its method: ``Anon 4 KiB``, ``private``, ``2 MiB``..."""
    return (
        label(result.backing, result.page_size_bytes),
        result.sharing,
        format_bytes(result.size_bytes),
        f"{result.start} start",
    )


def common(results: Sequence[Result]) -> str:
    """The traits that all results share: ``Anon 4 KiB, private, 2 MiB, empty start``."""
    values = [set(column) for column in zip(*map(traits, results), strict=True)]
    return ", ".join(value.pop() for value in values if len(value) == 1)


def labels(results: Sequence[Result]) -> list[str]:
    """A unique label for each result: the method, and on a second line the traits that differ.

    The same cell run twice is numbered: ``Read #1``, ``Read #2``.
    """
    columns = [set(column) for column in zip(*map(traits, results), strict=True)]
    differing = [
        ", ".join(
            value for value, column in zip(traits(result), columns, strict=True) if len(column) > 1
        )
        for result in results
    ]
    names = list(zip((result.method for result in results), differing, strict=True))
    total, seen = Counter(names), Counter[tuple[str, str]]()
    unique = []
    for name in names:
        seen[name] += 1
        number = f" #{seen[name]}" if total[name] > 1 else ""
        unique.append("\n".join(filter(None, (name[0] + number, name[1]))))
    return unique


def letters(number: int) -> str:
    """A to Z, then AA, AB and so on.

    >>> letters(0), letters(25), letters(26)
    ('A', 'Z', 'AA')
    """
    more, last = divmod(number, len(string.ascii_uppercase))
    return (letters(more - 1) if more else "") + string.ascii_uppercase[last]
