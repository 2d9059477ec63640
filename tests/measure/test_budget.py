"""A budget of page faults: what counts, who is named, and what passes through."""

import errno
import mmap
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from prefault_kit.kernel import faults, perf
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import budget
from prefault_kit.measure.budget import FaultBudget, FaultBudgetExceeded, fault_budget
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 64


@pytest.fixture
def memory() -> Iterator[Mapping]:
    """Pages that nobody has touched."""
    with Mapping(Backing.anon(), PAGES * PAGE) as fresh:
        yield fresh


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let perf_event_open refuse."""

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(perf, "open_event", refuse)


@pytest.mark.needs("fault_events")
@pytest.mark.parametrize("thread", budget.THREADS)
def test_more_than_allowed_is_an_assertion_that_names_the_memory(
    memory: Mapping, thread: str
) -> None:
    """Each fault counts; the culprit has its mapping, function, thread and advice."""
    with (
        pytest.raises(FaultBudgetExceeded, match="minor faults, where 10 are allowed") as caught,
        fault_budget(minor=10, thread=thread),
    ):
        memory.touch_write()
    spent = caught.value.spent
    assert isinstance(caught.value, AssertionError)
    assert spent.minor >= PAGES
    assert spent.source == "perf"
    worst = spent.culprits[0]
    assert (worst.minor, worst.pages, worst.region.permissions) == (PAGES, PAGES, "rw-p")
    assert (worst.pid, worst.tid) == (os.getpid(), threading.get_native_id())
    assert worst.thread == threading.current_thread().name
    assert worst.address == memory.address
    assert worst.place.file.endswith(".so")
    assert "MADV_POPULATE_WRITE" in str(caught.value)
    assert not spent.kept
    assert spent.as_dict()["culprits"][0]["minor"] == PAGES


@pytest.mark.needs("fault_events")
def test_what_is_populated_costs_nothing(memory: Mapping) -> None:
    """Neither the populate nor the touches after it."""
    with fault_budget(major=0, minor=PAGES // 2) as spent:
        memory.populate_write()
        memory.touch_write()
    assert spent.kept
    assert spent.culprits == []
    assert spent.lines()[0].endswith("the budget is kept")


def test_nothing_faults_by_itself() -> None:
    """A budget without a fault in it is kept: what the budget does itself is outside of it."""
    with fault_budget():  # what it needs is loaded then
        pass
    with fault_budget(major=0, minor=0):
        pass


@pytest.mark.needs("fault_events")
def test_other_threads_count_if_they_are_asked_for(memory: Mapping) -> None:
    """One that starts meanwhile, and has ended: by ``all``, not by ``this``."""

    def touch() -> None:
        thread = threading.Thread(target=memory.touch_write, args=(0, PAGES // 2 * PAGE))
        thread.start()
        thread.join()

    with fault_budget(minor=None, thread="this") as alone:
        touch()
    for _ in range(10):
        memory.advise("MADV_DONTNEED", 0, PAGES * PAGE)
        with pytest.raises(FaultBudgetExceeded) as caught, fault_budget(minor=0, thread="all"):
            touch()
        if not caught.value.spent.lost:  # else there were too many of other threads
            break
    assert alone.minor < PAGES // 2
    found = [each for each in caught.value.spent.culprits if each.minor >= PAGES // 2]
    assert [each.tid == threading.get_native_id() for each in found] == [False], caught.value
    assert "fault_budget" not in {each.thread for each in caught.value.spent.culprits}


def test_what_the_block_raises_passes_through(memory: Mapping) -> None:
    """Over the budget or not; nothing stays open."""
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyError), fault_budget(minor=0) as spent:
        {}[memory.touch_write()]
    assert not spent.kept
    assert len(os.listdir("/proc/self/fd")) == before


def test_nothing_stays_open_of_all_threads(memory: Mapping) -> None:
    """Neither the stream nor what wakes the thread that watches it."""
    before = len(os.listdir("/proc/self/fd"))
    with fault_budget(minor=1 << 20, thread="all"):
        memory.touch_write()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.usefixtures("forbidden")
def test_getrusage_counts_this_thread_alone(memory: Mapping) -> None:
    """Or all of them, if they are asked for."""
    counted = {}
    for thread in budget.THREADS:
        with fault_budget(minor=None, thread=thread) as spent:
            other = threading.Thread(target=memory.touch_write)
            other.start()
            other.join()
        counted[thread] = spent.minor
        memory.advise("MADV_DONTNEED", 0, PAGES * PAGE)
    assert counted["this"] < PAGES <= counted["all"]


@pytest.mark.needs("fault_events")
def test_what_is_allowed_does_not_hide_who_takes_more() -> None:
    """As many are recorded as are allowed, and some more."""
    with Mapping(Backing.anon(), 6 * PAGES * PAGE) as memory:
        with pytest.raises(FaultBudgetExceeded) as caught, fault_budget(minor=200):
            memory.touch_write()
        assert caught.value.spent.lost == 0


@pytest.mark.needs("fault_events")
def test_budgets_in_budgets(memory: Mapping) -> None:
    """Each counts by itself, and the inner one's failure is the one that is told."""
    with (
        pytest.raises(FaultBudgetExceeded) as caught,
        fault_budget(minor=0),
        fault_budget(minor=1) as inner,
    ):
        memory.touch_write(0, 2 * PAGE)
    assert caught.value.spent is inner
    memory.advise("MADV_DONTNEED", 0, PAGES * PAGE)
    with fault_budget(minor=None) as outer:
        memory.touch_write(0, PAGE)
        with fault_budget(minor=None) as inner:
            memory.touch_write(PAGE, 2 * PAGE)
        assert inner.minor < outer.minor
    assert inner.minor >= 2


