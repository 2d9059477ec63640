"""prefault_kit.studies.review.accesses: which pages, in which order."""

import numpy
import pytest

from prefault_kit.studies.review.accesses import plan

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


def test_random_is_the_same_for_everybody_and_in_disorder() -> None:
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
