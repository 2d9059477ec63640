"""prefault_kit.kernel.timed: what an operation costs, how far it came, and what it refuses."""

import errno
import os
import signal
import threading
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest

from prefault_kit.kernel import errors, page_cache, syscalls, timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.timed import PrefaultError
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 512
SIZE = PAGES * PAGE
OPERATIONS = [
    "populate_read",
    "populate_write",
    "touch_read",
    "touch_write",
    "touch_read_write",
    "touch_atomic",
    "mlock",
    "access",
]


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
        for _ in range(50):  # it may have no processor while a quick machine populates
            before = counted
            mapping.populate_write(interruptible=False)
            if during := counted - before:
                break
            mapping.advise("MADV_DONTNEED")
        stop = True
        thread.join()
    assert during > 0


def test_ctrl_c_interrupts_a_long_populate(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGINT during a slice raises KeyboardInterrupt before all of the range is populated."""
    populate = timed.lib.pf_range_timed

    def interrupted(*arguments: object) -> int:
        result = populate(*arguments)
        signal.raise_signal(signal.SIGINT)
        return result

    size = 256 << 20
    with Mapping(Backing.anon(), size) as mapping:
        monkeypatch.setattr(timed, "SLICE_NS", 1)  # a quick machine does all of it in one of 0.1 s
        monkeypatch.setattr(timed, "lib", SimpleNamespace(pf_range_timed=interrupted))
        with pytest.raises(KeyboardInterrupt):
            mapping.populate_read()
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
    monkeypatch.setattr(timed, "SLICE_NS", 1)
    size = 20000 * PAGE
    with Mapping(Backing.anon(), size) as mapping:
        for threads in (1, 3):
            work = mapping.touch_write(threads=threads)
            assert (work.minor_faults, work.done_bytes) == (20000, size)
            mapping.advise("MADV_DONTNEED")


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


@pytest.mark.needs("cachestat")
def test_who_reads_from_disk_sleeps(disk_directory: Path) -> None:
    """Each wait for a page is a sleep; a quick disk has often read it before anybody sleeps."""
    backing = Backing.file(disk_directory)
    waits = 0
    with Mapping(backing, 64 * PAGE, "shared") as memory:
        os.pwrite(memory.fd, os.urandom(64 * PAGE), 0)
        memory.sync()
        fd = os.dup(memory.fd)
    try:
        for _ in range(20):
            assert page_cache.evict(fd) == 0
            with Mapping(backing, 64 * PAGE, "shared", fd=fd) as memory:
                waits += memory.populate_read().waits
                assert memory.populate_read().waits == 0
    finally:
        os.close(fd)
    assert waits > 0


def do(memory: Mapping, operation: str, threads: object) -> object:
    """The operation on all pages, in threads."""
    if operation == "access":
        return memory.access(numpy.arange(PAGES), numpy.ones(PAGES, bool), threads=threads)
    return getattr(memory, operation)(threads=threads)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("threads", [0, -1, errors.MOST_THREADS + 1, 10**12, True, 1.5, "2", None])
def test_threads_are_a_whole_number_within_bounds(operation: str, threads: object) -> None:
    """Anything else is a ValueError in one sentence; no page is touched."""
    with Mapping(Backing.anon(), SIZE) as memory:
        with pytest.raises(ValueError, match=r"^threads is a whole number from 1 to 1024, not "):
            do(memory, operation, threads)
        assert memory.pages().present == 0


def test_as_many_threads_as_are_allowed() -> None:
    """More than there are pages, too; numpy's integers count as whole numbers."""
    for threads in (errors.MOST_THREADS, numpy.int64(3)):
        with Mapping(Backing.anon(), SIZE) as memory:
            assert do(memory, "touch_write", threads).done_bytes == SIZE  # type: ignore[attr-defined]
            assert memory.pages().present == PAGES


@pytest.mark.parametrize(
    ("address", "length", "step"),
    [
        (-PAGE, PAGE, PAGE),
        (0, -1, PAGE),
        (0, PAGE, 0),
        (0, PAGE, -PAGE),
        (errors.HIGHEST, 1, 1),
        (PAGE, errors.HIGHEST, PAGE),
        (0, PAGE, errors.HIGHEST),
        (2.0 * PAGE, PAGE, PAGE),
        (0, "1", PAGE),
    ],
)
def test_ranges_are_whole_numbers_that_do_not_wrap_around(
    address: object, length: object, step: object
) -> None:
    """Where they are not, a ValueError names what is wrong, before the C is entered."""
    numbers = {"address": address, "length": length, "step": step}
    with pytest.raises(ValueError, match=r"^(address|length|step) is a whole number from "):
        timed.range_timed("touch_read", **numbers)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^(address|length|step) is a whole number from "):
        timed.access_timed(**numbers, pages=[0], writes=[0])  # type: ignore[arg-type]


def test_the_c_itself_survives_such_numbers() -> None:
    """-EINVAL, whoever forgot to look."""
    ffi, lib = syscalls.ffi, syscalls.lib
    work, done = ffi.new("pf_work *"), ffi.new("int64_t[1]")
    null = ffi.NULL
    with Mapping(Backing.anon(), SIZE) as memory:
        for length, step, threads in (
            (SIZE, PAGE, 0),
            (SIZE, PAGE, -3),
            (SIZE, 0, 1),
            (errors.HIGHEST, PAGE, 1),
            (SIZE, errors.HIGHEST, 1),
        ):
            where = (memory.address, length, step)
            assert lib.pf_range_timed(work, 0, 0, *where, threads, 0, done) == -errno.EINVAL
            nothing = (null, null, 0)
            assert lib.pf_access_timed(work, *where, *nothing, threads, null) == -errno.EINVAL
        unknown = lib.pf_range_timed(work, 99, 0, *memory.span(), PAGE, 1, 0, done)
        assert unknown == -errno.EINVAL
    assert (work.done_bytes, work.elapsed_ns > 0) == (0, True)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int32", "uint32", ">u4", "int64", "uint64"]
)
def test_pages_of_any_integers_are_the_pages_that_they_name(dtype: str) -> None:
    """Numpy's default among them; strided arrays and lists too."""
    pages = numpy.array([3, 9, 10, 20], dtype)
    with Mapping(Backing.anon(), SIZE) as memory:
        for each in (pages, numpy.repeat(pages, 2)[::2], pages.tolist()):
            for writes in ([1, 1, 0, 1], numpy.array([True, True, False, True])):
                memory.access(each, writes)
                assert numpy.flatnonzero(memory.pages().states).tolist() == [3, 9, 10, 20]
                assert memory.usage().anonymous == 3 * PAGE
                memory.advise("MADV_DONTNEED")


