"""prefault_kit.syscalls: the raw calls, their errno, and the SIGBUS guard."""

import errno
import os
import signal
import threading
import time
from pathlib import Path

import numpy
import pytest

from prefault_kit import filecache, syscalls
from prefault_kit.backing import Backing
from prefault_kit.mapping import Mapping
from prefault_kit.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.syscalls import PrefaultError

PAGES = 512
SIZE = PAGES * PAGE


def test_advice_numbers_are_the_kernels() -> None:
    """The two advices have the numbers of include/uapi/asm-generic/mman-common.h."""
    assert syscalls.ADVICE["MADV_POPULATE_READ"] == 22
    assert syscalls.ADVICE["MADV_POPULATE_WRITE"] == 23
    assert syscalls.ADVICE["MADV_COLLAPSE"] == 25


def test_failed_call_names_errno_call_and_range() -> None:
    """An unaligned populate is EINVAL, and the text names the call and its range."""
    with Mapping(Backing.anon(), SIZE) as mapping, pytest.raises(OSError) as caught:
        mapping.populate_read(offset=1, length=PAGE)
    assert caught.value.errno == errno.EINVAL
    assert f"MADV_POPULATE_READ(0x{mapping.address + 1:x}, {PAGE} bytes)" in str(caught.value)


def test_clock_and_faults_are_counted() -> None:
    """Work has the time, and one minor fault for each page that was populated."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        work = mapping.populate_write()
        assert work.elapsed_ns > 0
        assert (work.minor_faults, work.major_faults, work.done_bytes) == (PAGES, 0, SIZE)
        assert mapping.populate_write().minor_faults == 0


@pytest.mark.parametrize(
    "operation", ["touch_read", "touch_write", "touch_read_write", "touch_atomic"]
)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_touch_beyond_end_of_file_names_the_page(operation: str, threads: int) -> None:
    """A SIGBUS becomes EFAULT with the page, in each loop, alone and in threads."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        os.ftruncate(mapping.fd, 100 * PAGE)
        with pytest.raises(PrefaultError) as caught:
            getattr(mapping, operation)(threads=threads)
        assert caught.value.errno == errno.EFAULT
        assert caught.value.page == 100
        assert mapping.pages().present == 100
        assert caught.value.populated_bytes == 100 * PAGE


def test_touch_without_permission_is_efault() -> None:
    """A SIGSEGV in the guarded loop becomes EFAULT as well: nobody dies."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        mapping.protect("r", 7 * PAGE)
        with pytest.raises(PrefaultError) as caught:
            mapping.touch_write()
        assert (caught.value.errno, caught.value.page) == (errno.EFAULT, 7)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_failed_populate_tells_its_exact_prefix(threads: int) -> None:
    """What a failed populate reports as done is what the page tables hold, share by share."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        os.ftruncate(mapping.fd, 333 * PAGE)
        with pytest.raises(PrefaultError) as caught:
            mapping.populate_write(threads=threads)
        assert caught.value.errno == errno.EFAULT
        assert caught.value.populated_bytes == mapping.pages().present * PAGE
        assert caught.value.page == (333 if threads < 3 else caught.value.page)
        assert caught.value.populated_bytes == 333 * PAGE


def test_prefix_counts_writable_pages_not_present_ones() -> None:
    """After POPULATE_READ of everything, a failed POPULATE_WRITE still tells its own prefix."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        mapping.populate_read()
        mapping.protect("r", 40 * PAGE)
        with pytest.raises(PrefaultError) as caught:
            mapping.populate_write()
        assert (caught.value.errno, caught.value.populated_bytes) == (errno.EINVAL, 40 * PAGE)


def test_many_threads_meet_sigbus_at_once() -> None:
    """Threads of Python that fault at the same time each get their own page."""
    found: list[tuple[int, int]] = []

    def fault(end: int) -> None:
        with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
            os.ftruncate(mapping.fd, end * PAGE)
            for _ in range(20):
                try:
                    mapping.touch_write()
                except PrefaultError as error:
                    found.append((end, error.page))

    threads = [threading.Thread(target=fault, args=(end,)) for end in (3, 50, 111, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(end == page for end, page in found)


def test_the_gil_is_released() -> None:
    """Another Python thread counts on while the C touches memory."""
    counted = 0
    stop = False

    def count() -> None:
        nonlocal counted
        while not stop:
            counted += 1
            time.sleep(0)

    with Mapping(Backing.anon(), 256 << 20) as mapping:
        thread = threading.Thread(target=count)
        thread.start()
        while not counted:
            time.sleep(0.001)
        before = counted
        mapping.populate_write(interruptible=False)
        during = counted - before
        stop = True
        thread.join()
    assert during > 0


def populate_again_and_again(mapping: Mapping) -> None:
    for _ in range(100):
        mapping.populate_read()
        mapping.advise("MADV_DONTNEED")


def test_ctrl_c_interrupts_a_long_populate() -> None:
    """SIGINT during a populate raises KeyboardInterrupt before all of it is done."""
    size = 2 << 30
    with Mapping(Backing.anon(), size) as mapping:
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            populate_again_and_again(mapping)
        timer.join()
        assert 0 < mapping.pages().present < size // PAGE


def test_slices_do_all_of_the_range() -> None:
    """Interruptible and plain calls populate the same pages with the same faults."""
    size = 96 << 20
    for interruptible in (True, False):
        with Mapping(Backing.anon(), size) as mapping:
            work = mapping.populate_write(interruptible=interruptible)
            assert work.minor_faults == work.done_bytes // PAGE == size // PAGE
            assert mapping.pages().present == size // PAGE


def test_touches_count_what_they_touch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A touch that is cut into the shortest slices still touches each page once."""
    monkeypatch.setattr(syscalls, "SLICE_NS", 1)
    size = 20000 * PAGE
    with Mapping(Backing.anon(), size) as mapping:
        for threads in (1, 3):
            work = mapping.touch_write(threads=threads)
            assert (work.minor_faults, work.done_bytes) == (20000, size)
            mapping.advise("MADV_DONTNEED")


