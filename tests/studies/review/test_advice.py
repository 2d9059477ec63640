"""prefault_kit.studies.review.advice: what is recommended, and where READ and WRITE cross."""

from dataclasses import replace

import pytest

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review import Weights, Workload, advice, crossing, recommend
from prefault_kit.studies.review.advice import NO_DIFFERENCE
from tests.studies.review.made import PAGES, candidate, review, trial

HUGE = 512 * PAGE
STEADY = (10.0, 10.1, 10.0, 9.9, 10.0)


def slower(factor: float) -> tuple[float, ...]:
    return tuple(ms * factor for ms in STEADY)


def test_the_cheapest_is_recommended_with_its_margin() -> None:
    """A tenth more costs the next one: a margin of 0.1."""
    found = recommend(
        review(
            candidate("POPULATE_WRITE", *slower(1.1)),
            candidate("POPULATE_READ", *STEADY, minor_faults=500),
        )
    )
    assert found is not None
    assert found.name == "POPULATE_READ"
    assert found.margin == pytest.approx(0.1)
    assert found.equals == found.tied == ("POPULATE_READ",)


def test_the_margin_is_that_of_the_next_one() -> None:
    """However much more the others cost."""
    found = recommend(
        review(
            candidate("nothing", *slower(3)),
            candidate("POPULATE_READ", *STEADY),
            candidate("POPULATE_WRITE", *slower(1.5)),
        )
    )
    assert found is not None
    assert found.margin == pytest.approx(0.5)


def test_equal_costs_that_leave_different_things_are_no_difference() -> None:
    """One of each sort is named, for a choice by what they leave."""
    found = recommend(
        review(
            candidate("POPULATE_READ", *STEADY, minor_faults=500),
            candidate("POPULATE_WRITE", *slower(1.01), bytes_written_back=PAGES * PAGE),
            candidate("nothing", *slower(3)),
        )
    )
    assert found is not None
    assert found.name == NO_DIFFERENCE
    assert found.equals == found.tied == ("POPULATE_READ", "POPULATE_WRITE")
    assert found.margin == pytest.approx(2.0)


def test_of_two_that_leave_the_same_the_earlier_is_recommended() -> None:
    """MAP_POPULATE does what POPULATE_READ does to shared memory, and hides its errors."""
    found = recommend(
        review(
            candidate("MAP_POPULATE", *slower(0.99), minor_faults=500),
            candidate("POPULATE_READ", *STEADY, minor_faults=505),
        )
    )
    assert found is not None
    assert (found.name, found.margin) == ("POPULATE_READ", None)
    assert found.equals == ("POPULATE_READ", "MAP_POPULATE")
    assert found.tied == ("POPULATE_READ",)


def test_noise_makes_no_winner() -> None:
    """A better median in trials that vary more than they differ says nothing."""
    found = recommend(
        review(
            candidate("POPULATE_READ", 10, 30, 11, 28, 12, minor_faults=500),
            candidate("POPULATE_WRITE", 13, 12, 30, 11, 29),
        )
    )
    assert found is not None
    assert found.name == NO_DIFFERENCE


def test_weights_turn_the_ranking() -> None:
    """What starts late and runs fast wins as soon as starting is cheap."""
    measured = review(
        candidate("POPULATE_WRITE", *STEADY, prefault_ms=50.0),
        candidate("nothing", *slower(3), minor_faults=1000),
    )
    one, other = recommend(measured), recommend(measured, Weights(startup=0.1))
    assert one is not None
    assert other is not None
    assert (one.name, other.name) == ("nothing", "POPULATE_WRITE")


def test_nothing_measured_nothing_recommended() -> None:
    """No candidate ran."""
    assert recommend(review()) is None


def sweep(read: list[float], write: list[float]) -> dict[tuple[str, float], tuple]:
    fractions = (0.0, 0.5, 1.0)
    return {
        (name, fraction): tuple(trial(access_ms=ms + extra) for extra in (0.0, 0.1, 0.2))
        for name, costs in (("POPULATE_READ", read), ("POPULATE_WRITE", write))
        for fraction, ms in zip(fractions, costs, strict=True)
    }


