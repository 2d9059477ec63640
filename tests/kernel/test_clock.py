"""The clock in the C: it covers the whole operation, of every thread, and nothing else.

Nothing here is held against a number of seconds. A thread's processor time, which Python reads
around a call, is spent within the call's elapsed time: so a clock that stops early, or looks at one
thread alone, shows as too little elapsed time for what was spent.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy
import pytest

from prefault_kit.kernel import page_cache, timed, userfaultfd
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.timed import Work
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = max(8192, (64 << 20) // PAGE)
SIZE = PAGES * PAGE
SLICE_NS = 1_000_000
"""So short that what is interruptible takes many."""
HALF = SIZE // 2


@contextmanager
def memory(kind: str = "anon", sharing: str = "private") -> Iterator[Mapping]:
    backing = Backing.anon() if kind == "anon" else Backing.memfd()
    with Mapping(backing, SIZE, sharing) as mapping:
        yield mapping


def nothing(mapping: Mapping) -> None:
    """Memory as it comes."""


def populated(mapping: Mapping) -> None:
    """Memory that is all there."""
    mapping.populate_write()


def access(mapping: Mapping, threads: int = 1) -> Work:
    pages = numpy.arange(PAGES, dtype="uint32")
    return mapping.access(pages, numpy.ones(PAGES, "uint8"), threads=threads)[0]


Operation = Callable[[Mapping], Work]
ONE_THREAD: dict[str, tuple[str, Callable[[Mapping], object], Operation]] = {
    "touch in slices": ("anon", nothing, Mapping.touch_write),
    "touch in one": ("anon", nothing, lambda each: each.touch_write(interruptible=False)),
    "advise": ("anon", nothing, lambda each: each.advise("MADV_POPULATE_WRITE")),
    "advise in slices": ("anon", nothing, Mapping.populate_write),
    "access": ("anon", nothing, access),
    "fallocate": ("memfd", nothing, Mapping.fallocate),
    "remap": ("anon", nothing, Mapping.map_populate),
    "mprotect": ("anon", populated, lambda each: each.protect("r")),
}
"""What each timed function of the C does, on memory that makes it long."""


def hold(spent_ns: int, *works: Work) -> None:
    """Elapsed time covers what was spent, and so does the C's own count of it."""
    assert sum(work.elapsed_ns for work in works) >= spent_ns / 4
    assert spent_ns / 4 <= sum(work.cpu_ns for work in works) <= spent_ns


@pytest.mark.parametrize("name", ONE_THREAD)
def test_the_clock_covers_the_operation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each timed operation: the thread that waits for it spends its time within it."""
    monkeypatch.setattr(timed, "SLICE_NS", SLICE_NS)
    kind, prepare, operation = ONE_THREAD[name]
    spent_ns, works = 0, []
    for _ in range(3):
        with memory(kind, "shared" if kind == "memfd" else "private") as mapping:
            prepare(mapping)
            before_ns = time.thread_time_ns()
            works.append(operation(mapping))
            spent_ns += time.thread_time_ns() - before_ns
    hold(spent_ns, *works)


@pytest.mark.parametrize("on_fault", [False, True])
def test_the_clock_covers_locking(on_fault: bool, memlock: int) -> None:
    """mlock populates; on fault, it goes through what is there."""
    if memlock < 1 << 20:
        pytest.skip("RLIMIT_MEMLOCK is too small for locking to take long")
    with memory() as mapping:
        if on_fault:
            mapping.populate_write()
        lock = mapping.mlock_on_fault if on_fault else mapping.mlock
        before_ns = time.thread_time_ns()
        work = lock(0, memlock)
        hold(time.thread_time_ns() - before_ns, work)


@pytest.mark.needs("userfaultfd")
def test_the_clock_covers_write_protection() -> None:
    """An ioctl that goes through all page tables."""
    with memory() as mapping:
        mapping.populate_write()
        where = mapping.span()
        fd = userfaultfd.begin(*where, userfaultfd.MODE_WP, "write-protect")
        try:
            before_ns = time.thread_time_ns()
            work = userfaultfd.write_protect(fd, *where, on=True)
            spent_ns = time.thread_time_ns() - before_ns
        finally:
            os.close(fd)
    hold(spent_ns, work)


THREADS: dict[str, Callable[[Mapping], Work]] = {
    "touch in slices": lambda each: each.touch_write(threads=2),
    "touch in one": lambda each: each.touch_write(threads=2, interruptible=False),
    "advise": lambda each: each.populate_write(threads=2, interruptible=False),
    "access": lambda each: access(each, threads=2),
}


@pytest.mark.parametrize("first", [True, False], ids=["the first is idle", "the second is idle"])
@pytest.mark.parametrize("name", THREADS)
def test_the_clock_covers_every_thread(
    name: str, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two shares is there already: elapsed time is that of the other."""
    monkeypatch.setattr(timed, "SLICE_NS", SLICE_NS)
    with memory() as mapping:
        mapping.populate_write(0 if first else HALF, HALF)
        before_ns = time.process_time_ns()
        work = THREADS[name](mapping)
        hold(time.process_time_ns() - before_ns, work)
        assert work.minor_faults == PAGES // 2


@pytest.mark.needs("cachestat")
@pytest.mark.parametrize("first", [True, False], ids=["the first is idle", "the second is idle"])
def test_what_every_thread_reads_from_disk_counts(first: bool, disk_directory: Path) -> None:
    """One of two shares is there already: the other's major faults and sleeps are reported."""
    backing, share = Backing.file(disk_directory), 64 * PAGE
    with Mapping(backing, 2 * share, "shared") as mapping:
        os.pwrite(mapping.fd, os.urandom(2 * share), 0)
        mapping.sync()
        fd = os.dup(mapping.fd)
    waits = 0
    try:
        for _ in range(20):  # a quick disk has often read the page before the thread would sleep
            assert page_cache.evict(fd) == 0
            with Mapping(backing, 2 * share, "shared", fd=fd) as mapping:
                mapping.advise("MADV_RANDOM")  # no readahead: each page is a read of its own
                mapping.populate_read(0 if first else share, share)
                work = mapping.touch_read(threads=2, interruptible=False)
            assert work.major_faults == 64
            waits += work.waits
    finally:
        os.close(fd)
    assert waits > 0


def test_an_interrupted_fallocate_counts_every_try() -> None:
    """A signal ends it midway and it begins again: all of the time counts. (On a machine that is
    done within a millisecond the signal comes too late, and there is nothing to count.)"""
    seen = []
    before = signal.signal(signal.SIGALRM, lambda number, _: seen.append(number))
    try:
        with memory("memfd", "shared") as mapping:
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            before_ns = time.thread_time_ns()
            work = mapping.fallocate()
            spent_ns = time.thread_time_ns() - before_ns
            while not seen:
                time.sleep(0.001)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    hold(spent_ns, work)
    assert (seen, work.done_bytes) == ([signal.SIGALRM], SIZE)
