"""prefault_kit.measure.contest: the same by several ways, turn by turn."""

import os
from pathlib import Path

import pytest

from prefault_kit import Backing, Mapping, Work
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import contest

SIZE = 16 * PAGE


def test_ways_take_turns_on_fresh_memory() -> None:
    """Each finds no page; the first turn warms up and is not counted."""
    order: list[str] = []

    def way(name: str, pages: int) -> contest.Way:
        def touch(memory: Mapping) -> Work:
            order.append(name)
            assert memory.pages().present == 0
            return memory.touch_write(0, pages * PAGE)

        return touch

    ways = {"a": way("a", 16), "b": way("b", 7)}
    found = contest.run(
        ways, Backing.anon(), SIZE, repeats=2, look=lambda memory: memory.pages().present
    )
    assert order == ["a", "b"] * 3
    assert found.seen() == {"a": 16, "b": 7}
    assert {len(entry.times_ms) for entry in found.entries.values()} == {2}


def test_the_time_is_that_of_the_work_alone() -> None:
    """Whatever else a way does, and whatever is looked at, costs it nothing."""
    turns = iter((9, 1, 2))
    found = contest.run(
        {"a": lambda memory: Work(elapsed_ns=next(turns) * 1_000_000)},
        Backing.anon(),
        SIZE,
        repeats=2,
    )
    assert found.entries["a"].times_ms == (1.0, 2.0)
    assert found.entries["a"].best_ms == 1.0
    assert found.entries["a"].seen is None


def test_a_ratio_is_of_the_best_times() -> None:
    """The first way over the second."""
    found = contest.Contest(
        {
            "slow": contest.Entry((4.0, 2.0, 3.0), None),
            "quick": contest.Entry((1.0, 1.0, 5.0), None),
        }
    )
    assert found.ratio("quick", "slow") == 0.5


def test_a_cold_file_is_cold_each_time(disk_directory: Path) -> None:
    """Whatever a way read is evicted before the next."""

    turns: list[tuple[int, int]] = []

    def read(memory: Mapping) -> Work:
        before = memory.file_cache().cached  # type: ignore[union-attr]
        work = memory.populate_read()
        turns.append((before, work.major_faults))
        return work

    contest.run(
        {"a": read, "b": read},
        Backing.file(disk_directory),
        SIZE,
        "shared",
        start="cold",
        repeats=1,
    )
    assert len(turns) == 4
    for before, major in turns:
        assert before == 0
        assert major > 0


def test_no_room_is_said_beforehand() -> None:
    """Before anything is mapped."""
    with pytest.raises(OSError, match=r"memory are needed|is refused by the kernel"):
        contest.run({"a": Mapping.touch_write}, Backing.anon(), 1 << 50)


def test_an_error_leaves_nothing_open() -> None:
    """The file of a way that fails is closed."""

    def fail(memory: Mapping) -> Work:
        raise OSError(memory.fd, "as asked")

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="as asked"):
        contest.run({"a": fail}, Backing.memfd(), SIZE, "shared")
    assert len(os.listdir("/proc/self/fd")) == before
