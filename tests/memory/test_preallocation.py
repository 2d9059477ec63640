"""prefault_kit.memory.preallocation: all of a buffer now, or an error that says where."""

import array
import ctypes
import errno
import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy
import pytest

from prefault_kit import Backing, Mapping, PrefaultError, preallocate
from prefault_kit.kernel import hugepages, pagemap, timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory import population, support
from prefault_kit.memory.buffer import placed
from prefault_kit.memory.population import SHARE_BYTES

DATES = numpy.zeros(64, "M8[s]")
FILTERED = str(Path(__file__).parents[1] / "filtered.py")
PAGES = 300
SIZE = PAGES * PAGE


def present(buffer: Any) -> int:
    """How many pages of a buffer are in the page table."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
    begin = address - address % PAGE
    return pagemap.scan(
        begin, -(-(address + memoryview(buffer).nbytes) // PAGE) * PAGE - begin
    ).present


@pytest.mark.parametrize("threads", [None, 1, 2, 7])
@pytest.mark.parametrize("backing", [Backing.anon(), Backing.memfd()], ids=["anon", "memfd"])
def test_a_mapping(backing: Backing, threads: int | None) -> None:
    """Every page is there and writable: a later write takes no fault."""
    with Mapping(backing, SIZE, "shared") as memory:
        done = preallocate(memory, threads)
        assert done.complete
        assert (done.done_bytes, done.touched) == (SIZE, False)
        assert memory.pages().present == PAGES
        assert memory.touch_write().minor_faults == 0


def test_a_numpy_array() -> None:
    """Lazily zeroed memory of numpy's."""
    data = numpy.zeros(16 * SIZE, "uint8")
    assert preallocate(data, 2).complete
    assert present(data) >= 16 * PAGES
    assert not data.any()


