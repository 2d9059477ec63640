"""A budget: how much memory a call may still add, before it would take what others need."""

from __future__ import annotations

import math
from dataclasses import dataclass

from prefault_kit.kernel import cgroup, proc
from prefault_kit.kernel.errors import HIGHEST, whole
from prefault_kit.memory.sizes import format_bytes


@dataclass(frozen=True)
class Budget:
    """What a call may add at most, and for what reason. All of the limits hold at once.

    >>> Budget.of(at_most_bytes=1 << 20).room(1 << 19)
    (524288, 'at_most_bytes allows 1 MiB')
    """

    leave_free_bytes: int | None
    at_most_bytes: int | None
    at_most_of_cgroup: float | None
    available_bytes: int
    """What the machine could give without swapping when the call began (MemAvailable)."""

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
            is_number = isinstance(part, int | float) and not isinstance(part, bool)
            if not is_number or not math.isfinite(part) or not 0 < part <= 1:
                raise ValueError(f"at_most_of_cgroup is a part above 0 up to 1, not {part!r}")
        if leave_free_bytes is None and at_most_bytes is None and part is None:
            return None
        return cls(leave_free_bytes, at_most_bytes, part, proc.meminfo()["MemAvailable"])

    def room(self, added_bytes: int) -> tuple[int, str]:
        """Bytes that may still be added, after so many of the call's own; and what limits them.

        The machine and the cgroup are asked anew each time, for others take from them too. The page
        cache that the call itself fills counts as taken, though the kernel could drop it again.
        """
        rooms: list[tuple[int, str]] = []
        if self.at_most_bytes is not None:
            reason = f"at_most_bytes allows {format_bytes(self.at_most_bytes)}"
            rooms.append((self.at_most_bytes - added_bytes, reason))
        if self.leave_free_bytes is not None:
            now = min(proc.meminfo()["MemAvailable"], self.available_bytes - added_bytes)
            reason = f"{format_bytes(self.leave_free_bytes)} of the machine's memory stay free"
            rooms.append((now - self.leave_free_bytes, reason))
        if self.at_most_of_cgroup is not None:
            rooms.extend(self._cgroups(self.at_most_of_cgroup, added_bytes))
        room, reason = min(rooms)
        return max(0, room), reason

    @staticmethod
    def _cgroups(part: float, added_bytes: int) -> list[tuple[int, str]]:
        """For each limit above this process; without one, the machine's memory is the limit."""
        rooms = []
        for limit in cgroup.memory_limits():
            allowed = int(limit.limit_bytes * part)
            reason = f"{part:.0%} of the memory cgroup are {format_bytes(allowed)}"
            rooms.append((min(allowed - added_bytes, limit.available_bytes), reason))
        allowed = int(proc.meminfo()["MemTotal"] * part)
        reason = f"{part:.0%} of the machine's memory are {format_bytes(allowed)}"
        return rooms or [(allowed - added_bytes, reason)]
