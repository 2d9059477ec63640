"""prefault_kit.studies.comparison.facts: what a run may say of its host, and what differs."""

import pytest

from prefault_kit import host
from prefault_kit.studies.comparison import Run, facts
from tests.studies.comparison.made import grid, result


def test_the_facts_of_this_host_are_all_known() -> None:
    """What doctor and every run say: nothing is left out, nothing refused."""
    here = host.facts()
    known, more = facts.known(here)
    assert (known, more) == (here, ())


@pytest.mark.parametrize("name", ["", "a" * 201, "a\x1b", "a\nb", "<b>", "a&b", "\u202e", 1, None])
def test_a_name_is_short_and_has_no_markup(name: object) -> None:
    """Whatever is shown of a stranger's host."""
    assert not facts.is_name(name)
    assert facts.is_name("6.18.44-fc-v509 Übung (R)")


def test_hosts_differ_in_what_they_say() -> None:
    """In order of weight; none is another thing than unknown, and the count of the run, too."""
    a = grid("a", result(1.0), thp="always", memory_limit_bytes=None, date="1")
    b = grid("b", result(1.0, 2.0), thp=None, memory_limit_bytes=1 << 30, date="2", kernel="6.9")
    c = Run("c", "grid", {"kernel": "6.1", "page_size_bytes": 4096}, (result(1.0),))
    found = facts.differences([a, b, c])
    assert [(each.fact, each.values) for each in found] == [
        ("kernel", (("6.1", ("a", "c")), ("6.9", ("b",)))),
        ("thp", (("always", ("a",)), ("none", ("b",)), (None, ("c",)))),
        ("memory_limit_bytes", (("none", ("a",)), (1 << 30, ("b",)), (None, ("c",)))),
        ("repeats", (((1,), ("a", "c")), ((2,), ("b",)))),
    ]
    assert facts.differences([a, a]) == ()


def test_sizes_that_read_the_same_are_no_difference() -> None:
    """A machine has a few pages more or fewer after each boot; a module more is another machine."""
    a, b, c = (
        grid(name, result(1.0), memory_bytes=size)
        for name, size in (("a", 24 << 30), ("b", (24 << 30) - 8192), ("c", 32 << 30))
    )
    assert facts.differences([a, b]) == ()
    (found,) = facts.differences([a, b, c])
    assert found.values == ((24 << 30, ("a", "b")), (32 << 30, ("c",)))
