"""prefault_kit.memory.failing_file: a file that is an I/O error from a byte on."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from prefault_kit.host import features
from prefault_kit.kernel.errors import ERRNO_NAMES
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.forked import ended, told
from prefault_kit.memory import failing_file
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping


@pytest.fixture
def in_a_child() -> Callable[[Callable[[], str]], str]:
    """Do something in a child; skips where this user may not mount FUSE."""
    if missing := features.failing_file(ended(failing_file.mount)):
        pytest.skip(missing.reason)
    return told


def _word(call: Callable[[], object]) -> str:
    try:
        return str(call())
    except OSError as error:
        return ERRNO_NAMES[error.errno or 0]


def test_it_is_read_as_far_as_it_is_good(in_a_child: Callable[[Callable[[], str]], str]) -> None:
    """It is as large as it was asked to be, and fails at the first page that is bad."""

    def read() -> str:
        fd = failing_file.file(8 * PAGE, 4 * PAGE)
        sizes = [_word(lambda n=n: len(os.pread(fd, PAGE, n * PAGE))) for n in (0, 3, 4, 7)]
        return " ".join([*sizes, f"{os.fstat(fd).st_size}"])

    assert in_a_child(read) == f"{PAGE} {PAGE} EIO EIO {8 * PAGE}"


def test_touching_it_is_a_sigbus(in_a_child: Callable[[Callable[[], str]], str]) -> None:
    """As of a disk that fails: the pages before are there, whatever a fault reads ahead."""

    def touch() -> str:
        fd = failing_file.file(8 * PAGE, 4 * PAGE)
        with Mapping(Backing.file("/dev"), 8 * PAGE, fd=fd) as memory:
            said = _word(memory.touch_read)
            return f"{said} {memory.pages().present}"

    assert in_a_child(touch) == "EFAULT 4"


def test_nothing_is_left(in_a_child: Callable[[Callable[[], str]], str]) -> None:
    """No mount outlives the child, nor the process that serves it: told() waits for that one."""
    before = Path("/proc/self/mountinfo").read_text()
    assert in_a_child(lambda: f"{failing_file.file(PAGE, PAGE) >= 0}") == "True"
    assert Path("/proc/self/mountinfo").read_text() == before


def test_who_may_not_mount_it_is_told() -> None:
    """With the command that helps; a mount that works is no reason."""
    assert features.failing_file("returns") is None
    for answer in ("EACCES", "ENOENT", "EPERM"):
        missing = features.failing_file(answer)
        assert missing is not None
        assert f"answers {answer}" in missing.reason
        assert missing.command
