"""prefault_kit.studies.weights.crossing: where one way overtakes another."""

import math

import pytest

from prefault_kit.host import Unavailable
from prefault_kit.studies.weights.crossing import OVER_LIMIT, USED, compare
from prefault_kit.studies.weights.plan import Plan
from prefault_kit.studies.weights.result import Found
from tests.studies.weights import made


def along(*points: tuple[float, float | None, float | None]) -> list[Found]:
    """Runs by the part that is used, with the times of two ways."""
    return [
        made.found(Plan(size_bytes=made.SIZE, used=used), a=one, b=other)
        for used, one, other in points
    ]


def test_they_cross_between_two_points() -> None:
    """In the middle of the logarithms, where the ratios are one over the other."""
    found = compare(along((1.0, 20.0, 10.0), (0.25, 5.0, 10.0)), "a", "b", USED)
    assert found.at == pytest.approx(0.5)
    assert (found.below, found.above) == ("a", "b")
    assert [value for value, _ in found.points] == [0.25, 1.0]


def test_one_is_faster_all_along() -> None:
    """There is no crossing."""
    found = compare(along((0.25, 1.0, 2.0), (1.0, 1.0, 3.0)), "a", "b", USED)
    assert found.at is None
    assert found.below == found.above == "a"
    assert found.changes == 0


def test_what_is_about_equal_says_nothing() -> None:
    """Noise around 1 is no crossing: the line goes from the last clear point to the next."""
    noisy = along((0.25, 10.0, 20.0), (0.5, 10.0, 9.7), (0.6, 10.0, 10.3), (1.0, 20.0, 10.0))
    found = compare(noisy, "a", "b", USED)
    assert (found.below, found.above, found.changes) == ("a", "b", 1)
    assert found.at == pytest.approx(0.5)
    equal = compare(along((0.25, 10.0, 10.0), (1.0, 10.0, 10.5)), "a", "b", USED)
    assert (equal.below, equal.above, equal.at) == (None, None, None)


def test_crossing_back_is_told() -> None:
    """Where they cross twice, both changes count."""
    found = compare(along((0.25, 5, 10), (0.5, 20, 10), (1, 5, 10)), "a", "b", USED)
    assert found.changes == 2
    assert found.below == found.above == "a"


@pytest.mark.parametrize("dead", [(None, 10.0), (10.0, None)])
def test_who_is_killed_has_lost(dead: tuple[float | None, float | None]) -> None:
    """From that point on, whichever it is."""
    alive = (5.0, 10.0) if dead[0] is None else (10.0, 5.0)
    found = compare(along((0.25, *alive), (1.0, *dead)), "a", "b", USED)
    assert found.at == 1.0
    assert found.below != found.above
    assert found.points[-1][1] in (math.inf, 0.0)


def test_the_file_over_the_memory() -> None:
    """The axis of the limit; runs that could not be had, or where both died, are left out."""
    runs = [
        made.found(Plan(size_bytes=made.SIZE, limit_bytes=limit), a=1.0, b=other)
        for limit, other in ((made.SIZE, 4.0), (made.SIZE // 2, 0.5))
    ]
    runs.append(made.found(Plan(size_bytes=made.SIZE, limit_bytes=1 << 20), a=None, b=None))
    runs.append(Found(Plan(), missing=Unavailable("no cgroup")))
    found = compare(runs, "a", "b", OVER_LIMIT)
    assert [value for value, _ in found.points] == [1.0, 2.0]
    assert found.at == pytest.approx(2 ** (2 / 3))


def test_one_run_is_too_few() -> None:
    """A sentence says so."""
    with pytest.raises(ValueError, match="two runs at least"):
        compare(along((1.0, 1.0, 2.0)), "a", "b", USED)
