"""prefault_kit.kernel.errors: what the C answers, and what it cannot be given, in a sentence."""

import errno

import numpy
import pytest

from prefault_kit.kernel.errors import ERRNO_NAMES, check, whole


def test_a_failure_is_an_error_that_names_its_call() -> None:
    """-errno is raised with its number kept; anything else is passed on."""
    assert check(3, "open") == 3
    with pytest.raises(FileNotFoundError, match="open: No such file") as caught:
        check(-errno.ENOENT, "open")
    assert caught.value.errno == errno.ENOENT


def test_poisoned_pages_have_their_name() -> None:
    """Python before 3.14 does not know it."""
    assert "EHWPOISON" in ERRNO_NAMES.values()
    assert ERRNO_NAMES[errno.ENOENT] == "ENOENT"


@pytest.mark.parametrize("value", [1, 8, numpy.int64(3)])
def test_whole_numbers_within_bounds_are_taken(value: int) -> None:
    """NumPy's integers too, as Python's own."""
    assert whole("threads", value, 1, 8) == value
    assert type(whole("threads", value, 1, 8)) is int


@pytest.mark.parametrize("value", [0, 9, True, 1.0, "1", None, 10**40])
def test_others_are_refused_in_one_sentence(value: object) -> None:
    """Also numbers that Python itself would not print."""
    with pytest.raises(ValueError, match=r"^threads is a whole number from 1 to 8, not ") as caught:
        whole("threads", value, 1, 8)  # type: ignore[arg-type]
    assert len(str(caught.value)) < 100
    if value == 10**40:
        assert "more than 30 digits" in str(caught.value)
