"""The page faults of a process while they happen: by mapping, by file, by place in the code.

By :class:`~prefault_kit.kernel.faults.FaultStream`. Bounded in memory: at most :data:`MOST_KEYS`
mappings and places are told apart, and the rest is counted as one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prefault_kit.kernel.address_space import AddressSpace, Region, region
from prefault_kit.kernel.faults import FaultBatch, FaultStream
from prefault_kit.kernel.process import ProcessDirectory
from prefault_kit.kernel.symbols import KERNEL, Place, place
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_KEYS = 4096
MOST_PAGES = 1 << 20
"""So many different pages are counted."""
MOST_FRAMES = 12
MOST_PLACES = 100
"""So many are looked up in symbol tables: those with the most faults."""
PERIOD_S = 0.1
GONE = "(unmapped since)"
NOWHERE: tuple[str, int | None, str] = (f"anonymous {GONE}", None, "")
OTHERS: tuple[str, int | None, str] = ("others", None, "")


@dataclass(frozen=True)
class MappingFaults:
    """The faults in one mapping, or in all that came and went."""

    title: str
    address: int | None
    """None where it is several mappings."""
    permissions: str
    minor: int
    major: int


@dataclass(frozen=True)
class PlaceFaults:
    """The faults that one instruction took."""

    place: Place
    by_kernel: bool
    """Whether the kernel took them for the program, in a system call that the place made."""
    stack: tuple[Place, ...]
    """How it was reached once, from the inside out, as far as frame pointers lead."""
    minor: int
    major: int

    def __str__(self) -> str:
        """The place in words."""
        return f"the kernel for {self.place}" if self.by_kernel else str(self.place)


@dataclass(frozen=True)
class Faults:
    """The faults of a process during some seconds."""

    seconds: float
    minor: int
    major: int
    pages: int
    """How many different pages, up to :data:`MOST_PAGES`."""
    lost: int
    """Faults that came too fast to be recorded: they are in no table."""
    kernel_included: bool
    """False where faults that the kernel takes for the program, in read(2) for one, are missing."""
    unwatched_threads: int
    mappings: tuple[MappingFaults, ...]
    """The most faults first, as in what follows."""
    files: tuple[tuple[str, int], ...]
    """A file, or ``anonymous``, and its faults."""
    threads: tuple[tuple[int, int], ...]
    """A thread and its faults."""
    places: tuple[PlaceFaults, ...]

    @property
    def total(self) -> int:
        """All that were recorded."""
        return self.minor + self.major


Key = tuple[str, int | None, str]


@dataclass
class _Tally:
    """What is counted while batches come in."""

    minor: Counter[Key] = field(default_factory=Counter)
    major: Counter[Key] = field(default_factory=Counter)
    threads: Counter[int] = field(default_factory=Counter)
    place_minor: Counter[int] = field(default_factory=Counter)
    place_major: Counter[int] = field(default_factory=Counter)
    stacks: dict[int, list[int]] = field(default_factory=dict)
    pages: set[int] = field(default_factory=set)
    past: AddressSpace = field(default_factory=AddressSpace)
    """What has been mapped since, gone or not."""

    def add(self, batch: FaultBatch, now: Sequence[Region]) -> None:
        """Count faults, whose mappings are looked for in what is mapped now, then in what was."""
        import numpy

        for task in batch.tasks:
            if task.kind == "mmap" and len(self.past) < MOST_KEYS:
                self.past.add(region(task))
        if not len(batch):
            return
        places = _places_of(batch)
        for name in ("minor", "major"):
            chosen = batch.major if name == "major" else ~batch.major
            addresses = batch.address[chosen]
            by_mapping: Counter[Key] = getattr(self, name)
            gone = _find(addresses, now, by_mapping, gone=False)
            gone = _find(gone, list(self.past), by_mapping, gone=True)
            _count(by_mapping, NOWHERE, len(gone), OTHERS)
            if len(self.pages) < MOST_PAGES:
                self.pages.update(numpy.unique(addresses // PAGE_SIZE_BYTES).tolist())
            ips, counts = numpy.unique(places[chosen], return_counts=True)
            by_place: Counter[int] = getattr(self, f"place_{name}")
            for ip, count in zip(ips.tolist(), counts.tolist(), strict=True):
                _count(by_place, ip, count, 0)
        ips, first = numpy.unique(places, return_index=True)
        for ip, at in zip(ips.tolist(), first.tolist(), strict=True):
            if ip not in self.stacks and len(self.stacks) < MOST_KEYS:
                self.stacks[ip] = batch.stack(at)[:MOST_FRAMES]
        threads, counts = numpy.unique(batch.tid, return_counts=True)
        for thread, count in zip(threads.tolist(), counts.tolist(), strict=True):
            _count(self.threads, thread, count, 0)


def _places_of(batch: FaultBatch) -> NDArray[np.uint64]:
    """The instruction of each fault; of one that the kernel took for the program, the program's,
    with :data:`KERNEL` added, or the kernel's where there is no stack.
    """
    import numpy

    depth = batch.records["depth"]
    at = numpy.minimum(batch.starts, max(0, len(batch.ips) - 1))
    callers = batch.ips[at] if len(batch.ips) else numpy.zeros(len(batch), "u8")
    known = batch.in_kernel & (depth > 0) & (callers < KERNEL)
    places: NDArray[np.uint64] = numpy.where(known, callers | numpy.uint64(KERNEL), batch.ip)
    return places


def _find(
    addresses: NDArray[np.uint64], regions: Sequence[Region], into: Counter[Key], *, gone: bool
) -> NDArray[np.uint64]:
    """Count addresses by the mapping that each lies in; those that lie in none come back."""
    import numpy

    if not regions or not len(addresses):
        return addresses
    starts = numpy.array([each.address for each in regions], "u8")
    ends = numpy.array([each.end for each in regions], "u8")
    at = numpy.searchsorted(starts, addresses, "right").astype("i8") - 1
    inside = (at >= 0) & (addresses < ends[at])
    numbers, counts = numpy.unique(at[inside], return_counts=True)
    for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        found = regions[number]
        title = found.name or "anonymous"
        key = (f"{title} {GONE}", None) if gone else (title, found.address)
        _count(into, (*key, found.permissions), count, OTHERS)
    left: NDArray[np.uint64] = addresses[~inside]
    return left


def _count(counter: Counter[Any], key: Any, count: int, rest: Any) -> None:
    """Count; what comes after so many keys is one."""
    if count:
        counter[key if key in counter or len(counter) < MOST_KEYS else rest] += count


def _mappings(tally: _Tally) -> tuple[MappingFaults, ...]:
    both = tally.minor + tally.major
    return tuple(
        MappingFaults(*key, tally.minor[key], tally.major[key]) for key, _ in both.most_common()
    )


def _files(tally: _Tally) -> tuple[tuple[str, int], ...]:
    found: Counter[str] = Counter()
    for (title, _, _), count in (tally.minor + tally.major).items():
        found[title.removesuffix(f" {GONE}")] += count
    return tuple(found.most_common())


def _places(tally: _Tally, space: AddressSpace, pid: int) -> tuple[PlaceFaults, ...]:
    """Of faults that the kernel took for the program: where the program was, if that is known."""
    both = tally.place_minor + tally.place_major
    found = []
    for ip, _ in both.most_common(MOST_PLACES):
        frames = [place(each, space, pid) for each in tally.stacks.get(ip, []) if each < KERNEL]
        by_kernel = ip >= KERNEL
        ip_itself = ip - KERNEL if by_kernel and frames else ip
        found.append(
            PlaceFaults(
                place(ip_itself, space, pid),
                by_kernel,
                # without frame pointers a chain soon leads to numbers that are no code
                tuple(each for each in frames if each.executable and each.address != ip_itself),
                tally.place_minor[ip],
                tally.place_major[ip],
            )
        )
    return tuple(found)


def watch(
    process: ProcessDirectory,
    seconds: float,
    *,
    still_there: Callable[[], None],
    on_progress: Callable[[float, str], None],
) -> Faults:
    """Record for so many seconds. OSError as of FaultStream, where that is forbidden."""
    tally = _Tally()
    with FaultStream(process.pid, stacks=True, tasks=True) as stream:
        began = time.monotonic()
        while True:
            stream.wait(min(PERIOD_S, seconds))
            passed = time.monotonic() - began
            batch = stream.read()
            tally.add(batch, process.regions() if len(batch) else [])
            on_progress(min(1.0, passed / seconds), f"{sum(tally.threads.values()):,} faults")
            if passed >= seconds:
                break
            still_there()
        lost, kernel_included = stream.lost, stream.kernel_included
        unwatched = stream.unwatched_threads
    space = AddressSpace(process.regions())
    return Faults(
        seconds=passed,
        minor=sum(tally.minor.values()),
        major=sum(tally.major.values()),
        pages=len(tally.pages),
        lost=lost,
        kernel_included=kernel_included,
        unwatched_threads=unwatched,
        mappings=_mappings(tally),
        files=_files(tally),
        threads=tuple(tally.threads.most_common()),
        places=_places(tally, space, process.pid),
    )
