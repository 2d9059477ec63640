"""prefault_kit.measure.contest: the same by several ways, turn by turn."""

import os
from pathlib import Path

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import contest

SIZE = 16 * PAGE


def test_ways_take_turns_on_fresh_memory() -> None:
    """Each finds no page; the first turn warms up and is not counted."""
    order: list[str] = []

    def way(name: str) -> object:
        def touch(memory: Mapping) -> int:
            order.append(name)
            assert memory.pages().present == 0
            return memory.touch_write().minor_faults

        return touch

    found = contest.run({"a": way("a"), "b": way("b")}, Backing.anon(), SIZE, repeats=2)  # type: ignore[dict-item]
    assert order == ["a", "b"] * 3
    assert found.said() == {"a": 16, "b": 16}
    assert {len(entry.times_ms) for entry in found.entries.values()} == {2}


def test_a_cold_file_is_cold_each_time(disk_directory: Path) -> None:
    """Whatever a way read is evicted before the next."""

    def read(memory: Mapping) -> tuple[int, int]:
        before = memory.file_cache().cached  # type: ignore[union-attr]
        return before, memory.populate_read().major_faults

    found = contest.run(
        {"a": read, "b": read},
        Backing.file(disk_directory),
        SIZE,
        "shared",
        start="cold",
        repeats=1,
    )
    for before, major in found.said().values():  # type: ignore[misc]
        assert before == 0
        assert major > 0


def test_the_table_compares_with_the_first() -> None:
    """Best, median, and the ratio of best times."""
    found = contest.Contest(
        {
            "slow": contest.Entry((4.0, 2.0, 3.0), None),
            "quick": contest.Entry((1.0, 1.0, 5.0), None),
        }
    )
    assert found.ratio("quick", "slow") == 0.5
    assert "| slow | 2.00 ms | 3.00 ms | 1.00 |" in repr(found)
    assert "| quick | 1.00 ms | 1.00 ms | 0.50 |" in repr(found)


def test_no_room_is_said_beforehand() -> None:
    """Before anything is mapped."""
    with pytest.raises(OSError, match=r"memory are needed|is refused by the kernel"):
        contest.run({"a": lambda memory: None}, Backing.anon(), 1 << 50)


def test_an_error_leaves_nothing_open() -> None:
    """The file of a way that fails is closed."""

    def fail(memory: Mapping) -> None:
        raise OSError(memory.fd, "as asked")

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="as asked"):
        contest.run({"a": fail}, Backing.memfd(), SIZE, "shared")
    assert len(os.listdir("/proc/self/fd")) == before
