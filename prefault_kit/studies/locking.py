"""What locking and populating leave behind, and in which order they belong."""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 16

ORDERS: tuple[tuple[str, ...], ...] = (
    ("mlock",),
    ("mlock_on_fault",),
    ("mlock_on_fault", "populate_write"),
    ("populate_write", "mlock_on_fault"),
    ("mlock_on_fault", "populate_read"),
)
"""Steps, which are operations of :class:`~prefault_kit.Mapping`, in the orders that differ."""


@dataclass(frozen=True)
class Prepared:
    """What some steps left behind, in pages."""

    steps: tuple[str, ...]
    present: int
    locked: int
    faults: int
    """Minor faults of writing to each page then."""


def prepared(steps: tuple[str, ...], backing: Backing, sharing: str = "private") -> Prepared:
    """Do ``steps`` on :data:`PAGES` pages, look, and write to each. OSError as the steps say."""
    with Mapping(backing, PAGES * PAGE_SIZE_BYTES, sharing) as memory:
        for step in steps:
            getattr(memory, step)()
        locked = (memory.usage().locked or 0) // PAGE_SIZE_BYTES
        present = memory.pages().present
        return Prepared(steps, present, locked, memory.touch_write().minor_faults)
