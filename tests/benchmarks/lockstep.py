"""The kit against plain C, repetition by repetition.

Three take turns on one CPU: the kit's own cell, the C program, and the C program once more. The
second C process is the A/A control: how far two processes of the very same program differ is the
noise under every ratio. Of a small cell there is a fourth: C that has emptied its caches, which is
what running any interpreter between two repetitions does to a call of a few microseconds. Who
begins changes with each round. Rounds go on until the best time of each side is settled, that is,
met again; how the sides compare does not matter to that.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from prefault_kit.measure.cell import Cell
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.limits import MOST_REPEATS
from prefault_kit.measure.start_state import StartState
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.grid import cells

from .plain import PlainCell, PlainError

SHORTEST_S = 0.2
"""A cell goes on at least so long, whatever the rounds: the quickest are the most sensitive."""
AGREE = 3
SETTLED = 1.01
"""A side is settled when its AGREE quickest repetitions lie within this factor."""
COLD_BYTES = 16 << 20
"""Up to this size a cell is timed with cold caches too; a larger one takes too long to feel it."""
MOST = 4
"""Rounds are at most so many times the least."""
LAST = MOST_REPEATS
"""Never reached: the kit looks at the memory after its last repetition."""


@dataclass(frozen=True)
class Compared:
    """One cell: best and median nanoseconds of the kit and of plain C, twice."""

    label: str
    size_bytes: int
    rounds: int
    kit_ns: float
    c_ns: float
    control_ns: float
    kit_median_ns: float
    c_median_ns: float
    cold_ns: float | None
    """Best time of C with cold caches, None of a large cell."""

    @property
    def ratio(self) -> float:
        """The kit's best time over plain C's."""
        return self.kit_ns / self.c_ns

    @property
    def control(self) -> float:
        """The same of the second C process: 1 but for the noise."""
        return self.control_ns / self.c_ns

    @property
    def cold(self) -> float | None:
        """The best time of C with cold caches over plain C's."""
        return None if self.cold_ns is None else self.cold_ns / self.c_ns


@dataclass(frozen=True)
class Skipped:
    """One cell that cannot run here, and why."""

    label: str
    size_bytes: int
    reason: str
    command: str | None = None
    """What would make it run."""


def _label(cell: Experiment) -> str:
    return cells.name(cell.backing, cell.sharing, cell.method)


@contextmanager
def one_cpu() -> Iterator[None]:
    """Keep this process and the children it starts on one CPU, so that all sides share caches and
    the kernel's per-CPU lists of free pages."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def compare(program: Path, experiment: Experiment, least: int) -> Compared:
    """Run one cell for at least ``least`` rounds, after a warm-up of each side."""
    with ExitStack() as stack:
        start = StartState(experiment)
        stack.callback(start.close)
        cell = Cell(replace(experiment, repeats=LAST), start)
        plain = [stack.enter_context(PlainCell(program, experiment)) for _ in range(2)]
        number = 0

        def kit() -> float:
            elapsed_ms = cell.repeat(min(number, LAST - 1))
            if cell.failed:
                raise PlainError(f"the kit failed: {cell.measured['message']}")
            start.reset()  # as the C program: what waits for its turn holds no memory
            return elapsed_ms * 1e6

        sides: list[Callable[[], float]] = [kit, plain[0].repeat, plain[1].repeat]
        if experiment.size_bytes <= COLD_BYTES:
            sides.append(lambda: plain[1].repeat(cold=True))
        for side in sides:
            side()
        times: list[list[float]] = [[] for _ in sides]
        began, enough = time.monotonic(), 0
        while not enough or (number < MOST * enough and not all(map(_settled, times))):
            number += 1
            for turn in range(len(sides)):
                which = (number + turn) % len(sides)
                times[which].append(sides[which]())
            if not enough and number >= least and time.monotonic() - began >= SHORTEST_S:
                enough = number
    return Compared(
        _label(experiment),
        experiment.size_bytes,
        number,
        kit_ns=min(times[0]),
        c_ns=min(times[1]),
        control_ns=min(times[2]),
        kit_median_ns=statistics.median(times[0]),
        c_median_ns=statistics.median(times[1]),
        cold_ns=min(times[3]) if len(sides) > 3 else None,
    )


def _settled(times: Sequence[float]) -> bool:
    """Whether the best time was met again, so that it was no stroke of luck."""
    quickest = sorted(times)[:AGREE]
    return len(quickest) == AGREE and quickest[-1] <= quickest[0] * SETTLED


def warm_up(size_bytes: int) -> None:
    """Touch as much memory as a cell will: a virtual machine may have to get it from its host, at
    many times the cost of what is measured."""
    with Mapping(Backing.anon(), size_bytes) as mapping:
        mapping.populate_write()


def compare_all(
    program: Path, cells: Sequence[Experiment], least: int
) -> Iterator[Compared | Skipped]:
    """Every cell in its turn; one that cannot run here is skipped with the host's reason."""
    with one_cpu():
        if cells:
            warm_up(cells[0].size_bytes)
        for cell in cells:
            missing = cell.why_not()
            if missing:
                yield Skipped(_label(cell), cell.size_bytes, missing.reason, missing.command)
                continue
            try:
                yield compare(program, cell, least)
            except (OSError, PlainError) as error:
                yield Skipped(_label(cell), cell.size_bytes, str(error))
