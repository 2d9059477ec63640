"""prefault_kit.kernel.processors: where a thread runs, and that it may run elsewhere afterwards."""

import os

import pytest

from prefault_kit.kernel.processors import running_on, the_first


def test_a_block_has_its_processor() -> None:
    """Also one that raises; the same one each time."""
    allowed, seen = os.sched_getaffinity(0), []

    def fail() -> None:
        with running_on(the_first()):
            seen.append(os.sched_getaffinity(0))
            raise KeyError

    for _ in range(2):
        with pytest.raises(KeyError):
            fail()
        assert os.sched_getaffinity(0) == allowed
    assert seen == [{min(allowed)}] * 2


def test_one_that_is_not_there() -> None:
    """The kernel's error, and nothing has changed."""
    allowed = os.sched_getaffinity(0)
    with pytest.raises(OSError, match="Invalid argument"), running_on({4095}):
        pass
    assert os.sched_getaffinity(0) == allowed
