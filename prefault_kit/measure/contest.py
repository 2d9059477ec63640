"""A contest: several ways to do the same, each on fresh memory, interleaved.

For a question that no method of the grid and no workload of a review asks. It runs in this process,
so nothing in it may raise SIGBUS. A way returns the :class:`Work` of its operations, and that is
all that is timed: their clock is read in C, around each operation alone. Whatever else a way does,
and whatever ``look`` sees afterwards, adds nothing to its time.
"""

from __future__ import annotations

import collections.abc
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from prefault_kit.kernel.timed import Work
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.interleaving import interleave
from prefault_kit.measure.start_state import StartState
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

Way = Callable[[Mapping], Work]
"""Does something to fresh memory; returns the sum of the Works of its operations."""
Look = Callable[[Mapping], object]
"""Sees what a way left behind."""


@dataclass(frozen=True)
class Entrant:
    """A way, and the memory that it gets fresh in each repetition.

    ``start`` is as in an Experiment, ``thp`` as in a Mapping. ``fd`` is an open file to use instead
    of one of the backing's own; it is emptied before each repetition and stays open.
    """

    way: Way
    backing: Backing
    size_bytes: int
    sharing: str = "private"
    start: str = "empty"
    thp: bool | None = False
    fd: int | None = None

    @property
    def experiment(self) -> Experiment:
        """The memory as an experiment; the needs of Write are those of any way."""
        return Experiment(self.backing, self.sharing, "Write", self.size_bytes, start=self.start)

    def why_not(self) -> object | None:
        """Why there is no such memory here; None if there is."""
        return None if self.fd is not None else self.experiment.why_not()


@dataclass(frozen=True)
class Entry:
    """What one way came to."""

    works: tuple[Work, ...]
    """Of each repetition, in order, without the warm-up."""
    seen: object
    """What was seen after the last repetition."""

    @property
    def times_ms(self) -> tuple[float, ...]:
        """The time of each repetition."""
        return tuple(work.elapsed_ms for work in self.works)

    @property
    def best_ms(self) -> float:
        """The shortest time."""
        return min(self.times_ms)

    @property
    def median_ms(self) -> float:
        """The median time."""
        return statistics.median(self.times_ms)


@dataclass(frozen=True)
class Contest:
    """The ways, in the order in which they were given."""

    entries: collections.abc.Mapping[str, Entry]

    def ratio(self, way: str, over: str) -> float:
        """The best time of one way over that of another."""
        return self.entries[way].best_ms / self.entries[over].best_ms

    def seen(self) -> dict[str, object]:
        """What was seen after each way."""
        return {name: entry.seen for name, entry in self.entries.items()}


def run(
    ways: collections.abc.Mapping[str, Way],
    backing: Backing,
    size_bytes: int,
    sharing: str = "private",
    *,
    look: Look = lambda memory: None,
    start: str = "empty",
    repeats: int = 5,
    thp: bool | None = False,
) -> Contest:
    """Let ``ways`` compete on the same kind of memory, see :class:`Entrant` and :func:`between`."""
    entrants = {
        name: Entrant(way, backing, size_bytes, sharing, start=start, thp=thp)
        for name, way in ways.items()
    }
    return between(entrants, look=look, repeats=repeats)


def between(
    entrants: collections.abc.Mapping[str, Entrant],
    *,
    look: Look = lambda memory: None,
    repeats: int = 5,
) -> Contest:
    """Let ways compete, each on memory of its own kind; ``look`` at the memory afterwards.

    OSError, in a sentence, where there is no room.
    """
    for entrant in entrants.values():
        if missing := entrant.why_not():
            raise OSError(str(missing))
    works: dict[str, list[Work]] = {name: [] for name in entrants}
    seen: dict[str, object] = {}
    with ExitStack() as stack:
        states = _states(entrants, stack)
        for repetition, _, name in interleave(tuple(entrants), repeats):
            entrant, state = entrants[name], states[name]
            state.reset()
            with Mapping(
                entrant.backing, entrant.size_bytes, entrant.sharing, fd=state.fd, thp=entrant.thp
            ) as memory:
                work = entrant.way(memory)
                seen[name] = look(memory)
            if repetition:
                works[name].append(work)
    return Contest({name: Entry(tuple(works[name]), seen[name]) for name in entrants})


def _states(
    entrants: collections.abc.Mapping[str, Entrant], stack: ExitStack
) -> dict[str, StartState]:
    """The file behind each entrant, filled where it starts with data; entrants share one."""
    states: dict[tuple[Experiment, int | None], StartState] = {}
    for entrant in entrants.values():
        key = (entrant.experiment, entrant.fd)
        if key not in states:
            states[key] = StartState(entrant.experiment, fd=entrant.fd)
            stack.callback(states[key].close)
            for _ in states[key].prepare():
                pass
    return {name: states[each.experiment, each.fd] for name, each in entrants.items()}
