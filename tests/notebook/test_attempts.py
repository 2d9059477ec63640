"""prefault_kit.notebook.attempts: calls that may fail, answered in words."""

import os

import pytest

from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
from prefault_kit.notebook.attempts import attempt

SIZE = 8 * PAGE_SIZE_BYTES


def test_success_is_0() -> None:
    """A call that succeeds answers as the system call does."""
    with Mapping(Backing.anon(), SIZE) as memory:
        assert attempt(memory.populate_read) == "0"
        assert attempt(memory.populate_read, 0, PAGE_SIZE_BYTES) == "0"


def test_an_error_says_how_far_it_came() -> None:
    """The errno's name, and the populated prefix in pages."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        os.ftruncate(memory.fd, 3 * PAGE_SIZE_BYTES)
        assert attempt(memory.populate_write) == "EFAULT, 3 pages populated"
        memory.protect("r")
        assert attempt(memory.populate_write) == "EINVAL, 0 pages populated"


def test_what_the_kernel_did_not_say_is_an_error() -> None:
    """A wrong range is the notebook's mistake and no answer."""
    with Mapping(Backing.anon(), SIZE) as memory, pytest.raises(ValueError, match="not within"):
        attempt(memory.populate_read, 2 * SIZE)
