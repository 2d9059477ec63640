"""prefault_kit.memory.slow_file: storage that waits, and is gone afterwards."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prefault_kit.host import features
from prefault_kit.kernel import fuse, page_cache, syscalls, timed
from prefault_kit.kernel.errors import ERRNO_NAMES
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.forked import ended, told
from prefault_kit.memory import failing_file, slow_file
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 64
WAIT_US = 2000


@pytest.fixture
def in_a_child() -> Callable[[Callable[[], str]], str]:
    """Do something in a child; skips where this user may not mount FUSE."""
    if missing := features.failing_file(ended(failing_file.mount)):
        pytest.skip(missing.reason)
    return told


def test_each_read_waits(in_a_child: Callable[[Callable[[], str]], str]) -> None:
    """At least as long as said, for each that the storage is asked; what is cached does not ask."""

    def read() -> str:
        with slow_file.opened(PAGES * PAGE, WAIT_US) as fd:
            content = os.pread(fd, 2 * PAGES * PAGE, 0)
            page_cache.evict(fd)
            direct = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_DIRECT)
            with Mapping(Backing.anon(), PAGES * PAGE) as memory:
                work = timed.read_timed(direct, memory.address, PAGES * PAGE, 0)
            os.close(direct)
            asked = -(-PAGES * PAGE // fuse.READ_BYTES)
            slow = work.elapsed_ns >= 1000 * WAIT_US * asked
            return f"{content == bytes(PAGES * PAGE)} {os.fstat(fd).st_size // PAGE} {slow}"

    assert in_a_child(read) == f"True {PAGES} True"


def test_nothing_is_left(in_a_child: Callable[[Callable[[], str]], str]) -> None:
    """No mount and no process outlives the block: told() waits for what holds its pipe."""
    before = Path("/proc/self/mountinfo").read_text()

    def use() -> str:
        with slow_file.opened(PAGE, 0, 3) as fd:
            there = os.pread(fd, PAGE, 0) == bytes(PAGE)
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return f"{there}, no child"
        return "a child is left"

    assert in_a_child(use) == "True, no child"
    assert Path("/proc/self/mountinfo").read_text() == before


def test_who_serves_and_comes_late_is_not_left(
    in_a_child: Callable[[Callable[[], str]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is let go of before the second of those that serve has begun."""
    ask = syscalls.die_with_parent

    def late(parent: int) -> None:
        try:
            os.mkdir(begun)
        except FileExistsError:
            time.sleep(0.3)
        ask(parent)

    monkeypatch.setattr(syscalls, "die_with_parent", late)
    with tempfile.TemporaryDirectory() as place:
        begun = f"{place}/begun"

        def use() -> str:
            with slow_file.opened(PAGE, 0, 2):
                return "let go of"

        assert in_a_child(use) == "let go of"


def test_who_may_not_mount_it_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the errno, and no descriptor is left open."""
    monkeypatch.setattr(fuse, "DEVICE", str(tmp_path / "fuse"))
    open_before = len(os.listdir("/proc/self/fd"))

    def use() -> str:
        try:
            with slow_file.opened(PAGE, 0):
                return "mounted"
        except OSError as error:
            return ERRNO_NAMES[error.errno or 0]

    assert told(use) in ("ENOENT", "EPERM", "EACCES")
    assert len(os.listdir("/proc/self/fd")) == open_before
