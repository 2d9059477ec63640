"""prefault_kit.kernel.libc: functions by their names."""

import errno
import os

import pytest

from prefault_kit.kernel import libc


def test_a_result_comes_back() -> None:
    """As the function gives it."""
    assert libc.call("getpid") == os.getpid()


def test_a_failure_is_an_oserror_that_names_the_function() -> None:
    """With errno."""
    with pytest.raises(OSError, match=r"^\[Errno 9\] close: ") as caught:
        libc.call("close", -1)
    assert caught.value.errno == errno.EBADF
