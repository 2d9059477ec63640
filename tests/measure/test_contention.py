"""prefault_kit.measure.contention: who waits while memory is touched or populated."""

import threading

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.syscalls import Work
from prefault_kit.measure import contention

SIZE = 64 * PAGE


def test_a_neighbour_maps_until_the_block_ends() -> None:
    """It has begun when the block does, and no thread is left."""
    with contention.neighbour() as waits_us:
        assert waits_us
        assert "contention-neighbour" in {each.name for each in threading.enumerate()}
    assert "contention-neighbour" not in {each.name for each in threading.enumerate()}


def test_every_way_works_on_fresh_memory_alone_and_beside_it() -> None:
    """In turn; the first round warms up and is not counted."""
    seen: list[bool] = []

    def touch(memory: Mapping) -> Work:
        names = {each.name for each in threading.enumerate()}
        seen.append("contention-neighbour" in names)
        assert memory.pages().present == 0
        return memory.touch_write()

    found = contention.measure({"touch": touch}, Backing.anon(), SIZE, repeats=2)
    assert seen == [False, True] * 3
    assert list(found) == ["touch"]
    wait = found["touch"]
    assert wait.worst_mmap_us >= wait.mmap_us >= 0


def test_figures_are_medians_and_the_worst_is_the_worst() -> None:
    """In milliseconds and microseconds."""
    works = [Work(elapsed_ns=n * 1_000_000, cpu_ns=n * 500_000, waits=n) for n in (1, 2, 9)]
    wait = contention._wait(works, works[::-1], [1.0, 2.0, 30.0])
    assert (wait.elapsed_ms, wait.cpu_ms, wait.waits) == (2.0, 1.0, 2)
    assert (wait.beside_ms, wait.mmap_us, wait.worst_mmap_us) == (2.0, 2.0, 30.0)


def test_the_neighbour_ends_with_an_error() -> None:
    """Whatever the block raises."""
    with pytest.raises(OSError, match="as asked"), contention.neighbour():
        raise OSError("as asked")
    assert "contention-neighbour" not in {each.name for each in threading.enumerate()}
