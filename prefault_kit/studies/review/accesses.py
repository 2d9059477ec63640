"""Which pages a program reads and writes, and in which order: the same for every candidate.

A plan has an entry for each access, and a large range has many pages. So the arrays are as small as
they can be and are changed in place or a chunk at a time, and :func:`memory_bytes` says how much
memory they take, so that it is counted before anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

SEED = 2021
HOT_PART, HOT_SHARE = 0.1, 0.9
"""A hot spot: this part of the pages meets this share of the accesses."""
MOST_PAGES = 1 << 31
"""A page and whether it is written are packed into 32 bits while a plan is made."""
CHUNK = 1 << 18
"""Accesses that are looked at in one step of what cannot be done in place."""

PAGE_BYTES = 4
"""For each page of the range, while a plan is made: its number, in random order."""
ACCESS_BYTES = 20
"""For each access, at most: 6 of the plan itself, 4 of its time, and what NumPy needs meanwhile for
making the plan, sorting the times or reading pages again; test_accesses.py measures it."""
CHUNK_BYTES = 64 * CHUNK
"""What NumPy copies of a chunk, whatever the size."""


@dataclass(frozen=True)
class Accesses:
    """Arrays of one length, in the order of the program."""

    pages: NDArray[numpy.uint32]
    writes: NDArray[numpy.uint8]
    """1 writes, 0 reads."""
    first: NDArray[numpy.bool_]
    """Whether it is the first access to its page."""
    pages_written: int
    """How many different pages are written."""

    @property
    def read_again(self) -> NDArray[numpy.uint32]:
        """The pages that are read, in the order of their first reading."""
        read = self.pages[self.writes == 0]
        found: NDArray[numpy.uint32] = read[_first(read)]
        return found


def count(pages: int, fraction: float) -> int:
    """How many accesses a fraction of the pages makes: at least one, unless it is 0."""
    return min(pages, max(1, round(fraction * pages))) if fraction else 0


def memory_bytes(pages: int, *, read: float, write: float) -> int:
    """What a plan and a trial of it take at once, in bytes, at most."""
    accesses = count(pages, read) + count(pages, write)
    return PAGE_BYTES * pages + ACCESS_BYTES * accesses + CHUNK_BYTES


def plan(pages: int, *, read: float, write: float, pattern: str) -> Accesses:
    """Choose ``read`` and ``write`` fractions of the pages by a pattern of the workload's."""
    import numpy

    random = numpy.random.default_rng(SEED)
    reads, writes = count(pages, read), count(pages, write)
    packed = numpy.empty(reads + writes, "uint32")  # the page times 2, plus 1 for a write
    packed[:reads] = _choose(random, pages, reads, pattern)
    packed[reads:] = _choose(random, pages, writes, pattern)
    packed <<= 1
    packed[reads:] |= 1
    if pattern == "sequential":
        packed.sort()  # a page that is both is read first
    else:
        random.shuffle(packed)
    kinds = packed.astype("uint8")
    kinds &= 1
    packed >>= 1
    return of(packed, kinds)


def of(pages: NDArray[numpy.uint32], writes: NDArray[numpy.uint8]) -> Accesses:
    """Accesses that are known already, in their order."""
    written = int(_first(pages[writes == 1]).sum())
    return Accesses(pages, writes, _first(pages), written)


def _choose(
    random: numpy.random.Generator, pages: int, chosen: int, pattern: str
) -> NDArray[numpy.uint32]:
    import numpy

    if pattern == "sequential":
        return (numpy.arange(chosen, dtype="uint64") * pages // max(chosen, 1)).astype("uint32")
    if pattern == "random":
        every = numpy.arange(pages, dtype="uint32")
        random.shuffle(every)
        return every[:chosen]
    hot = max(1, round(pages * HOT_PART))
    found = random.integers(0, pages, chosen, "uint32")
    for begin in range(0, chosen, CHUNK):
        part = found[begin : begin + CHUNK]
        is_hot = random.random(len(part)) < HOT_SHARE
        part[is_hot] = (pages - hot) // 2 + random.integers(0, hot, int(is_hot.sum()), "uint32")
    return found


def _first(pages: NDArray[numpy.uint32]) -> NDArray[numpy.bool_]:
    """Whether each access is the first one to its page."""
    import numpy

    met = numpy.zeros(int(pages.max(initial=0)) + 1, bool)
    first = numpy.zeros(len(pages), bool)
    for begin in range(0, len(pages), CHUNK):
        here, at = numpy.unique(pages[begin : begin + CHUNK], return_index=True)
        first[begin + at[~met[here]]] = True
        met[here] = True
    return first
