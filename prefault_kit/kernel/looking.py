"""What looking at a process costs that process: how long it may have waited for its mmap_lock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

REST_AFTER_NS = 1_000_000
"""After so much holding, a pause as long."""
LONGEST_REST_NS = 5_000_000


@dataclass
class Looking:
    """The calls that take the lock for reading, added up.

    Meanwhile mmap, munmap, mprotect and the like wait; a page fault waits too on kernels before
    Linux 6.4, and rarely since.
    """

    calls: int = 0
    elapsed_ns: int = 0
    longest_ns: int = 0
    """Of one call, and so an upper bound of how long the process was held up at a time."""
    _rested_ns: int = field(default=0, repr=False, compare=False)

    def add(self, calls: int, elapsed_ns: int, longest_ns: int) -> None:
        """Count calls."""
        self.calls += calls
        self.elapsed_ns += elapsed_ns
        self.longest_ns = max(self.longest_ns, longest_ns)

    def rest(self) -> None:
        """Let go for as long as was held since the last rest, if that was long.

        Whoever waits for the lock is woken when it is free, and takes it only if it still is when
        it runs: a reader that is back at once starves it for milliseconds.
        """
        held_ns = self.elapsed_ns - self._rested_ns
        if held_ns >= REST_AFTER_NS:
            time.sleep(min(held_ns, LONGEST_REST_NS) / 1e9)
            self._rested_ns = self.elapsed_ns
