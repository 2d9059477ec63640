"""What a snapshot needs beforehand, and what that costs: the debate of May 2021.

A page that is in no page table cannot be write-protected. So a range is populated first, or the
kernel is asked to protect what is not populated (UFFD_FEATURE_WP_UNPOPULATED, Linux 6.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prefault_kit.kernel import proc
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import Work
from prefault_kit.measure.interleaving import interleave
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.memory.snapshot import protected, take

PREPARED: dict[str, Callable[[Mapping], Work]] = {
    "POPULATE_READ": Mapping.populate_read,
    "POPULATE_WRITE": Mapping.populate_write,
    "WP_UNPOPULATED": lambda memory: Work(),
}
"""Ways to make all of a range protectable."""
PAGES = 256


def missed(prepare: str | None = None, *, unpopulated: bool = False) -> tuple[int, int]:
    """Take a snapshot of zeros while 1 is written to each of :data:`PAGES` pages: pages of it that
    hold a 1, and writes that were held.

    ``prepare`` is an operation of :class:`~prefault_kit.Mapping` that comes first.
    """
    import numpy  # here, so that importing the kit is quick

    every_page, ones = numpy.arange(PAGES, dtype="uint32"), numpy.ones(PAGES, "uint8")
    with Mapping(Backing.anon(), PAGES * PAGE_SIZE_BYTES) as memory:
        if prepare:
            getattr(memory, prepare)()
        found = take(
            memory,
            unpopulated=unpopulated,
            during=lambda: memory.access(every_page, ones),
            lazily=True,
        )
    wrong = sum(found.data[page * PAGE_SIZE_BYTES] != 0 for page in range(PAGES))
    return wrong, found.writes_held


@dataclass(frozen=True)
class Cost:
    """What one way to prepare took, once."""

    populate_ms: float
    protect_ms: float
    memory_bytes: int
    page_table_bytes: int

    @property
    def together_ms(self) -> float:
        """Populating and protecting."""
        return self.populate_ms + self.protect_ms


@dataclass(frozen=True)
class Costs:
    """The cheapest repetition of each way to prepare ``size_bytes``."""

    size_bytes: int
    ways: dict[str, Cost]


def costs(size_bytes: int, repeats: int = 5) -> Costs:
    """Prepare and protect untouched anonymous memory in each way, interleaved; nobody writes."""
    found: dict[str, list[Cost]] = {name: [] for name in PREPARED}
    for repetition, _, name in interleave(tuple(PREPARED), repeats):
        with Mapping(Backing.anon(), size_bytes) as memory:
            before = proc.status_bytes("VmPTE")
            populated = PREPARED[name](memory)
            with protected(memory, unpopulated=name == "WP_UNPOPULATED") as protecting:
                tables = proc.status_bytes("VmPTE") - before
                cost = Cost(
                    populated.elapsed_ms, protecting.elapsed_ms, memory.usage().rss or 0, tables
                )
        if repetition:
            found[name].append(cost)
    return Costs(
        size_bytes,
        {name: min(each, key=lambda cost: cost.together_ms) for name, each in found.items()},
    )
