"""prefault_kit.studies.latency.ways: how memory is prepared, and what undoes that."""

import pytest

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.steps import do
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.latency.ways import EVENTS, MEMORY, WAYS, event_problem


@pytest.mark.parametrize("way", WAYS)
def test_each_way_leaves_a_page_prepared_or_not(way: str) -> None:
    """Nothing is there after nothing, and after a lock on fault alone."""
    with Mapping(Backing.anon(), PAGE) as memory:
        for step in WAYS[way]:
            do(memory, step, 1)
        assert memory.pages().present == (0 if way in ("nothing", "MLOCK_ONFAULT") else 1)


def test_an_event_that_memory_cannot_meet_says_where_it_can() -> None:
    """Of the events that there are; nothing may happen to any memory."""
    kinds = {"anon": Backing.anon(), "memfd": Backing.memfd(), "file": Backing.file(".")}
    assert set(kinds) == set(MEMORY)
    for event in EVENTS:
        met = [kind for kind, backing in kinds.items() if not event_problem(event, backing)]
        assert met
        for kind, backing in kinds.items():
            if problem := event_problem(event, backing):
                assert "choose" in problem, (event, kind)
    assert not any(event_problem("nothing", backing) for backing in kinds.values())
