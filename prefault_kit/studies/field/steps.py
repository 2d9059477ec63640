"""What a way does to memory: operations by name, and accesses to a part of its pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from prefault_kit.host import thp
from prefault_kit.kernel.timed import Work
from prefault_kit.measure import steps
from prefault_kit.memory.mapping import Mapping

SEED = 2021


class Accesses(Protocol):
    """Accesses to a part of the pages."""

    def do(self, memory: Mapping) -> Work:
        """Do them: their work, timed in C."""


Step = str | Accesses
"""An operation of a Mapping or an advice by its name, as in a method, or accesses."""


@dataclass(frozen=True)
class Range:
    """A touch of the pages from one part of the memory to another, in order."""

    touch: str
    """``touch_read``, ``touch_write``..."""
    begin: float = 0.0
    end: float = 1.0
    """Parts of the memory, 0 to 1."""

    def do(self, memory: Mapping) -> Work:
        """See :class:`Accesses`."""
        page = memory.backing.page_size_bytes
        pages = memory.size_bytes // page
        first, last = int(pages * self.begin), int(pages * self.end)
        work: Work = getattr(memory, self.touch)(first * page, (last - first) * page)
        return work


@dataclass(frozen=True)
class Scattered:
    """Reads of a part of the pages, each once, in random order: the same in each run."""

    part: float

    def do(self, memory: Mapping) -> Work:
        """See :class:`Accesses`."""
        import numpy  # here, so that importing the kit is quick

        pages = memory.size_bytes // memory.backing.page_size_bytes
        order = numpy.random.default_rng(SEED).permutation(pages)[: int(pages * self.part)]
        return memory.access(order.astype("uint32"), numpy.zeros(len(order), "uint8"))[0]


@dataclass(frozen=True)
class Strided:
    """A write to the first page of each range that a transparent huge page can cover."""

    def do(self, memory: Mapping) -> Work:
        """See :class:`Accesses`."""
        import numpy

        page = memory.backing.page_size_bytes
        stride = (thp.size_bytes() or page) // page
        pages = numpy.arange(0, memory.size_bytes // page, stride, dtype="uint32")
        return memory.access(pages, numpy.ones(len(pages), "uint8"))[0]


def do(memory: Mapping, step: Step, threads: int) -> Work:
    """Do one step: its work. PrefaultError as the operation says."""
    return steps.do(memory, step, threads) if isinstance(step, str) else step.do(memory)
