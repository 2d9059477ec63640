"""prefault_kit.studies.latency.events: what may happen halfway."""

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.latency.events import EVENTS, event_problem, trigger
from prefault_kit.studies.latency.preparations import SHARINGS


def test_an_event_that_makes_no_sense_says_where_it_does() -> None:
    """Each makes sense for some memory; nothing may happen to any."""
    kinds = {"anon": Backing.anon(), "memfd": Backing.memfd(), "file": Backing.file(".")}
    assert set(kinds) == set(SHARINGS)
    for event in EVENTS:
        problems = [event_problem(event, backing) for backing in kinds.values()]
        assert None in problems
        assert all(problem is None or "choose" in problem for problem in problems)
    assert not any(event_problem("nothing", backing) for backing in kinds.values())


def test_what_the_kernel_refuses_is_an_error() -> None:
    """Locked pages are not reclaimed: EINVAL."""
    with Mapping(Backing.anon(), 4 * PAGE) as memory:
        memory.mlock()
        with pytest.raises(OSError, match="Invalid argument"):
            trigger("reclaim", memory)
