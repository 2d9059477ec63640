"""prefault_kit.memory.pieces: work piece by piece, on a ground that only counts."""

import errno
import threading
from collections.abc import Callable

import pytest

from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.memory.budget import Budget
from prefault_kit.memory.pieces import Pieces

PAGE = 4096


class Ground:
    """Pages that are missing or not; remembers what it was told to do."""

    step = PAGE
    address = 0

    def __init__(self, pages: int, *, there: int = 0, fails: int | None = None, grain: int = PAGE):
        self.size_bytes = pages * PAGE
        self.there = there
        self.fails = fails
        self.grain = grain
        self.done: list[tuple[int, int]] = []
        self.gone: list[tuple[int, int]] = []

    def missing_bytes(self, offset: int, length: int) -> int:
        there = max(0, min(self.there * PAGE, offset + length) - offset)
        return length - there

    def populate(self, offset: int, length: int, go_on: Callable[[int], bool]) -> Work:
        first, last = offset // PAGE, (offset + length) // PAGE
        self.done.append((first, last))
        if self.fails is not None and first <= self.fails < last:
            work = Work(1, 1, 0, self.fails * PAGE - offset)
            raise PrefaultError(errno.EFAULT, "page lost", page=self.fails, work=work)
        if not go_on(length // 2):
            return Work(1, 1, 0, length // 2)
        return Work(1, 1, 0, length)

    def let_go(self, offset: int, length: int) -> None:
        self.gone.append((offset // PAGE, (offset + length) // PAGE))


def test_at_once() -> None:
    """Without windows and budgets it is one call."""
    ground = Ground(10)
    assert Pieces().populate(ground)[0].done_bytes == 10 * PAGE
    assert (ground.done, ground.gone) == ([(0, 10)], [])


def test_windows() -> None:
    """Each is let go when the next one is there; the last one stays."""
    ground = Ground(10)
    work, limit = Pieces(window_bytes=4 * PAGE).populate(ground)
    assert ground.done == [(0, 4), (4, 8), (8, 10)]
    assert ground.gone == [(0, 4), (4, 8)]
    assert (work, limit) == (Work(3, 3, 0, 10 * PAGE), None)


def test_an_error_is_of_all_of_it() -> None:
    """What earlier pieces did counts."""
    with pytest.raises(PrefaultError) as raised:
        Pieces(window_bytes=4 * PAGE).populate(Ground(10, fails=6))
    assert (raised.value.page, raised.value.populated_bytes) == (6, 6 * PAGE)
    assert raised.value.work.elapsed_ns == 2


def budget(pages: int) -> Budget:
    """So many pages."""
    found = Budget.of(at_most_bytes=pages * PAGE)
    assert found
    return found


def test_a_budget_counts_what_is_missing() -> None:
    """What is there is free; the end is exact where nothing larger than a page may come."""
    ground = Ground(100, there=7)
    work, limit = Pieces(budget=budget(20)).populate(ground)
    assert work.done_bytes == 27 * PAGE
    assert limit
    assert "no more than 80 KiB" in limit
    assert Pieces(budget=budget(93)).populate(Ground(100, there=7))[0].done_bytes == 100 * PAGE


def test_a_budget_ends_at_a_border_of_grains() -> None:
    """So that the last page does not bring a huge one with it."""
    ground = Ground(100, grain=16 * PAGE)
    assert Pieces(budget=budget(40)).populate(ground)[0].done_bytes == 32 * PAGE
    ground = Ground(100, grain=16 * PAGE)
    ground.address = 10 * PAGE
    assert Pieces(budget=budget(40)).populate(ground)[0].done_bytes == 38 * PAGE
    ground = Ground(100, grain=64 * PAGE)
    assert Pieces(budget=budget(40)).populate(ground)[0].done_bytes == 0


def test_stop() -> None:
    """Amid a piece and between two."""
    stop = threading.Event()
    told: list[int] = []

    def tell(done: int, _: int) -> None:
        told.append(done // PAGE)
        if len(told) == 2:
            stop.set()

    ground = Ground(10)
    pieces = Pieces(window_bytes=4 * PAGE, on_progress=tell, stop=stop)
    assert pieces.populate(ground)[0].done_bytes == 4 * PAGE
    assert told == [2, 4]
    assert Pieces(stop=stop).populate(Ground(10))[0].done_bytes == 5 * PAGE
