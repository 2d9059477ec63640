"""prefault_kit.studies.field.steps: which pages a step touches."""

import pytest

from prefault_kit import PAGE_SIZE_BYTES as PAGE
from prefault_kit import Backing, Mapping
from prefault_kit.host import thp
from prefault_kit.studies.field import steps

PAGES = 100


def present(step: steps.Step, pages: int = PAGES) -> list[int]:
    """The pages that a step brings, of anonymous memory."""
    with Mapping(Backing.anon(), pages * PAGE) as memory:
        steps.do(memory, step, 1)
        return [page for page in range(pages) if memory.pages().states[page]]


def test_a_range_is_a_part_in_order() -> None:
    """From one part of the memory to another."""
    assert present(steps.Range("touch_write", end=0.1)) == list(range(10))
    assert present(steps.Range("touch_read", begin=0.99)) == [99]
    assert present(steps.Range("touch_write")) == list(range(PAGES))


def test_scattered_reads_are_each_once_and_the_same_each_time() -> None:
    """A quarter of the pages, not in order, and nothing is written."""
    found = present(steps.Scattered(0.25))
    assert len(found) == 25
    assert found != list(range(25))
    assert present(steps.Scattered(0.25)) == found
    with Mapping(Backing.anon(), PAGES * PAGE) as memory:
        steps.Scattered(0.25).do(memory)
        assert memory.usage().anonymous == 0


@pytest.mark.needs("thp")
def test_a_stride_is_a_huge_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whatever size the host's are."""
    monkeypatch.setattr(thp, "size_bytes", lambda: 32 * PAGE)
    assert present(steps.Strided()) == [0, 32, 64, 96]


def test_names_are_operations_and_advice() -> None:
    """As in a method."""
    assert present("populate_write") == list(range(PAGES))
    assert present("MADV_RANDOM") == []
