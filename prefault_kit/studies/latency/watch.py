"""What to watch: which memory, for how long, and what happens halfway."""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit import host
from prefault_kit.host import Unavailable, thp
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.studies.latency.ways import EVENTS, MEMORY, WAYS, event_problem

SLOTS = 120
"""Of a watch."""
LOCKING = ("mlock", "mlock_on_fault")


@dataclass(frozen=True)
class Watch:
    """What to watch. ValueError says in a sentence what makes no sense, and what would."""

    backing: Backing
    """``anon`` (private), ``memfd`` or ``file`` (shared), of small pages."""
    seconds: float = 2.0
    period_us: int = 4000
    """From beat to beat; each touches a page of each mapping."""
    event: str = "nothing"
    """Of :data:`~prefault_kit.studies.latency.ways.EVENTS`, halfway."""

    def __post_init__(self) -> None:
        if self.backing.kind not in MEMORY or self.backing.is_hugetlb:
            raise ValueError(f"memory is one of {', '.join(MEMORY)}, of small pages")
        if self.event not in EVENTS:
            raise ValueError(f"event is one of {', '.join(EVENTS)}, not {self.event!r}")
        if not self.period_us >= 100:
            raise ValueError("the beat is at least 100 microseconds long: each takes some work")
        if not 1 <= self.seconds <= 3600:
            raise ValueError(f"a watch takes 1 to 3600 seconds, not {self.seconds:g}")
        if problem := event_problem(self.event, self.backing):
            raise ValueError(problem)

    @property
    def beats(self) -> int:
        """How many touches each mapping meets."""
        return int(self.seconds * 1_000_000 / self.period_us)

    @property
    def slot_beats(self) -> int:
        """Beats of a slot: as often it is told how far it is."""
        return max(1, self.beats // SLOTS)

    @property
    def midst(self) -> int:
        """The beat before which the event happens."""
        return self.beats // 2 // self.slot_beats * self.slot_beats

    @property
    def event_s(self) -> float:
        """When the event begins, in seconds since the beginning."""
        return self.midst * self.period_us / 1e6

    @property
    def size_bytes(self) -> int:
        """Of each mapping: a page a beat, in whole huge pages, so that it can be collapsed."""
        unit = thp.size_bytes() or PAGE_SIZE_BYTES
        return -(-self.beats * PAGE_SIZE_BYTES // unit) * unit

    def why_not(self) -> Unavailable | None:
        """What stops it on this host: room for all mappings, and for a copy of each."""
        return host.why_not(
            backing=self.backing,
            sharing=MEMORY[self.backing.kind],
            method="POPULATE_WRITE",
            size_bytes=2 * len(WAYS) * self.size_bytes,
            start="empty",
            threads=1,
        )

    def why_not_lock(self) -> Unavailable | None:
        """What stops this user from locking as much as it takes."""
        return host.why_not(
            backing=Backing.anon(),
            sharing="private",
            method="MLOCK",
            size_bytes=len(_locked()) * self.size_bytes,
            start="empty",
            threads=1,
        )

    def refused(self) -> dict[str, str]:
        """The ways that this user's limits rule out, and why."""
        missing = self.why_not_lock()
        return dict.fromkeys(_locked(), str(missing)) if missing else {}


def _locked() -> list[str]:
    """The ways that lock memory."""
    return [way for way, steps in WAYS.items() if set(steps) & set(LOCKING)]