def test_the_crossing_lies_between_the_fractions() -> None:
    """10 to 20 against 14 to 14: at two fifths."""
    found = crossing(review(sweep=sweep([10, 15, 20], [14, 14, 14])))
    assert found.fraction == pytest.approx(0.4)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 0.4 <= found.high


@pytest.mark.parametrize(
    ("read", "write", "fraction"), [([9, 9, 9], [5, 5, 5], 0.0), ([1, 2, 3], [5, 5, 5], None)]
)
def test_one_may_win_everywhere(read: list[float], write: list[float], fraction: object) -> None:
    """WRITE from the first page on, or never."""
    assert crossing(review(sweep=sweep(read, write))).fraction == fraction


def test_without_a_sweep_there_is_no_crossing() -> None:
    """A file of one's own is not written at any fraction."""
    assert crossing(review()).fraction is None


@pytest.mark.parametrize(
    ("figures", "alike"),
    [
        ({"minor_faults": 1}, False),
        ({"bytes_written_back": HUGE}, False),
        ({"memory_bytes_after_prefault": HUGE}, False),
        ({"dirty_pages_after_prefault": HUGE // PAGE}, False),
        ({"dirty_pages_after_prefault": 1}, True),
        ({"memory_bytes_after_prefault": PAGE}, True),
    ],
)
def test_effects_are_compared_in_bytes(figures: dict[str, int], alike: bool) -> None:
    """Of ten huge pages one is a tenth: a fault is of a huge page, a dirty page is a small one."""
    found = recommend(
        replace(
            review(
                candidate("POPULATE_READ", *STEADY),
                candidate("POPULATE_WRITE", *STEADY, **figures),
            ),
            workload=Workload(Backing("hugetlbfs", HUGE, "/nowhere"), size_bytes=10 * HUGE),
        )
    )
    assert found is not None
    assert (found.name == "POPULATE_READ") == alike


def test_the_cost_is_the_median_of_the_trials() -> None:
    """One slow trial changes nothing."""
    made = candidate("POPULATE_READ", 10.0, 10.0, 10.0, 900.0, 10.0)
    assert advice.cost_of(made, Weights()) == 0.01
    assert advice.ratio(made, candidate("nothing", *(20.0,) * 5), Weights()).ratio == 0.5


def test_the_crossing_is_of_medians_and_its_interval_of_whole_repetitions() -> None:
    """An outlier in one repetition moves neither; what varies together leaves no width."""
    noise = (0.0, 5.0, 1.0, 900.0, 2.0)  # the same for all cases of a repetition
    together = {
        (name, fraction): tuple(trial(access_ms=100 + ms + extra) for extra in noise)
        for name, costs in (("POPULATE_READ", (10, 20)), ("POPULATE_WRITE", (14, 14)))
        for fraction, ms in zip((0.0, 1.0), costs, strict=True)
    }
    found = crossing(review(sweep=together))
    assert found.fraction == pytest.approx(0.4)
    assert (found.low, found.high) == (pytest.approx(0.4), pytest.approx(0.4))


def test_the_interval_of_a_crossing_may_end_beyond_all() -> None:
    """In most of the repetitions it is near the last fraction, in others nowhere."""
    read = (13.9, 14.1, 14.1, 13.9, 14.1)
    made = {
        ("POPULATE_READ", 0.0): tuple(trial(access_ms=10.0) for _ in read),
        ("POPULATE_READ", 1.0): tuple(trial(access_ms=ms) for ms in read),
        ("POPULATE_WRITE", 0.0): tuple(trial(access_ms=14.0) for _ in read),
        ("POPULATE_WRITE", 1.0): tuple(trial(access_ms=14.0) for _ in read),
    }
    found = crossing(review(sweep=made))
    assert found.fraction == pytest.approx(4 / 4.1)
    assert found.high is None
