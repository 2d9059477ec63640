"""prefault_kit.studies.weights.ways: each is told apart by what it does."""

import pytest

from prefault_kit.kernel.syscalls import ADVICE
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.weights.ways import (
    AT_ONCE,
    BY_TENSOR,
    DIRECT,
    LAZY,
    MAPPED,
    READ,
    READ_IN,
    USUAL,
    WAYS,
    WINDOWS,
    way,
)


@pytest.mark.parametrize("each", WAYS.values(), ids=list(WAYS))
def test_a_way_is_made_of_what_there_is(each: object) -> None:
    """Its steps are operations of a Mapping or advice; it has a source; no other row does the
    same."""
    row = way(each.name)
    assert all(step in ADVICE or hasattr(Mapping, step) for step in row.steps)
    assert row.into in (MAPPED, READ, DIRECT)
    assert row.source.startswith("https://")
    same = [
        other
        for other in WAYS.values()
        if vars(other) | {"name": "", "source": ""} == vars(row) | {"name": "", "source": ""}
    ]
    assert same == [row]


def test_what_is_usual() -> None:
    """All but what needs a plan of its own."""
    assert set(USUAL) < set(WAYS)
    assert BY_TENSOR not in USUAL


def test_what_is_brought_in_before_its_use() -> None:
    """A lazy mapping and memory that is read into are not prefaulted mappings."""
    assert [way(name).prefaults for name in (LAZY, READ_IN)] == [False, False]
    assert all(way(name).prefaults for name in (AT_ONCE, WINDOWS, BY_TENSOR))


def test_a_way_that_there_is_not() -> None:
    """The sentence names those that there are."""
    with pytest.raises(ValueError, match="no way 'fast' to load; choose from mmap, lazy, "):
        way("fast")
