"""prefault_kit.measure.steps: a step's name, done."""

import errno

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.syscalls import PrefaultError
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
            assert work.minor_faults == PAGES


def test_a_protection_is_a_step_with_its_word() -> None:
    """It is timed; the memory may not be written then, and may be again."""
    with Mapping(Backing.anon(), PAGES * PAGE) as memory:
        assert do(memory, "protect r", 1).elapsed_ns > 0
        with pytest.raises(PrefaultError) as raised:
            do(memory, "populate_write", 1)
        assert raised.value.errno == errno.EINVAL
        do(memory, "protect rw", 1)
        assert do(memory, "populate_write", 1).minor_faults == PAGES
