"""prefault_kit.studies.process.changes: what is the same mapping, and what changed in it."""

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.process import changes
from tests.studies.process.made import ADDRESS, mapping, overview


def test_nothing_changed() -> None:
    """Two looks at the same."""
    found = changes.between(overview(mapping(4), taken_s=1), overview(mapping(4), taken_s=3))
    assert (found.seconds, found.mappings) == (2.0, ())


def test_grown_new_and_gone() -> None:
    """By where a mapping begins and what it maps; a stack by where it ends."""
    stack = mapping(4, address=ADDRESS + 100 * PAGE, name="[stack]")
    grown_stack = mapping(6, address=ADDRESS + 98 * PAGE, name="[stack]")
    gone = mapping(2, address=ADDRESS + 50 * PAGE)
    new = mapping(3, address=ADDRESS + 60 * PAGE)
    before = overview(mapping(4, present=1), stack, gone)
    after = overview(mapping(8, present=5), grown_stack, new)
    found = changes.between(before, after)
    assert [each.size_bytes // PAGE for each in found.mappings] == [4, -2, 3, 2]
    assert [each.pages("present") for each in found.mappings] == [4, 0, 0, 0]
    assert [each.before is None for each in found.mappings] == [False, False, True, False]
    assert [each.after is None for each in found.mappings] == [False, True, False, False]


def test_another_file_at_the_same_place_is_another_mapping() -> None:
    """One gone, one new."""
    found = changes.between(overview(mapping(4)), overview(mapping(4, name="/file")))
    assert len(found.mappings) == 2


def test_what_is_not_known_is_no_difference() -> None:
    """None, not 0."""
    before, after = mapping(4, name="/f", cached=None), mapping(4, name="/f", cached=3, present=1)
    [found] = changes.between(overview(before), overview(after)).mappings
    assert found.cached is None
    assert found.usage("private_hugetlb") is None


def test_two_processes_are_not_compared() -> None:
    """An id that was reused has another start."""
    with pytest.raises(ValueError, match="of two processes"):
        changes.between(overview(), overview(start_ticks=2))


@pytest.mark.parametrize("name", ["private_dirty", "shared_dirty", "locked"])
def test_accounting_alone_is_a_change(name: str) -> None:
    """What was written back, shared or locked is where it was before."""
    [found] = changes.between(
        overview(mapping(4, present=4)), overview(mapping(4, present=4, usage={name: 4 * PAGE}))
    ).mappings
    assert found.usage(name) == 4 * PAGE
