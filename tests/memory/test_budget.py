"""prefault_kit.memory.budget: how much memory a call may still add."""

from pathlib import Path
from typing import Any

import numpy
import pytest

from prefault_kit.kernel import cgroup, proc
from prefault_kit.memory.budget import Budget

GIB = 1 << 30


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A machine of 16 GiB, 10 of them available, without a cgroup."""
    memory = {"MemTotal": 16 * GIB, "MemAvailable": 10 * GIB}
    monkeypatch.setattr(proc, "meminfo", lambda: memory)
    monkeypatch.setattr(cgroup, "memory_limits", list)
    return memory


def test_no_limit_is_no_budget() -> None:
    """None, which costs nothing."""
    assert Budget.of() is None


def room(added: int = 0, **limits: Any) -> int:
    """What a budget has left."""
    budget = Budget.of(**limits)
    assert budget
    budget.added_bytes += added
    return budget.room()[0]


def test_at_most() -> None:
    """What was added counts, and it is never below 0."""
    assert room(at_most_bytes=GIB) == GIB
    assert room(GIB // 4, at_most_bytes=GIB) == GIB * 3 // 4
    assert room(2 * GIB, at_most_bytes=GIB) == 0


def test_leave_free(machine: dict[str, int]) -> None:
    """What others take counts, and so does the page cache that the call itself has filled."""
    budget = Budget.of(leave_free_bytes=2 * GIB)
    assert budget
    assert budget.room()[0] == 8 * GIB
    budget.added_bytes += 3 * GIB
    assert budget.room()[0] == 5 * GIB  # page cache, which the machine counts as available
    machine["MemAvailable"] = 4 * GIB
    assert budget.room()[0] == 2 * GIB
    assert room(leave_free_bytes=20 * GIB) == 0


def test_a_part_of_the_cgroup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its limit, and never more than it has left; of the machine's memory without one."""
    assert room(at_most_of_cgroup=0.5) == 8 * GIB
    limit = cgroup.Limit(Path("memory.max"), 4 * GIB, GIB)
    monkeypatch.setattr(cgroup, "memory_limits", lambda: [limit])
    assert room(at_most_of_cgroup=0.5) == 2 * GIB
    assert room(GIB, at_most_of_cgroup=0.5) == GIB
    assert room(at_most_of_cgroup=1) == 3 * GIB
    assert room(at_most_of_cgroup=numpy.float32(0.5)) == 2 * GIB


def test_the_tightest_counts_and_says_why() -> None:
    """Of several limits."""
    budget = Budget.of(at_most_bytes=GIB, leave_free_bytes=9 * GIB + (GIB >> 1))
    assert budget
    assert budget.room() == (GIB >> 1, "9.5 GiB of the machine's memory are to stay free")
