"""Which pages a program reads and writes, and in which order: the same for every candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

SEED = 2021
HOT_PART, HOT_SHARE = 0.1, 0.9
"""A hot spot: this part of the pages meets this share of the accesses."""


@dataclass(frozen=True)
class Accesses:
    """Arrays of one length, in the order of the program."""

    pages: NDArray[numpy.uint32]
    writes: NDArray[numpy.uint8]
    """1 writes, 0 reads."""
    first: NDArray[numpy.bool_]
    """Whether it is the first access to its page."""

    @property
    def pages_written(self) -> int:
        """How many different pages are written."""
        import numpy

        return len(numpy.unique(self.pages[self.writes == 1]))

    @property
    def read_again(self) -> NDArray[numpy.uint32]:
        """The pages that are read, in the order of their first reading."""
        import numpy

        read = self.pages[self.writes == 0]
        found: NDArray[numpy.uint32] = read[numpy.sort(numpy.unique(read, return_index=True)[1])]
        return found


def plan(pages: int, *, read: float, write: float, pattern: str) -> Accesses:
    """Choose ``read`` and ``write`` fractions of the pages by a pattern of the workload's."""
    import numpy

    random = numpy.random.default_rng(SEED)
    parts = []
    for fraction, writes in ((read, 0), (write, 1)):
        count = round(fraction * pages) if fraction < 1 else pages
        count = max(count, 1) if fraction else 0
        chosen = _choose(random, pages, count, pattern)
        parts.append((chosen, numpy.full(count, writes, "uint8")))
    where = numpy.concatenate([part[0] for part in parts]).astype("uint32")
    kinds = numpy.concatenate([part[1] for part in parts])
    if pattern == "sequential":
        order = numpy.lexsort((kinds, where))  # a page that is read and written: first read
    else:
        order = random.permutation(len(where))
    where, kinds = where[order], kinds[order]
    first = numpy.zeros(len(where), bool)
    first[numpy.unique(where, return_index=True)[1]] = True
    return Accesses(where, kinds, first)


def _choose(
    random: numpy.random.Generator, pages: int, count: int, pattern: str
) -> NDArray[numpy.int64]:
    import numpy

    if pattern == "sequential":
        return numpy.arange(count, dtype="int64") * pages // max(count, 1)
    if pattern == "random":
        return random.choice(pages, count, replace=False)
    hot = max(1, round(pages * HOT_PART))
    begin = (pages - hot) // 2
    is_hot = random.random(count) < HOT_SHARE
    cold = random.integers(0, pages, count)
    return numpy.where(is_hot, begin + random.integers(0, hot, count), cold)