@pytest.mark.parametrize(
    ("pages", "writes", "wrong"),
    [
        (numpy.array([0.0]), [0], "pages is an array of whole numbers, not one of float64"),
        (numpy.array([1], "float32"), [0], "not one of float32"),
        (numpy.array([True]), [0], "not one of bool"),
        (["one"], [0], "pages is an array of whole numbers"),
        (numpy.array([None]), [0], "not one of object"),
        (numpy.zeros((2, 2), "uint32"), [0, 0, 0, 0], "in 2 dimensions"),
        (numpy.array(1), numpy.array(1), "in 0 dimensions"),
        ([-1], [0], "pages are outside of 0 to 511: -1 to -1"),
        ([0, PAGES], [0, 0], "pages are outside of 0 to 511: 0 to 512"),
        (numpy.array([2**32], "uint64"), [0], "outside"),
        (numpy.array([2**64 - 1], "uint64"), [0], "outside"),
        ([1], [2], "writes are outside of 0 to 1: 2 to 2"),
        ([1], [-1], "writes are outside of 0 to 1"),
        ([1], [0.0], "writes is an array of whole numbers"),
        ([1, 2, 3], [1], "there are 3 pages, but 1 writes"),
        ([1], [1, 1], "there are 1 pages, but 2 writes"),
        (7, [1], "in 0 dimensions"),
    ],
)
def test_pages_that_cannot_be_accessed_are_refused(
    pages: object, writes: object, wrong: str
) -> None:
    """A ValueError says what is wrong, and no page is touched."""
    with Mapping(Backing.anon(), SIZE) as memory:
        with pytest.raises(ValueError, match=wrong):
            memory.access(pages, writes)  # type: ignore[arg-type]
        assert memory.pages().present == 0


@pytest.mark.parametrize("none", [numpy.zeros(0, "int64"), []])
def test_no_access_is_no_error(none: list[int]) -> None:
    """There is nothing to do, in however many threads; numpy takes an empty list for float64."""
    with Mapping(Backing.anon(), SIZE) as memory:
        for threads in (1, 3):
            work, times = memory.access(none, none, threads=threads)
            assert (work.done_bytes, len(times)) == (0, 0)


def test_a_copy_that_failed_has_nothing_done() -> None:
    """memcpy may copy the end first: where it failed does not tell what it copied."""
    with Mapping(Backing.anon(), SIZE) as memory:
        memory.protect("none", 7 * PAGE)
        for copy in (
            lambda: memory.read(0, 7 * PAGE + 8),
            lambda: memory.write(0, bytes(7 * PAGE + 8)),
        ):
            with pytest.raises(PrefaultError) as caught:
                copy()
            assert (caught.value.errno, caught.value.page) == (errno.EFAULT, 7)
            assert (caught.value.populated_bytes, caught.value.work.done_bytes) == (0, 0)


