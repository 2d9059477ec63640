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
    """Whatever else a way does and whatever is looked at adds nothing: an entry has exactly the
    Works that its way returned, and they are those of the operations."""
    returned: list[Work] = []

    def way(memory: Mapping) -> Work:
        memory.usage()
        returned.append(memory.touch_write() + memory.populate_write())
        memory.pages()
        return returned[-1]

    def look(memory: Mapping) -> int | None:
        memory.file_cache()
        return memory.usage().rss

    found = contest.run({"a": way}, Backing.memfd(), SIZE, "shared", repeats=3, look=look)
    entry = found.entries["a"]
    assert entry.works == tuple(returned[1:])  # without the warm-up
    assert entry.times_ms == tuple(work.elapsed_ms for work in returned[1:])
    assert entry.seen == SIZE


def test_best_median_and_ratio() -> None:
    """Of the times; a ratio is of the best, the first way over the second."""

    def entry(*times_ms: int) -> contest.Entry:
        return contest.Entry(tuple(Work(elapsed_ns=each * 1_000_000) for each in times_ms), None)

    found = contest.Contest({"slow": entry(4, 2, 3), "quick": entry(1, 1, 5)})
    assert (found.entries["slow"].best_ms, found.entries["slow"].median_ms) == (2.0, 3.0)
    assert found.ratio("quick", "slow") == 0.5


def test_each_entrant_has_memory_of_its_own_kind() -> None:
    """In turn all the same; an open file is used, emptied before each turn, and left open."""
    fd = os.memfd_create("test")
    os.ftruncate(fd, SIZE)
    os.pwrite(fd, b"x", 0)
    kinds: list[tuple[str, int]] = []

    def way(memory: Mapping) -> Work:
        kinds.append((memory.sharing, memory.pages().present))
        assert memory.read(0, 1) == b"\0"
        return memory.touch_write()

    entrants = {
        "anon": contest.Entrant(way, Backing.anon(), SIZE),
        "open": contest.Entrant(way, Backing.memfd(), SIZE, "shared", fd=fd),
    }
    contest.between(entrants, repeats=1)
    assert kinds == [("private", 0), ("shared", 0)] * 2
    assert os.fstat(fd).st_size == SIZE
    os.close(fd)


@pytest.mark.needs("major_faults")
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
