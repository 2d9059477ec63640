"""The record of a trial: each run's figures, the rows that they belong to, what was found first."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from prefault_kit.studies.trial.mappings import Choice, Group

SCHEMA = "prefault-kit/trial-1"
MEASURES = {
    "wall_ms": "wall time",
    "ready_ms": "time until ready",
    "load_ms": "time of the load",
    "cpu_ms": "processor time",
}
"""What a trial may be decided by."""


@dataclass(frozen=True)
class Run:
    """One run of a program: times in milliseconds, sizes in bytes; None is not known."""

    wall_ms: float
    cpu_ms: float
    minor_faults: int
    major_faults: int
    peak_bytes: int
    ready_ms: float | None = None
    load_ms: float | None = None
    page_table_bytes: int | None = None
    """As it ended; not seen without a tracer."""
    read_bytes: int | None = None
    written_bytes: int | None = None
    stops: int = 0
    advised: int = 0
    """Mappings that were given advice, or from which some was taken."""
    advised_bytes: int = 0
    advice_ms: float = 0.0
    """Within the advice that was put in."""
    errors: Mapping[str, int] = field(default_factory=dict)
    """How often an advice failed: ``POPULATE_WRITE: EFAULT``."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """How often advice was not given, by reason."""
    left: int = 0
    status: int | None = 0
    cache_growth_bytes: int | None = None
    """What the page cache has more of the files that the program maps, less where negative. Others
    may use them too; None before Linux 6.5, and where it maps none."""


@dataclass(frozen=True)
class Resident:
    """What was resident of a group of mappings when they were let go or the program ended."""

    bytes: int
    mappings: int
    """How many were looked at then, by their addresses."""


@dataclass(frozen=True)
class FaultCounts:
    """Page faults, without those that the kernel takes for advice, inside a call."""

    minor: int
    major: int

    @property
    def total(self) -> int:
        """All."""
        return self.minor + self.major


@dataclass(frozen=True)
class Wait:
    """How long a thread waited for a page fault: from its beginning until it was handled."""

    elapsed_ms: float
    group: int | None
    """The index of the group of mappings in ``Trial.groups``; None elsewhere."""
    major: bool


@dataclass(frozen=True)
class Seen:
    """What one run more showed, that was watched and so is none of those that are timed."""

    resident: tuple[Resident | None, ...]
    """By the groups of ``Trial.groups``; None where nobody looked."""
    pss_bytes: int | None = None
    """Proportional set size of the process that had most, at the highest of the moments at which
    one lets a mapping go or ends."""
    faults: tuple[FaultCounts, ...] | None = None
    """By group, as ``resident``; None where faults cannot be observed."""
    elsewhere: FaultCounts | None = None
    """Those outside of all groups: in smaller mappings, stacks, the program itself."""
    longest: Wait | None = None
    """None where waits cannot be timed."""
    waited_ms: float | None = None
    """Within all faults of all threads, the record of each included."""
    lost: int = 0
    """Faults that came too fast to be recorded."""
    kernel_included: bool = True
    """Whether faults that the kernel takes for the program, in read(2) for one, are among them."""
    why_not: str | None = None
    """Why faults were not observed."""


@dataclass(frozen=True)
class Row:
    """One way to run the program, and its runs in order; the warm-up is not among them."""

    name: str
    outcome: str
    """``ok``, ``error`` or ``not-applicable``."""
    message: str | None = None
    runs: tuple[Run, ...] = ()
    seen: Seen | None = None
    """Of a run more, which was watched; only of a program in the hands of the tracer."""

    def figures(self, measure: str) -> tuple[float, ...]:
        """A figure of every run."""
        return tuple(getattr(each, measure) for each in self.runs)

    def median(self, measure: str) -> float | None:
        """The median of a figure over the runs; None where one does not have it."""
        found = self.figures(measure)
        return None if not found or None in found else statistics.median(found)

    def counts(self, name: str) -> dict[str, int]:
        """The most of each count of ``errors`` or ``refused`` in a run."""
        most: dict[str, int] = {}
        for run in self.runs:
            for reason, count in getattr(run, name).items():
                most[reason] = max(count, most.get(reason, 0))
        return most


@dataclass(frozen=True)
class Again:
    """The row that seemed best and what it is held against, run once more by themselves.

    Of many rows one is the fastest by luck: only these runs say how much it gains.
    """

    name: str
    runs: tuple[Run, ...]
    base: tuple[Run, ...]


@dataclass(frozen=True)
class Trial:
    """A whole trial of a program."""

    command: tuple[str, ...]
    outcome: str
    """``ok``, ``error``, ``unavailable``."""
    message: str | None = None
    enable: str | None = None
    """The command that would enable what is unavailable."""
    measure: str = "wall_ms"
    """Of :data:`MEASURES`: what the trial is decided by."""
    start: str = "as-it-is"
    moment: str = "mmap"
    choice: Choice = field(default_factory=Choice)
    groups: tuple[Group, ...] = ()
    """The mappings of the first run, the largest first."""
    chosen: tuple[Group, ...] = ()
    """Those of them that were advised."""
    rows: tuple[Row, ...] = ()
    again: tuple[Again, ...] = ()
    notes: tuple[str, ...] = ()
    host: Mapping[str, object] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    """The words of the command line that ask for this trial, without the program's own."""

    def row(self, name: str) -> Row:
        """A row by its name; KeyError."""
        found = next((each for each in self.rows if each.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    @property
    def chosen_at(self) -> set[int]:
        """The indices of the chosen mappings in ``groups``."""
        chosen = set(self.chosen)
        return {at for at, each in enumerate(self.groups) if each in chosen}

    @property
    def again_command(self) -> tuple[str, ...]:
        """The command line that repeats the trial."""
        return ("prefault-kit", "try", *self.options, "--", *self.command)

    def as_dict(self) -> dict[str, Any]:
        """A JSON object: the record without what is concluded from it."""
        return {"schema": SCHEMA, **asdict(self)}


def longest(groups: Sequence[Group]) -> Group | None:
    """The group that maps most."""
    return max(groups, key=lambda each: each.length, default=None)