@pytest.mark.parametrize(
    "dtype",
    ["M8[s]", "m8[ms]", "?", "S7", "U3", "c16", "O", [("when", "M8[s]"), ("what", "i4")]],
    ids=str,
)
def test_an_array_of_any_type(dtype: Any) -> None:
    """Dates and records, which a memoryview has no format for, are memory like any other."""
    data = numpy.zeros(4 * SIZE // numpy.dtype(dtype).itemsize, dtype)
    done = preallocate(data)
    assert done.complete
    assert data.nbytes <= done.size_bytes < data.nbytes + 2 * PAGE
    assert preallocate(data).work.minor_faults == 0
    data = numpy.zeros(PAGE, dtype)
    data.flags.writeable = False
    with pytest.raises(ValueError, match="the buffer is read-only"):
        preallocate(data)


def test_a_buffer_is_held_meanwhile() -> None:
    """It can be neither resized nor closed until it is done, and then both."""
    data, anonymous = bytearray(SIZE), mmap.mmap(-1, SIZE)
    for buffer, change in ((data, lambda: data.append(1)), (anonymous, anonymous.close)):
        with placed(buffer, writable=True) as place:
            assert place.size_bytes >= SIZE
            with pytest.raises(BufferError):
                change()
        change()
    assert len(data) == SIZE + 1


def test_a_memmap_of_a_file(tmp_path: Path) -> None:
    """A file's pages, writable; content stays."""
    (tmp_path / "data").write_bytes(b"\x07" * SIZE)
    data = numpy.memmap(tmp_path / "data", mode="r+")
    assert preallocate(data).complete
    assert present(data) == PAGES
    assert (data == 7).all()


def test_an_mmap() -> None:
    """Of the standard library; it can be closed again afterwards."""
    with mmap.mmap(-1, SIZE) as anonymous:
        assert preallocate(anonymous).complete
        assert present(anonymous) == PAGES


SHARED = f"""
from multiprocessing import shared_memory
from prefault_kit import preallocate, prefault
shared = shared_memory.SharedMemory(create=True, size={SIZE})
try:
    print(preallocate(shared.buf).done_bytes)
    print(preallocate(shared).work.minor_faults, prefault(shared).there_before_bytes)
finally:
    shared.close()
    shared.unlink()
try:
    prefault(shared)
except ValueError as error:
    print(error)
"""


def test_shared_memory_of_multiprocessing() -> None:
    """In a process of its own, for the module starts one that lives as long as its own."""
    ran = subprocess.run(
        [sys.executable, "-c", SHARED], capture_output=True, text=True, check=True, timeout=60
    )
    closed = "there is no memory behind the buffer: the shared memory is closed"
    assert (ran.stdout, ran.stderr) == (f"{SIZE}\n0 {SIZE}\n{closed}\n", "")


def test_a_part_of_a_buffer_means_whole_pages() -> None:
    """The pages that it lies in, and no more."""
    with mmap.mmap(-1, SIZE) as anonymous:
        view = memoryview(anonymous)[PAGE + 1 : 2 * PAGE + 1]
        assert preallocate(view).size_bytes == 2 * PAGE
        view.release()
        assert present(anonymous) == 2


def test_content_never_changes_under_writers() -> None:
    """A thread counts in every page meanwhile, and no count is lost; by touching neither."""
    for touch in (False, True):
        with Mapping(Backing.memfd(), SIZE, "shared") as memory:
            data = (ctypes.c_uint8 * SIZE).from_address(memory.address)
            stop, rounds = threading.Event(), 0

            def write(data: Any = data, stop: threading.Event = stop) -> None:
                nonlocal rounds
                while not stop.is_set() or rounds == 0:
                    for page in range(PAGES):
                        data[page * PAGE] = (data[page * PAGE] + 1) % 256
                    rounds += 1

            writer = threading.Thread(target=write)
            writer.start()
            for _ in range(20):
                if touch:
                    memory.touch_atomic(threads=2)
                else:
                    preallocate(memory, 2)
                memory.advise("MADV_DONTNEED")  # the file keeps its pages; the page table does not
            stop.set()
            writer.join()
            assert {data[page * PAGE] for page in range(PAGES)} == {rounds % 256}


@pytest.mark.parametrize("threads", [1, 2])
def test_what_cannot_be_had_is_an_error_with_its_place(threads: int) -> None:
    """Beyond the end of a file: no SIGBUS, the first such page, and what came before is there."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        os.ftruncate(memory.fd, 100 * PAGE)
        with pytest.raises(
            PrefaultError, match=r"page 1\d\d cannot be preallocated \(EFAULT\)"
        ) as raised:
            preallocate(memory, threads)
        first = 100 if threads == 1 else PAGES // 2
        assert (raised.value.errno, raised.value.page) in {
            (errno.EFAULT, 100),
            (errno.EFAULT, first),
        }
        assert raised.value.populated_bytes == 100 * PAGE
        assert memory.pages().present == 100


@pytest.mark.alone
@pytest.mark.needs("hugetlb")
def test_a_pool_of_huge_pages_that_runs_out() -> None:
    """The error names the page; the pool is given back when the mapping is closed."""
    size = hugepages.default_size_bytes()
    assert size
    there = hugepages.pools()[size].available
    backing = Backing.memfd(size)
    with Mapping(backing, (there + 1) * size, "shared", reserve=False) as memory:
        with pytest.raises(PrefaultError, match="huge pages are exhausted") as raised:
            preallocate(memory, 1)
        assert raised.value.page == there
    assert hugepages.pools()[size].available == there


def test_progress_and_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress ends at all of it; a stop leaves a prefix, and what is there stays."""
    with Mapping(Backing.anon(), SIZE) as memory:
        told: list[tuple[int, int]] = []
        preallocate(memory, on_progress=lambda *done: told.append(done))
        assert told[-1] == (SIZE, SIZE)
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(timed, "SLICE_NS", 1)  # a quick machine does all of it in one of 0.1 s
    with Mapping(Backing.memfd(), 64 << 20, "shared") as memory:
        done = preallocate(memory, 1, stop=stop)
        assert not done.complete
        assert 0 < done.done_bytes < 64 << 20
        assert memory.pages().present * PAGE == done.done_bytes


@pytest.mark.parametrize(
    ("buffer", "kind", "said"),
    [
        (bytes(PAGE), ValueError, "read-only"),
        (numpy.zeros((64, 64))[:, ::2], ValueError, "not contiguous"),
        (numpy.zeros((64, 64), order="F"), ValueError, "Fortran's"),
        (bytearray(), ValueError, "zero length"),
        (17, TypeError, "'int' objects have no buffer"),
        (DATES[::2], ValueError, "not contiguous"),
        (DATES[:0], ValueError, "zero length"),
        (memoryview(bytes(PAGE)), ValueError, "read-only"),
        (memoryview(bytearray(PAGE))[::2], ValueError, "not contiguous"),
    ],
    ids=[
        "read-only",
        "strided",
        "fortran",
        "empty",
        "none",
        "strided dates",
        "empty dates",
        "read-only view",
        "strided view",
    ],
)
def test_what_is_no_memory_to_preallocate(buffer: Any, kind: type[Exception], said: str) -> None:
    """A sentence each."""
    with pytest.raises(kind, match=said):
        preallocate(buffer)


def test_what_was_freed() -> None:
    """A released view, a closed mmap, a closed Mapping."""
    view = memoryview(array.array("b", bytes(PAGE)))
    view.release()
    closed = mmap.mmap(-1, PAGE)
    closed.close()
    for buffer in (view, closed):
        with pytest.raises(ValueError, match=r"no memory behind the buffer: .*(closed|released)"):
            preallocate(buffer)
    memory = Mapping(Backing.anon(), PAGE)
    memory.close()
    with pytest.raises(ValueError, match="closed"):
        preallocate(memory)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, 1025, 2**31, 10**12])
