"""prefault_kit.studies.latency.events: what may happen halfway."""

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.latency.events import EVENTS, event_problem, trigger


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_makes_sense_somewhere(event: str) -> None:
    """Of anonymous memory or of a file."""
    assert None in {event_problem(event, memory) for memory in (Backing.anon(), Backing.file("."))}


def test_what_the_kernel_refuses_is_an_error() -> None:
    """Locked pages are not reclaimed: EINVAL."""
    with Mapping(Backing.anon(), 4 * PAGE) as memory:
        memory.mlock()
        with pytest.raises(OSError, match="Invalid argument"):
            trigger("reclaim", memory)
