"""What to probe: which memory, for how long, and what happens halfway."""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit import host
from prefault_kit.host import Unavailable, thp
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.studies.latency.events import COLLAPSE, EVENTS, NO_EVENT, event_problem
from prefault_kit.studies.latency.preparations import LOCKING, PREPARATIONS, SHARINGS

SLOTS = 120
"""How many parts a probe is cut into: as often it reports, and as many points a chart has."""
SHORTEST_PERIOD_US = 100
LONGEST_S = 3600


@dataclass(frozen=True)
class Probe:
    """What to probe. ValueError says in a sentence what makes no sense, and what would.

    >>> Probe(Backing.anon(), seconds=2).touches
    500
    """

    backing: Backing
    """``anon`` (private), ``memfd`` or ``file`` (shared), with pages of the system's size."""
    seconds: float = 2.0
    period_us: int = 4000
    """From one touch of a mapping to the next, in microseconds."""
    event: str = NO_EVENT
    """Of :data:`~prefault_kit.studies.latency.events.EVENTS`, halfway."""

    def __post_init__(self) -> None:
        if self.backing.kind not in SHARINGS or self.backing.is_hugetlb:
            raise ValueError(
                f"the memory is one of {', '.join(SHARINGS)}, with pages of the system's size"
            )
        if self.event not in EVENTS:
            raise ValueError(f"event is one of {', '.join(EVENTS)}, not {self.event!r}")
        if not self.period_us >= SHORTEST_PERIOD_US:
            raise ValueError(
                f"the period is at least {SHORTEST_PERIOD_US} microseconds: seven mappings are "
                "touched in each"
            )
        if not 1 <= self.seconds <= LONGEST_S:
            raise ValueError(f"a probe takes 1 to {LONGEST_S} seconds, not {self.seconds:g}")
        if problem := event_problem(self.event, self.backing):
            raise ValueError(problem)

    @property
    def touches(self) -> int:
        """How often each mapping is touched: a page that was not touched before, each time."""
        return int(self.seconds * 1_000_000 / self.period_us)

    @property
    def slot_touches(self) -> int:
        """Touches of each mapping in a slot; progress is reported once a slot."""
        return max(1, self.touches // SLOTS)

    @property
    def touches_before(self) -> int:
        """Touches of each mapping before the event: whole slots, about half of all."""
        return self.touches // 2 // self.slot_touches * self.slot_touches

    @property
    def event_s(self) -> float:
        """When the event begins, in seconds since the start."""
        return self.touches_before * self.period_us / 1e6

    @property
    def size_bytes(self) -> int:
        """Of each mapping: a page a touch; whole huge pages where they are to be collapsed.

        A huge page may be 512 MiB (with system pages of 64 KiB), so nothing else is rounded to it.
        """
        unit = PAGE_SIZE_BYTES
        if self.event == COLLAPSE:
            unit = thp.size_bytes() or PAGE_SIZE_BYTES
        return -(-self.touches * PAGE_SIZE_BYTES // unit) * unit

    def why_not(self) -> Unavailable | None:
        """What stops it on this host: there must be room for all mappings and a copy of each."""
        return host.why_not(
            backing=self.backing,
            sharing=SHARINGS[self.backing.kind],
            method="POPULATE_WRITE",
            size_bytes=2 * len(PREPARATIONS) * self.size_bytes,
            start="empty",
            threads=1,
        )

    def why_not_lock(self) -> Unavailable | None:
        """What stops this user from locking as much as the probe needs."""
        return host.why_not(
            backing=Backing.anon(),
            sharing="private",
            method="MLOCK",
            size_bytes=len(LOCKING) * self.size_bytes,
            start="empty",
            threads=1,
        )

    def refused(self) -> dict[str, str]:
        """The preparations that this user's limits rule out, and why."""
        missing = self.why_not_lock()
        return dict.fromkeys(LOCKING, str(missing)) if missing else {}
