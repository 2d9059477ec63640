"""prefault_kit.studies.trial.mappings: groups of mappings, and when to advise them."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.trial import Plan
from prefault_kit.studies.trial.mappings import Choice, Group, Numbering, moment_of
from prefault_kit.studies.trial.places import Place
from prefault_kit.studies.trial.running import survey
from tests.kernel import traced
from tests.studies.trial.made import ARRAY, FILE

PAGES = 512
SIZE = PAGES * PAGE


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_what_a_program_maps_and_uses() -> None:
    """Once for each place and size; used is what was resident when it was unmapped."""
    command = (traced.program(), "write", str(PAGES), "3")
    groups, watched = survey(Plan(command, Choice(least_bytes=SIZE)))
    group = next(each for each in groups if each.kind == "anonymous private")
    assert (group.count, group.length, group.access) == (3, 3 * SIZE, "rw-")
    assert group.resident_bytes is not None and group.resident_bytes >= SIZE
    assert watched.end.status == 0
    assert group.language == "C"


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_a_reservation_shows_what_becomes_of_it() -> None:
    """Address space of which a part is made writable."""
    command = (traced.program(), "reserve", str(PAGES))
    groups, _ = survey(Plan(command, Choice(least_bytes=SIZE)))
    group = next(each for each in groups if each.access == "---" and each.length == 4 * SIZE)
    assert group.made_writable == 1


def test_the_same_group_in_another_run() -> None:
    """By stack, then without it, then without the path; another access is another group."""
    other = replace(ARRAY, stack=(Place("/lib/other.so", 1),))
    numbers = Numbering([other, ARRAY, FILE])

    def number(group: Group, **changed: object) -> int | None:
        known = {"kind": group.kind, "path": group.path, "access": group.access}
        known |= {"length": group.least_bytes, "stack": group.stack} | changed
        stack = known.pop("stack")
        event = SimpleNamespace(**known)
        return numbers.of(event, stack)  # type: ignore[arg-type]

    assert [number(each) for each in (other, ARRAY, FILE)] == [0, 1, 2]
    unnamed = tuple(Place(each.path, each.offset) for each in ARRAY.stack)
    assert number(ARRAY, stack=unnamed) == 1
    assert number(ARRAY, stack=()) == 0
    assert number(FILE, path="/tmp/other") == 2
    assert number(FILE, access="rw-") is None
    assert number(ARRAY, length=4 * ARRAY.least_bytes) is None


def test_a_choice_of_one_group() -> None:
    """The same, of its sizes and its file alone; a path is no pattern."""
    choice = Choice().of(FILE)
    assert choice.matches(FILE) and not choice.matches(ARRAY)
    assert not choice.matches(replace(FILE, path="/data/xy.bin"))
    assert not Choice(least_bytes=1 << 26).matches(ARRAY)
    assert not Choice(path="*.so").matches(FILE)


def test_the_moment() -> None:
    """After the program's own MADV_HUGEPAGE; when reserved address space is made writable."""
    assert moment_of([]) == moment_of([ARRAY, FILE]) == "mmap"
    assert moment_of([replace(ARRAY, advice=("MADV_HUGEPAGE",)), FILE]) == "advice"
    heap = replace(ARRAY, access="---", made_writable=5)
    assert moment_of([heap, FILE]) == "writable"


def test_the_place_is_outside_of_the_c_library() -> None:
    """What malloc left on the stack of an earlier call is passed over."""
    assert ARRAY.place and ARRAY.place.symbol == "make"
    stale, malloc = Place("/bin/x", 1, "old"), Place("/lib/libc.so.6", 2, "malloc")
    assert replace(ARRAY, stack=(stale, malloc, Place("/bin/x", 3, "new"))).place == Place(
        "/bin/x", 3, "new"
    )
    assert replace(ARRAY, stack=(malloc,)).place == malloc
    assert replace(ARRAY, stack=()).place is None