@pytest.mark.needs("fault_events")
def test_as_a_decorator(memory: Mapping) -> None:
    """Each call has a budget of its own, also one in another."""

    @fault_budget(minor=PAGES)
    def touch(page: int) -> int:
        memory.touch_write(page * PAGE, PAGE)
        return touch(page + 1) if page < 3 else page

    assert touch(0) == 3
    assert touch(0) == 3


def test_what_cannot_be_decorated() -> None:
    """A call that only begins something would be over before its faults."""

    async def later() -> None: ...

    def some() -> Iterator[int]:
        yield 1

    for function in (later, some):
        with pytest.raises(TypeError, match="only begins"):
            fault_budget()(function)


def test_once_only() -> None:
    """A budget is not begun twice."""
    spent = fault_budget()
    with spent:
        pass
    with pytest.raises(RuntimeError, match="call fault_budget again"), spent:
        pass


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"major": -1}, "major is a number"),
        ({"minor": 1.5}, "minor is a number"),
        ({"minor": True}, "minor is a number"),
        ({"thread": "that"}, "this, all"),
    ],
)
def test_what_is_no_budget(known: dict[str, object], words: str) -> None:
    """ValueError that says what one is."""
    with pytest.raises(ValueError, match=words):
        fault_budget(**known)


@pytest.mark.usefixtures("forbidden")
@pytest.mark.parametrize("thread", budget.THREADS)
def test_where_perf_is_forbidden_getrusage_counts(memory: Mapping, thread: str) -> None:
    """The budget holds; nobody is named, and it says why and what would help."""
    with pytest.raises(FaultBudgetExceeded) as caught, fault_budget(minor=10, thread=thread):
        memory.touch_write()
    spent = caught.value.spent
    assert spent.source == "getrusage"
    assert spent.kernel_included is None
    assert spent.minor >= PAGES
    assert "nobody can be named: page faults cannot be observed" in str(caught.value)
    assert spent.as_dict()["missing"]


