"""A contest: several ways to do the same, each on a fresh mapping of the same memory, interleaved.

For a question that no method of the grid and no workload of a review asks. It runs in this process,
so nothing of it may raise SIGBUS. A way returns the :class:`Work` of what it did: the clock is read
in C around that alone, and what is looked at afterwards costs the way no time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prefault_kit.kernel.syscalls import Work
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.interleaving import interleave
from prefault_kit.measure.start_state import StartState
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping as Memory

Way = Callable[[Memory], Work]
"""Does something to fresh memory; the sum of what that took."""


@dataclass(frozen=True)
class Entry:
    """What one way came to."""

    times_ms: tuple[float, ...]
    """Of each repetition, in order, without the warm-up."""
    seen: object
    """What was seen after the last repetition."""

    @property
    def best_ms(self) -> float:
        """The shortest."""
        return min(self.times_ms)


@dataclass(frozen=True)
class Contest:
    """The ways, in the order in which they were given."""

    entries: Mapping[str, Entry]

    def ratio(self, way: str, over: str) -> float:
        """The best time of one way over that of another."""
        return self.entries[way].best_ms / self.entries[over].best_ms

    def seen(self) -> dict[str, object]:
        """What was seen after each way."""
        return {name: entry.seen for name, entry in self.entries.items()}


def run(
    ways: Mapping[str, Way],
    backing: Backing,
    size_bytes: int,
    sharing: str = "private",
    *,
    look: Callable[[Memory], object] = lambda memory: None,
    start: str = "empty",
    repeats: int = 5,
    thp: bool | None = False,
) -> Contest:
    """Time ``ways`` on memory in its start state, which is as in an Experiment, and ``thp`` as in
    a Mapping; ``look`` at the memory afterwards. OSError, in a sentence, where there is no room."""
    experiment = Experiment(backing, sharing, "Write", size_bytes, start=start, repeats=repeats)
    if missing := experiment.why_not():
        raise OSError(str(missing))
    times_ms: dict[str, list[float]] = {name: [] for name in ways}
    seen: dict[str, object] = {}
    state = StartState(experiment)
    try:
        for _ in state.prepare():
            pass
        for repetition, _, name in interleave(tuple(ways), repeats):
            state.reset()
            with Memory(backing, size_bytes, sharing, fd=state.fd, thp=thp) as memory:
                work = ways[name](memory)
                seen[name] = look(memory)
            if repetition:
                times_ms[name].append(work.elapsed_ms)
    finally:
        state.close()
    return Contest({name: Entry(tuple(times_ms[name]), seen[name]) for name in ways})
