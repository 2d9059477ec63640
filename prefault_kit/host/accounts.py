"""How much memory may still be used, by the machine's account and by each memory cgroup's."""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.kernel import cgroup, proc

LEAST_RESERVE_BYTES = 64 << 20
WORKER_BYTES = 16 << 20
"""What the kit's worker takes for itself beside the memory that is studied, at most."""
_worker_bytes = WORKER_BYTES


def worker_is_here() -> None:
    """Let the worker say that it runs in this process: what it takes is charged already."""
    global _worker_bytes
    _worker_bytes = 0


def reserve_bytes(total_bytes: int) -> int:
    """What is kept free: 5 % and at least 64 MiB, but never more than a quarter."""
    return min(max(total_bytes // 20, LEAST_RESERVE_BYTES), total_bytes // 4)


@dataclass(frozen=True)
class Account:
    """One account that memory is charged to, in bytes."""

    name: str
    """As a sentence says it: ``this machine`` or ``the memory cgroup of this process``."""
    total_bytes: int
    available_bytes: int
    """What can be had without swapping: free, and page cache that can be dropped."""
    limit: cgroup.Limit | None = None

    @property
    def reserve_bytes(self) -> int:
        """What experiments leave alone: for everything else that runs, and for the worker."""
        return reserve_bytes(self.total_bytes) + _worker_bytes

    @property
    def usable_bytes(self) -> int:
        """What an experiment may take."""
        return max(0, self.available_bytes - self.reserve_bytes)


def accounts() -> list[Account]:
    """The machine, then every memory cgroup with a limit below the machine's memory."""
    machine = proc.meminfo()
    total = machine["MemTotal"]
    found = [Account("this machine", total, machine["MemAvailable"])]
    for limit in cgroup.memory_limits():
        if limit.limit_bytes < total:
            name = "the memory cgroup of this process"
            found.append(Account(name, limit.limit_bytes, limit.available_bytes, limit))
    return found


def tightest() -> Account:
    """The account that has the least left."""
    return min(accounts(), key=lambda account: account.usable_bytes)
