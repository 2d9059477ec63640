"""prefault_kit.studies.latency.preparations: how memory is prepared."""

import pytest

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.steps import do
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.latency.preparations import PREPARATIONS


@pytest.mark.parametrize("preparation", PREPARATIONS)
def test_which_preparations_map_the_page(preparation: str) -> None:
    """All but no preparation and locking on fault alone."""
    with Mapping(Backing.anon(), PAGE) as memory:
        for step in PREPARATIONS[preparation]:
            do(memory, step, 1)
        expected = 0 if preparation in ("nothing", "MLOCK_ONFAULT") else 1
        assert memory.pages().present == expected
