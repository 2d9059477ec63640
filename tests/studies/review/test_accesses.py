"""prefault_kit.studies.review.accesses: which pages, in which order."""

import tracemalloc

import numpy
import pytest

from prefault_kit.studies.review.accesses import CHUNK, memory_bytes, plan
from prefault_kit.studies.review.trial import _first_touch

PAGES = 1000


@pytest.mark.parametrize("pattern", ["sequential", "random"])
def test_as_many_pages_as_asked_each_once(pattern: str) -> None:
    """A fraction is of the pages: 0.3 of 1000 are 300 different ones."""
    found = plan(PAGES, read=0.3, write=0.02, pattern=pattern)
    read, written = found.pages[found.writes == 0], found.pages[found.writes == 1]
    assert (len(read), len(written)) == (300, 20)
    assert (len(set(read.tolist())), found.pages_written) == (300, 20)
    assert found.pages.max() < PAGES


def test_sequential_goes_upwards_over_the_whole_range() -> None:
    """A page in a hundred is every hundredth; a page that is both is read first."""
    found = plan(PAGES, read=0.01, write=0.01, pattern="sequential")
    assert found.pages.tolist() == [page for page in range(0, PAGES, 100) for _ in range(2)]
    assert found.writes.tolist() == [0, 1] * 10


def test_random_is_shuffled_and_the_same_for_all_candidates() -> None:
    """Candidates are compared on the same accesses."""
    one, other = (plan(PAGES, read=1, write=0, pattern="random") for _ in range(2))
    assert one.pages.tolist() == other.pages.tolist()
    assert sorted(one.pages.tolist()) == list(range(PAGES)) != one.pages.tolist()


def test_a_hot_spot_meets_its_pages_again() -> None:
    """Nine accesses of ten go to a tenth of the pages."""
    found = plan(PAGES, read=1, write=0, pattern="hotspot")
    assert len(found.pages) == PAGES
    counts = numpy.sort(numpy.bincount(found.pages, minlength=PAGES))[::-1]
    assert counts[: PAGES // 10].sum() > 0.85 * PAGES
    assert found.first.sum() == len(set(found.pages.tolist())) < PAGES


def test_first_accesses_are_marked() -> None:
    """A page that is read and written has one first access."""
    found = plan(PAGES, read=1, write=1, pattern="random")
    assert found.first.sum() == PAGES
    firsts = found.pages[found.first]
    assert len(set(firsts.tolist())) == PAGES


def test_what_is_read_again_is_what_was_read() -> None:
    """Each page once, without those that were only written."""
    found = plan(PAGES, read=0.1, write=0.5, pattern="random")
    again = found.read_again.tolist()
    assert sorted(again) == sorted(found.pages[found.writes == 0].tolist())


def test_a_fraction_is_never_rounded_to_nothing() -> None:
    """A hundredth of ten pages is one page, nothing is nothing."""
    assert len(plan(10, read=0.01, write=0, pattern="random").pages) == 1


@pytest.mark.parametrize("pattern", ["sequential", "random", "hotspot"])
@pytest.mark.parametrize(("read", "write"), [(1, 0), (1, 1), (0, 1), (0.01, 0.01), (0.01, 1)])
def test_the_memory_of_a_plan_is_foreseen(pattern: str, read: float, write: float) -> None:
    """Making it, the times of a trial, sorting them, and reading again: not more than is counted,
    and half of what the plans of a review once took for each page."""
    pages = 4 * CHUNK
    tracemalloc.start()
    try:
        made = plan(pages, read=read, write=write, pattern=pattern)
        times = numpy.full(len(made.pages), 7, "uint32")
        again = made.read_again
        peaks = (again, numpy.zeros(len(again), "uint8"), numpy.full(len(again), 7, "uint32"))
        del again, peaks
        _first_touch(times, made.first)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    counted = memory_bytes(pages, read=read, write=write)
    assert peak <= counted
    assert counted - memory_bytes(0, read=0, write=0) <= 26 * pages * (1 + (read == write == 1))


def test_first_accesses_are_found_over_many_chunks() -> None:
    """As one look at all of them would."""
    made = plan(2 * CHUNK, read=1, write=0.5, pattern="hotspot")
    first = numpy.zeros(len(made.pages), bool)
    first[numpy.unique(made.pages, return_index=True)[1]] = True
    assert len(made.pages) > 2 * CHUNK
    assert (made.first == first).all()
    assert made.pages_written == len(numpy.unique(made.pages[made.writes == 1]))
    read = made.pages[made.writes == 0].tolist()
    assert made.read_again.tolist() == list(dict.fromkeys(read))