def test_accesses_allocate_what_is_said() -> None:
    """Times alone where pages and writes are as C reads them; otherwise those once more."""
    count = 1 << 16
    pages, writes = numpy.zeros(count, "uint32"), numpy.zeros(count, "uint8")
    with Mapping(Backing.anon(), SIZE) as memory:
        for given, each in (
            ((pages, writes), 4),
            ((pages.astype("int64"), writes.astype("int64")), timed.ACCESS_BYTES),
        ):
            tracemalloc.start()
            memory.access(*given)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert each * count <= peak < (each + 1) * count


def test_a_failed_remap_keeps_the_place() -> None:
    """What mmap may have unmapped before it failed, nobody else can move into."""
    flags = syscalls.MAP["MAP_SHARED"]
    with Mapping(Backing.anon(), SIZE) as memory:
        syscalls.unmap(memory.address, SIZE)  # as kernels before 6.12 do
        with pytest.raises(PrefaultError):
            timed.remap_timed(memory.address, SIZE, protection=0, flags=flags, fd=-1, step=PAGE)
        assert f"{memory.address:x}-" in Path("/proc/self/maps").read_text()


def test_protecting_and_locking_on_fault_are_timed_in_c() -> None:
    """Both return the work of one call, or a PrefaultError that names it."""
    with Mapping(Backing.anon(), SIZE) as memory:
        works = (
            memory.protect("r"),
            memory.protect("rw", PAGE, PAGE),
            memory.mlock_on_fault(0, 4 * PAGE),
        )
        assert all(work.elapsed_ns > 0 for work in works)
        assert [work.done_bytes for work in works] == [SIZE, PAGE, 4 * PAGE]
        assert memory.usage().locked == 0
        syscalls.unmap(memory.address, PAGE)
        for call in (lambda: memory.protect("r"), lambda: memory.mlock_on_fault(0, PAGE)):
            with pytest.raises(
                PrefaultError, match=r"^\[Errno 12\] (protect r|mlock_on_fault)\(0x"
            ):
                call()


@pytest.mark.parametrize("operation", ["touch_read", "MADV_POPULATE_READ"])
@pytest.mark.parametrize("threads", [1, 2])
def test_pages_larger_than_what_is_done_at_once(
    operation: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Huge pages may be of 512 MiB: then a page is what is done between two looks at the clock."""
    monkeypatch.setattr(timed, "SLICE_NS", 1)
    step, looks = 64 << 20, []
    with Mapping(Backing.anon(), 4 * step) as memory:
        work = timed.range_timed(
            operation,
            *memory.span(),
            step=step,
            threads=threads,
            go_on=lambda done: looks.append(done) or True,  # type: ignore[func-returns-value]
        )
        assert work.done_bytes == 4 * step
        assert memory.pages().present == (4 if operation == "touch_read" else 4 * step // PAGE)
    assert looks == list(range(threads * step, 4 * step, threads * step))


def test_reading_into_memory_is_timed_in_c(tmp_path: Path) -> None:
    """All that there is, with the faults that it takes; nothing is asked for behind the end."""
    path = tmp_path / "file"
    content = os.urandom(4 * PAGE + 10)
    path.write_bytes(content)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with Mapping(Backing.anon(), 8 * PAGE) as memory:
        work = timed.read_timed(fd, memory.address, memory.size_bytes, PAGE)
        assert (work.done_bytes, work.minor_faults) == (len(content) - PAGE, 4)
        assert memory.read(0, work.done_bytes) == content[PAGE:]
        behind = timed.read_timed(fd, memory.address, PAGE, 1 << 40)
        assert behind.done_bytes == 0
    os.close(fd)


@pytest.mark.parametrize("place", ["fd", "memory", "offset"])
def test_reading_that_fails_has_its_errno(tmp_path: Path, place: str) -> None:
    """No file, memory that may not be written, an offset that is none."""
    path = tmp_path / "file"
    path.write_bytes(bytes(PAGE))
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with Mapping(Backing.anon(), PAGE) as memory:
            if place == "fd":
                with pytest.raises(OSError) as caught:
                    timed.read_timed(1 << 20, memory.address, PAGE, 0)
                assert caught.value.errno == errno.EBADF
            elif place == "memory":
                memory.protect("r")
                with pytest.raises(PrefaultError) as caught:
                    timed.read_timed(fd, memory.address, PAGE, 0)
                assert (caught.value.errno, caught.value.page) == (errno.EFAULT, 0)
            else:
                with pytest.raises(ValueError, match="offset is a whole number from 0"):
                    timed.read_timed(fd, memory.address, PAGE, -1)
    finally:
        os.close(fd)
