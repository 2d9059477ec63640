"""prefault_kit.measure.limits: what is too much, in one sentence."""

import doctest

import pytest

from prefault_kit.measure import limits


@pytest.mark.parametrize("value", [1, 2, 10])
def test_what_lies_within_passes(value: int) -> None:
    """Both ends are allowed."""
    limits.check_whole_number("repeats", value, 1, 10)


@pytest.mark.parametrize("value", [0, -1, 11, 10**21, True, 2.0, "2", None])
def test_what_does_not_is_one_sentence_with_both_ends(value: object) -> None:
    """Also a bool, which is an int to Python."""
    with pytest.raises(ValueError, match=r"^repeats is a whole number from 1 to 10, not [^\n]+$"):
        limits.check_whole_number("repeats", value, 1, 10)


def test_a_number_too_long_to_print_is_refused_too() -> None:
    """Python itself refuses to turn it into text."""
    with pytest.raises(ValueError, match="not a number of more than 30 digits"):
        limits.check_whole_number("repeats", 10**5000, 1, 10)


def test_the_example_is_true() -> None:
    """The sentence in the docstring is the one that is raised."""
    assert doctest.testmod(limits) == (0, 2)