def test_mincore_sees_the_page_cache_not_the_mapping() -> None:
    """mincore says resident for cached pages that no page table maps: why pagemap is used."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        os.pwrite(mapping.fd, b"x" * SIZE, 0)
        vector = syscalls.mincore(mapping.address, SIZE)
        assert sum(byte & 1 for byte in vector) == PAGES
        assert mapping.pages().present == 0


def test_atomic_touch_loses_no_write() -> None:
    """touch_atomic beside a writer never undoes what the writer wrote."""
    with Mapping(Backing.anon(), PAGE) as mapping:
        stop = False

        def touch() -> None:
            while not stop:
                mapping.touch_atomic()

        thread = threading.Thread(target=touch)
        thread.start()
        try:
            for value in range(2000):
                byte = bytes([value % 255 + 1])
                mapping.write(0, byte)
                assert mapping.read(0, 1) == byte
        finally:
            stop = True
            thread.join()


@pytest.mark.parametrize("threads", [1, 3])
def test_accesses_in_an_order_of_ones_own(threads: int) -> None:
    """Every second page is written, from the last to the first, and each access has its time."""
    pages = numpy.arange(PAGES, dtype="uint32")[::-1].copy()
    writes = (pages % 2).astype("uint8")
    with Mapping(Backing.anon(), SIZE) as mapping:
        work, times = mapping.access(pages, writes, threads=threads)
        found = mapping.pages()
        assert (found.present, mapping.usage().anonymous) == (PAGES, SIZE // 2)
        assert work.minor_faults == PAGES
        assert len(times) == PAGES
        assert 0 < times.sum() < 2 * threads * work.elapsed_ns
        assert mapping.access(pages, writes)[0].minor_faults == 0


def test_an_access_beyond_the_end_names_the_page() -> None:
    """SIGBUS becomes EFAULT, and a page outside of the mapping is refused."""
    pages = numpy.array([5, 100, 7], "uint32")
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        os.ftruncate(mapping.fd, 50 * PAGE)
        with pytest.raises(PrefaultError) as caught:
            mapping.access(pages, numpy.zeros(3, "uint8"))
        assert (caught.value.errno, caught.value.page) == (errno.EFAULT, 100)
        with pytest.raises(ValueError, match="outside"):
            mapping.access(numpy.array([PAGES], "uint32"), numpy.zeros(1, "uint8"))


@pytest.mark.parametrize("threads", [1, 2])
def test_processor_time_is_of_all_threads(threads: int) -> None:
    """About what the process has spent meanwhile; nobody slept, for nobody else was there."""
    with Mapping(Backing.anon(), 16 << 20) as memory:
        before_ns = time.process_time_ns()
        work = memory.touch_write(threads=threads)
        spent_ns = time.process_time_ns() - before_ns
    assert 0 < work.cpu_ns <= spent_ns
    assert (work + work).cpu_ns == 2 * work.cpu_ns


def test_who_reads_from_disk_sleeps(disk_directory: Path) -> None:
    """Each wait for a page is a sleep."""
    backing = Backing.file(disk_directory)
    with Mapping(backing, 64 * PAGE, "shared") as memory:
        os.pwrite(memory.fd, os.urandom(64 * PAGE), 0)
        memory.sync()
        fd = os.dup(memory.fd)
    try:
        assert filecache.evict(fd) == 0
        with Mapping(backing, 64 * PAGE, "shared", fd=fd) as memory:
            assert memory.populate_read().waits > 0
            assert memory.populate_read().waits == 0
    finally:
        os.close(fd)
