"""prefault_kit.measure.contention: who waits while memory is touched or populated."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.timed import Work
from prefault_kit.measure import contention

SIZE = 64 * PAGE


def test_a_neighbour_maps_until_the_block_ends() -> None:
    """It has begun when the block does, and no thread is left."""
    with contention.neighbour() as calls:
        assert calls
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


def test_the_neighbours_last_wait_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mmap that waits until the way is over is the longest: it must not be missed."""
    neighbours: set[int] = set()
    waiting, over = threading.Event(), threading.Event()

    def remap_timed(*_: object, **__: object) -> Work:
        if threading.get_ident() not in neighbours:
            neighbours.add(threading.get_ident())
            return Work(elapsed_ns=1000)
        waiting.set()
        assert over.wait(30)
        return Work(elapsed_ns=5_000_000)

    def way(memory: Mapping) -> Work:
        if "contention-neighbour" in {each.name for each in threading.enumerate()}:
            assert waiting.wait(30)
            over.set()
        else:
            neighbours.clear()
            waiting.clear()
            over.clear()
        return Work()

    monkeypatch.setattr(contention.timed, "remap_timed", remap_timed)
    found = contention.measure({"a": way}, Backing.anon(), SIZE, repeats=1)
    assert found["a"].worst_mmap_us == 5000.0


def test_the_warm_up_does_not_count() -> None:
    """However slow the first round is, the medians are those of the others."""
    took_ms = iter((900, 800, 1, 2, 3, 4))  # alone and beside, in turn

    def way(memory: Mapping) -> Work:
        return Work(elapsed_ns=next(took_ms) * 1_000_000)

    wait = contention.measure({"a": way}, Backing.anon(), SIZE, repeats=2)["a"]
    assert (wait.elapsed_ms, wait.beside_ms) == (2.0, 3.0)


def test_what_the_neighbour_did_before_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first mmap, which is over before the way begins, is the longest of all."""

    @contextmanager
    def neighbour() -> Iterator[list[Work]]:
        calls = [Work(elapsed_ns=9_000_000)]
        yield calls
        calls.append(Work(elapsed_ns=1000))

    monkeypatch.setattr(contention, "neighbour", neighbour)
    found = contention.measure({"a": Mapping.touch_write}, Backing.anon(), SIZE, repeats=1)
    assert (found["a"].mmap_us, found["a"].worst_mmap_us) == (1.0, 1.0)


def test_the_time_is_that_of_the_work_alone() -> None:
    """Whatever else a way does, alone and beside the neighbour, is not timed."""

    def way(memory: Mapping) -> Work:
        memory.pages()
        return Work(elapsed_ns=3_000_000, cpu_ns=2_000_000, waits=1)

    wait = contention.measure({"a": way}, Backing.anon(), SIZE, repeats=1)["a"]
    assert (wait.elapsed_ms, wait.cpu_ms, wait.waits) == (3.0, 2.0, 1)
    assert (wait.beside_ms, wait.beside_waits) == (3.0, 1)


def test_a_thread_counts_in_each_page() -> None:
    """It has begun when the block does, and every count is there in the end."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        with contention.counting(memory) as counts:
            assert counts.rounds > 0
            memory.advise("MADV_DONTNEED")
        assert counts.kept
        assert memory.read(0, 1)[0] == counts.rounds % 256


def test_a_count_that_is_lost_is_noticed() -> None:
    """In a single page."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        with contention.counting(memory) as counts:
            memory.write(PAGE, bytes([(memory.read(0, 1)[0] + 128) % 256]))
        assert not counts.kept


def test_the_usual_ways_populate_all() -> None:
    """Or touch; with each number of threads."""
    ways = contention.usual((1, 2))
    assert len(ways) == 6
    for way in ways.values():
        with Mapping(Backing.anon(), SIZE) as memory:
            assert way(memory).minor_faults == memory.pages().present == SIZE // PAGE
