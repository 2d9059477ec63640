"""Who waits for whom: touching and populating, alone and beside a thread that maps memory.

mmap and munmap lock the whole address space for writing, populating locks it for reading; since
Linux 6.4 a page fault locks its own mapping where it can (Documentation/mm/process_addrs.rst).
Both are timed in C: the ways by the Work that they return, the neighbour's mmap around that call.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from prefault_kit.kernel import timed
from prefault_kit.kernel.syscalls import MAP, PAGE_SIZE_BYTES, PROTECTION
from prefault_kit.kernel.timed import Work
from prefault_kit.measure.interleaving import interleave
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping as Memory
from prefault_kit.memory.preallocation import preallocate

PAUSE_S = 0.0001
"""Between two mmap calls of the neighbour."""

Way = Callable[[Memory], Work]
"""Does something to fresh memory."""


@contextmanager
def neighbour() -> Iterator[list[Work]]:
    """A thread that maps a page again and again; yields the Work of each mmap(2), in order.

    Each call replaces the mapping before it, so it unmaps and maps. The thread has begun when the
    block does; the list is complete after the block.
    """
    calls: list[Work] = []
    stop = threading.Event()
    began = threading.Event()

    def live() -> None:
        with Memory(Backing.anon(), PAGE_SIZE_BYTES) as page:
            while not stop.is_set():
                calls.append(
                    timed.remap_timed(
                        page.address,
                        page.size_bytes,
                        protection=PROTECTION["rw"],
                        flags=MAP["MAP_PRIVATE"] | MAP["MAP_ANONYMOUS"],
                        step=PAGE_SIZE_BYTES,
                    )
                )
                began.set()
                time.sleep(PAUSE_S)

    thread = threading.Thread(target=live, name="contention-neighbour", daemon=True)
    thread.start()
    try:
        began.wait()
        yield calls
    finally:
        stop.set()
        thread.join()


@dataclass
class Counts:
    """What a thread counted in the first byte of each page."""

    rounds: int = 0
    kept: bool = False
    """Whether each page holds that number in the end, modulo 256."""


@contextmanager
def counting(memory: Memory) -> Iterator[Counts]:
    """A thread that adds 1 to the first byte of each page again and again, starting from 0.

    It has counted once when the block begins; ``kept`` is known after the block.
    """
    import numpy  # here, so that importing the kit is quick

    bytes_ = numpy.frombuffer(memory.buffer(), "uint8")
    first = bytes_[:: memory.backing.page_size_bytes]
    counts, stop, began = Counts(), threading.Event(), threading.Event()

    def count() -> None:
        while not stop.is_set():
            first[:] += 1
            counts.rounds += 1
            began.set()

    thread = threading.Thread(target=count, name="contention-counting", daemon=True)
    thread.start()
    try:
        began.wait()
        yield counts
    finally:
        stop.set()
        thread.join()
    counts.kept = bool((first == counts.rounds % 256).all())


def usual(threads: Iterable[int] = (1, 2)) -> dict[str, Way]:
    """The ways that are worth comparing, by each number of threads."""
    found: dict[str, Way] = {}
    for number in threads:
        touch = partial(Memory.touch_write, threads=number, interruptible=False)
        populate = partial(Memory.populate_write, threads=number, interruptible=False)
        found[f"touching, {number}"] = touch
        found[f"populating in one call, {number}"] = populate
        found[f"preallocate, {number}"] = partial(_preallocate, threads=number)
    return found


def _preallocate(memory: Memory, threads: int) -> Work:
    return preallocate(memory, threads).work


@dataclass(frozen=True)
class Wait:
    """What one way took: medians over the repetitions, and the neighbour's longest wait."""

    elapsed_ms: float
    cpu_ms: float
    """Of all its threads."""
    waits: int
    """Their voluntary context switches."""
    beside_ms: float
    """The time it took beside the neighbour."""
    beside_waits: int
    mmap_us: float
    """The median time of the neighbour's mmap meanwhile."""
    worst_mmap_us: float


def measure(
    ways: Mapping[str, Way],
    backing: Backing,
    size_bytes: int,
    sharing: str = "private",
    *,
    repeats: int = 3,
) -> dict[str, Wait]:
    """Let each way do its work on fresh memory, alone and beside a neighbour, interleaved; what
    each took, by way."""
    alone: dict[str, list[Work]] = {name: [] for name in ways}
    beside: dict[str, list[Work]] = {name: [] for name in ways}
    mmaps_us: dict[str, list[float]] = {name: [] for name in ways}
    for repetition, _, name in interleave(tuple(ways), repeats):
        with Memory(backing, size_bytes, sharing) as memory:
            by_itself = ways[name](memory)
        with Memory(backing, size_bytes, sharing) as memory, neighbour() as calls:
            before = len(calls)
            together = ways[name](memory)
        if repetition:
            alone[name].append(by_itself)
            beside[name].append(together)
            mmaps_us[name] += [call.elapsed_ns / 1000 for call in calls[before:]]
    return {name: _wait(alone[name], beside[name], mmaps_us[name]) for name in ways}


def _wait(alone: list[Work], beside: list[Work], mmaps_us: list[float]) -> Wait:
    def median(works: list[Work], name: str) -> float:
        return float(statistics.median(getattr(each, name) for each in works))

    return Wait(
        elapsed_ms=median(alone, "elapsed_ns") / 1e6,
        cpu_ms=median(alone, "cpu_ns") / 1e6,
        waits=round(median(alone, "waits")),
        beside_ms=median(beside, "elapsed_ns") / 1e6,
        beside_waits=round(median(beside, "waits")),
        mmap_us=statistics.median(mmaps_us or [0.0]),
        worst_mmap_us=max(mmaps_us, default=0.0),
    )
