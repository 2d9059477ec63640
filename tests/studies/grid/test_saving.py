"""prefault_kit.studies.grid.saving: what populating saves."""

import pytest

from prefault_kit.studies.grid.conclusions import SMALL
from prefault_kit.studies.grid.saving import PUBLISHED, RECORDED, savings
from tests.studies.grid.made import result

SIZE = 2 << 20


def test_the_published_saving() -> None:
    """0.119 ms by reading and 0.060 ms by populating, of 512 pages: data/published_timings.csv."""
    first = next(savings(SIZE, []))
    assert (first.memory, first.touch, first.when) == (
        ("private", "anon", SMALL),
        "Read",
        PUBLISHED,
    )
    assert first.touching_ns == pytest.approx(0.119e6 / 512)
    assert first.populating_ns == pytest.approx(0.060e6 / 512)
    assert first.saved_ns == pytest.approx(0.059e6 / 512)


@pytest.mark.parametrize("page", [4096, 16384, 65536])
def test_a_grid_s_saving_is_of_its_own_pages(page: int) -> None:
    """A time is divided by the pages that the machine has."""
    rows = [
        result("Write", best_ms=3.0, page_size_bytes=page),
        result("POPULATE_WRITE", best_ms=4.0, page_size_bytes=page),
    ]
    (mine,) = (each for each in savings(SIZE, rows) if each.when == RECORDED)
    assert (mine.memory, mine.touch) == (("private", "anon", SMALL), "Write")
    assert mine.touching_ns == pytest.approx(3e6 * page / SIZE)
    assert mine.saved_ns == pytest.approx(-1e6 * page / SIZE)


def test_what_did_not_run_has_no_saving() -> None:
    """A pair needs both of its methods, at the size that is asked for."""
    rows = [
        result("Read", best_ms=3.0),
        result("POPULATE_READ", best_ms=None, outcome="error"),
        result("Write", best_ms=3.0, size_bytes=4 << 20),
        result("POPULATE_WRITE", best_ms=3.0, size_bytes=4 << 20),
    ]
    assert {each.when for each in savings(SIZE, rows)} == {PUBLISHED}
