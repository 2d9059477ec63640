"""prefault_kit.memory.methods: the table of methods."""

import csv
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import ADVICE
from prefault_kit.memory import methods
from prefault_kit.memory.mapping import Mapping

PUBLISHED = Path(__file__).parents[2] / "data" / "published_timings.csv"


def test_published_methods_are_those_of_the_table() -> None:
    """Names and order of the published methods are those of the published table."""
    with PUBLISHED.open() as table:
        names = [row["method"] for row in csv.DictReader(table) if row["sharing"] == "shared"]
    published = [each.name for each in methods.METHODS.values() if each.published]
    assert published == list(dict.fromkeys(name for name in names[10:]))


def test_every_step_exists() -> None:
    """Each step of each method is an operation of Mapping or an advice."""
    for method in methods.METHODS.values():
        for step in method.steps:
            assert step in ADVICE or callable(getattr(Mapping, step)), (method.name, step)


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("populate_write", "POPULATE_WRITE"),
        ("read", "Read"),
        ("FALLOCATE+WRITE", "FALLOCATE+Write"),
    ],
)
def test_unknown_method_suggests_the_nearest(wrong: str, nearest: str) -> None:
    """A misspelt method is answered with the one that was probably meant."""
    with pytest.raises(ValueError, match="did you mean") as caught:
        methods.method(wrong)
    assert repr(nearest) in str(caught.value)


def test_unknown_method_without_a_neighbour_lists_all() -> None:
    """A word that resembles no method is answered with all of them."""
    with pytest.raises(ValueError, match=r"choose from Read, Write"):
        methods.method("zzzzzz")


@pytest.mark.parametrize(
    ("name", "memory", "applies"),
    [
        ("FALLOCATE", {"has_file": False, "sharing": "shared", "hugetlb": False}, False),
        ("FALLOCATE+Read", {"has_file": True, "sharing": "private", "hugetlb": False}, False),
        ("FALLOCATE+Read", {"has_file": True, "sharing": "shared", "hugetlb": False}, True),
        ("POPULATE_READ", {"has_file": False, "sharing": "private", "hugetlb": True}, True),
        ("MADV_COLLAPSE", {"has_file": False, "sharing": "private", "hugetlb": True}, False),
        ("MADV_COLLAPSE", {"has_file": True, "sharing": "private", "hugetlb": False}, False),
        ("MADV_COLLAPSE", {"has_file": True, "sharing": "shared", "hugetlb": False}, True),
        ("WILLNEED", {"has_file": True, "sharing": "shared", "hugetlb": True}, False),
    ],
)
def test_applies(name: str, memory: dict[str, object], applies: bool) -> None:
    """FALLOCATE needs a shared file, COLLAPSE pages that can be gathered, WILLNEED a real file."""
    reason = methods.applies(methods.METHODS[name], **memory)  # type: ignore[arg-type]
    assert (reason is None) is applies
