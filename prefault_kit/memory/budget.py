"""A budget: how much memory calls may still add, before they would take what others need."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

from prefault_kit.kernel import cgroup, proc
from prefault_kit.kernel.errors import HIGHEST, whole
from prefault_kit.memory.sizes import format_bytes


@dataclass
class Budget:
    """What calls may add at most, together, and for what reason. All of the limits hold at once.

    >>> budget = Budget.of(at_most_bytes=1 << 20)
    >>> budget.added_bytes += 1 << 19
    >>> budget.room()
    (524288, 'no more than 1 MiB may be added')
    """

    leave_free_bytes: int | None
    at_most_bytes: int | None
    at_most_of_cgroup: float | None
    available_bytes: int
    """What the machine could give without swapping when the budget began (MemAvailable)."""
    added_bytes: int = 0
    """What those that share it have added so far."""

    @classmethod
    def of(
        cls,
        *,
        leave_free_bytes: int | None = None,
        at_most_bytes: int | None = None,
        at_most_of_cgroup: float | None = None,
    ) -> Budget | None:
        """A budget from now on; None without a limit. ValueError for one that means nothing."""
        if leave_free_bytes is not None:
            leave_free_bytes = whole("leave_free_bytes", leave_free_bytes, 0, HIGHEST)
        if at_most_bytes is not None:
            at_most_bytes = whole("at_most_bytes", at_most_bytes, 0, HIGHEST)
        part = at_most_of_cgroup
        if part is not None:
            is_number = isinstance(part, numbers.Real) and not isinstance(part, bool)
            if not is_number or not math.isfinite(part) or not 0 < part <= 1:
                raise ValueError(f"at_most_of_cgroup is a part above 0 up to 1, not {part!r}")
            part = float(part)
        if leave_free_bytes is None and at_most_bytes is None and part is None:
            return None
        return cls(leave_free_bytes, at_most_bytes, part, proc.meminfo()["MemAvailable"])

    def room(self) -> tuple[int, str]:
        """Bytes that may still be added; and what limits them.

        The machine and the cgroup are asked anew each time, for others take from them too. The page
        cache that was filled within the budget counts as taken, though the kernel could drop it
        again.
        """
        rooms: list[tuple[int, str]] = []
        if self.at_most_bytes is not None:
            reason = f"no more than {format_bytes(self.at_most_bytes)} may be added"
            rooms.append((self.at_most_bytes - self.added_bytes, reason))
        if self.leave_free_bytes is not None:
            now = min(proc.meminfo()["MemAvailable"], self.available_bytes - self.added_bytes)
            reason = (
                f"{format_bytes(self.leave_free_bytes)} of the machine's memory are to stay free"
            )
            rooms.append((now - self.leave_free_bytes, reason))
        if self.at_most_of_cgroup is not None:
            rooms.extend(self._cgroups(self.at_most_of_cgroup))
        room, reason = min(rooms)
        return max(0, room), reason

    def _cgroups(self, part: float) -> list[tuple[int, str]]:
        """For each limit above this process; without one, the machine's memory is the limit."""
        rooms = []
        for limit in cgroup.memory_limits():
            allowed = int(limit.limit_bytes * part)
            reason = f"{part:.0%} of the memory cgroup are {format_bytes(allowed)}"
            rooms.append((min(allowed - self.added_bytes, limit.available_bytes), reason))
        allowed = int(proc.meminfo()["MemTotal"] * part)
        reason = f"{part:.0%} of the machine's memory are {format_bytes(allowed)}"
        return rooms or [(allowed - self.added_bytes, reason)]
