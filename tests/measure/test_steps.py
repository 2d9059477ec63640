"""prefault_kit.measure.steps: a step's name, done."""

import errno
import platform
from typing import Any

import pytest

from prefault_kit.kernel import timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.measure.steps import ONE_CALL, do
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.memory.methods import METHODS

PAGES = 16


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "step", sorted({step for each in METHODS.values() for step in each.steps} - {"MADV_COLLAPSE"})
)
def test_each_step_of_the_methods_can_be_done(step: str, threads: int) -> None:
    """Also in threads, where one call is done once; what populates has its faults counted."""
    with Mapping(Backing.memfd(), PAGES * PAGE, "shared") as memory:
        work = do(memory, step, threads)
        present = memory.pages().present
        assert present == (0 if step in ("fallocate", "MADV_WILLNEED") else PAGES)
        if step not in ONE_CALL and not step.startswith("MADV_"):
            # on s390x a page is made dirty by a fault of its own
            twice = step == "touch_read_write" and platform.machine() == "s390x"
            assert work.minor_faults == PAGES * (2 if twice else 1)


def test_a_protection_is_a_step_with_its_word() -> None:
    """It is timed; the memory may not be written then, and may be again."""
    with Mapping(Backing.anon(), PAGES * PAGE) as memory:
        assert do(memory, "protect r", 1).elapsed_ns > 0
        with pytest.raises(PrefaultError) as raised:
            do(memory, "populate_write", 1)
        assert raised.value.errno == errno.EINVAL
        do(memory, "protect rw", 1)
        assert do(memory, "populate_write", 1).minor_faults == PAGES


@pytest.mark.parametrize(("threads", "populated"), [(1, 2), (2, 2 + PAGES // 2)])
def test_threads_share_the_range(threads: int, populated: int) -> None:
    """A page that cannot be had stops the share that it lies in, and no other."""
    with Mapping(Backing.anon(), PAGES * PAGE) as memory:
        memory.protect("r", 2 * PAGE, PAGE)
        with pytest.raises(PrefaultError) as raised:
            do(memory, "populate_write", threads)
        assert raised.value.populated_bytes == populated * PAGE
        assert memory.pages().present == populated


@pytest.mark.parametrize("step", ["touch_read", "touch_write", "populate_write", "mlock"])
def test_what_is_timed_is_not_interrupted(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole range in one go: slices, between which Python looks for a Ctrl-C, take longer."""
    asked: list[object] = []
    real = timed.range_timed

    def watch(*arguments: Any, **options: Any) -> Work:
        asked.append(options["interruptible"])
        return real(*arguments, **options)

    monkeypatch.setattr(timed, "range_timed", watch)
    with Mapping(Backing.anon(), PAGES * PAGE, thp=None) as memory:
        asked.clear()
        do(memory, step, 1)
    assert asked == [False]