@pytest.mark.needs("fault_events")
def test_without_a_buffer_it_counts(memory: Mapping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are perf's; who it was is not told."""

    def full(*_: object, **__: object) -> None:
        raise perf.BufferRefused(errno.EPERM, "too much memory is locked")

    monkeypatch.setattr(faults, "Buffer", full)
    with pytest.raises(FaultBudgetExceeded) as caught, fault_budget(minor=10):
        memory.touch_write()
    assert caught.value.spent.source == "perf"
    assert caught.value.spent.culprits == []
    assert "perf_event_mlock_kb" in str(caught.value)


@pytest.mark.needs("fault_events")
def test_recording_stops_and_counting_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many faults the first ones are looked at, which bounds what a budget costs."""
    monkeypatch.setattr(budget, "MOST_RECORDED", 16)
    with (
        Mapping(Backing.anon(), PAGES * PAGE) as memory,
        pytest.raises(FaultBudgetExceeded) as caught,
        fault_budget(minor=10),
    ):
        memory.touch_write()
    spent = caught.value.spent
    assert spent.minor >= PAGES
    assert sum(each.minor for each in spent.culprits) <= 26
    assert spent.lost == spent.minor - sum(each.minor for each in spent.culprits)
    assert "counted and not looked at" in str(caught.value)


@pytest.mark.needs("fault_events")
def test_a_full_buffer_of_all_threads_stops_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stream is stopped, and all faults are counted still."""
    stopped = threading.Event()
    real = faults.FaultStream.stop

    def stop(stream: faults.FaultStream) -> None:
        if threading.current_thread().name == "fault_budget":
            stopped.set()
        real(stream)

    monkeypatch.setattr(faults.FaultStream, "stop", stop)
    monkeypatch.setattr(budget, "BUFFER_BYTES", PAGE)
    with Mapping(Backing.anon(), 8 * PAGES * PAGE) as memory:
        with pytest.raises(FaultBudgetExceeded) as caught, fault_budget(minor=0, thread="all"):
            assert memory.touch_write() and stopped.wait(10)
        assert caught.value.spent.minor >= 8 * PAGES


def test_a_thread_that_has_ended_is_no_full_buffer() -> None:
    """poll(2) tells both of a descriptor; recording goes on."""
    reader, writer = os.pipe()
    os.close(writer)
    stopped = []

    class Ended:
        def descriptors(self) -> list[int]:
            return [reader]

        def stop(self) -> None:
            stopped.append(True)

    with budget._stopped_when_full(Ended()):
        time.sleep(0.1)  # the thread that watches has looked
    os.close(reader)
    assert stopped == []


@pytest.mark.needs("fault_events")
def test_memory_that_is_gone_is_named() -> None:
    """As what it was, with the advice to keep it."""

    @fault_budget(minor=10)
    def use() -> None:
        with mmap.mmap(-1, PAGES * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as short:
            with suppress(OSError):  # of a kernel without huge pages
                short.madvise(mmap.MADV_NOHUGEPAGE)
            for page in range(PAGES):
                short[page * PAGE] = 1

    with pytest.raises(FaultBudgetExceeded) as caught:
        use()
    worst = caught.value.spent.culprits[0]
    assert worst.minor == PAGES
    assert worst.gone
    assert "keep it" in worst.advice


def test_before_it_begins() -> None:
    """There is nothing to tell."""
    spent = fault_budget()
    assert isinstance(spent, FaultBudget)
    assert (spent.minor, spent.major, spent.source) == (0, 0, None)


@pytest.mark.needs("fault_events")
def test_lines_of_python() -> None:
    """Where the thread was at each fault; a budget in it says why it has none."""

    def touch_some() -> None:
        with mmap.mmap(-1, PAGES * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as short:
            with suppress(OSError):  # of a kernel without huge pages
                short.madvise(mmap.MADV_NOHUGEPAGE)
            for page in range(PAGES):
                short[page * PAGE] = 1

    with pytest.raises(FaultBudgetExceeded) as caught, fault_budget(minor=10, lines=True):
        touch_some()
    spent = caught.value.spent
    if spent.missing:
        pytest.skip(str(spent.missing))
    there = [number for where, number in spent.python_lines.items() if "in touch_some" in where]
    assert sum(there) >= PAGES
    assert "in touch_some" in str(caught.value)
    with fault_budget(minor=None, lines=True), fault_budget(minor=None, lines=True) as inner:
        pass
    assert "already" in str(inner.missing)


@pytest.mark.needs("fault_events")
@pytest.mark.parametrize("thread", budget.THREADS)
def test_a_forked_child_that_leaves_the_block(memory: Mapping, thread: str) -> None:
    """Has nothing to say, and the parent counts on."""

    @fault_budget(minor=10, thread=thread)
    def use() -> None:
        _leave_in_a_child(fault_budget(minor=0))
        memory.touch_write()

    with pytest.raises(FaultBudgetExceeded) as caught:
        use()
    assert caught.value.spent.minor >= PAGES
    with fault_budget(minor=None) as spent:
        child = os.fork()
    if child == 0:
        os._exit(0 if spent.minor == 0 else 1)
    assert os.waitpid(child, 0)[1] == 0


def _leave_in_a_child(inner: FaultBudget) -> None:
    """Begin a budget, fork, and end it in the child."""
    inner.__enter__()
    child = os.fork()
    if child == 0:
        inner.__exit__(None, None, None)
        os._exit(0)
    os.waitpid(child, 0)
    inner.__exit__(KeyError, KeyError(), None)
