"""What looking at a process costs that process: how long it may have waited for its mmap_lock."""

from __future__ import annotations

from dataclasses import dataclass


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

    def add(self, calls: int, elapsed_ns: int, longest_ns: int) -> None:
        """Count calls."""
        self.calls += calls
        self.elapsed_ns += elapsed_ns
        self.longest_ns = max(self.longest_ns, longest_ns)