def test_threads_are_a_whole_number(threads: Any) -> None:
    """From 1."""
    with pytest.raises(ValueError, match="whole number from 1 to 1024"):
        preallocate(bytearray(PAGE), threads)


def test_more_threads_than_processors_or_pages() -> None:
    """Some have nothing to do."""
    with Mapping(Backing.anon(), 3 * PAGE) as memory:
        assert preallocate(memory, 64).complete
        assert memory.pages().present == 3


def test_the_usual_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each processor, and for each share that is worth it."""
    monkeypatch.setattr(population.os, "sched_getaffinity", lambda _: set(range(8)))
    usual = population.usual_threads
    assert [usual(size) for size in (PAGE, 2 * SHARE_BYTES, 100 * SHARE_BYTES)] == [1, 2, 8]


def test_without_the_advice_it_is_an_error_unless_touching_is_allowed() -> None:
    """As a kernel before 5.14, in a process whose seccomp filter refuses the advice."""
    code = (
        "from prefault_kit import Backing, Mapping, preallocate\n"
        "from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE\n"
        "memory = Mapping(Backing.anon(), 64 * PAGE)\n"
        "try:\n    preallocate(memory)\n"
        "except OSError as error:\n    print(error.errno, 'touch=True' in str(error))\n"
        "print(memory.pages().present)\n"
        "done = preallocate(memory, 2, touch=True)\n"
        "print(done.touched, done.complete, memory.pages().present == 64)\n"
    )
    ran = subprocess.run(
        [sys.executable, FILTERED, "populate", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.stdout.split("\n")[:3] == ["22 True", "0", "True True True"], ran.stderr


def test_the_probe_is_of_a_page_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer that may not be populated is not taken for a kernel that cannot."""
    with Mapping(Backing.anon(), PAGE) as memory:
        memory.protect("r")
        with pytest.raises(PrefaultError, match="may not be written") as raised:
            preallocate(memory)
        assert raised.value.errno == errno.EINVAL
    monkeypatch.setattr(support, "populate_refusal", lambda _: "EINVAL")
    with pytest.raises(OSError, match="answers EINVAL where it should work"):
        preallocate(bytearray(PAGE))
