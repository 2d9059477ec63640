"""prefault_kit.memory.prefault: any buffer, or a file's part of the page cache, in one call."""

import errno
import mmap
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy
import pytest

from prefault_kit import Backing, Mapping, PrefaultError, preallocate, prefault, residency
from prefault_kit.kernel import cgroup, hugepages, numa, page_cache, syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory import population, support
from prefault_kit.memory.file_part import FilePart

PAGES = 64
SIZE = PAGES * PAGE
FILTERED = str(Path(__file__).parents[1] / "filtered.py")
needs_scan = pytest.mark.needs("pagemap_scan")
needs_cachestat = pytest.mark.needs("cachestat")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of known bytes on a disk."""
    path = tmp_path / "data"
    path.write_bytes(b"\x07" * SIZE)
    with open(path, "rb") as opened:
        os.fsync(opened.fileno())
    return path


def evicted(path: Path) -> bool:
    """Write a file back and drop it from the page cache; whether none of it stayed."""
    fd = os.open(path, os.O_RDWR)
    try:
        return page_cache.evict(fd) == 0
    finally:
        os.close(fd)


@needs_scan
def test_reading_anonymous_memory_gives_the_zero_page() -> None:
    """All present, nothing allocated, and that is said."""
    with Mapping(Backing.anon(), SIZE) as memory:
        done = prefault(memory)
        assert done.complete
        assert (done.there_before_bytes, done.there_after_bytes) == (0, SIZE)
        assert (done.anonymous_growth_bytes, done.cache_growth_bytes) == (0, None)
        assert (done.advice, done.minor_faults) == ("MADV_POPULATE_READ", PAGES)
        assert f"{PAGES} pages are the zero page" in done.notes[0]
        assert memory.pages().zero == PAGES


@needs_scan
def test_writing_anonymous_memory() -> None:
    """Pages of one's own; as preallocate, and nothing to note."""
    with Mapping(Backing.anon(), SIZE) as memory:
        done = prefault(memory, "write", threads=2)
        assert (done.anonymous_growth_bytes, done.threads, done.notes) == (SIZE, 2, ())
        assert memory.touch_write().minor_faults == 0
        again = prefault(memory, "write")
        assert (again.anonymous_growth_bytes, again.minor_faults) == (0, 0)
        assert again.there_before_bytes == SIZE


@needs_scan
@needs_cachestat
def test_a_memmap_of_each_mode(file: Path) -> None:
    """Read of a private one copies nothing; write of it copies all, and that is told."""
    for mode in ("r", "c", "r+"):
        data = numpy.memmap(file, mode=mode)  # type: ignore[call-overload]
        done = prefault(data)
        assert (done.there_after_bytes, done.anonymous_growth_bytes) == (SIZE, 0)
        assert done.cache_growth_bytes == 0
    copied = numpy.memmap(file, mode="c")
    done = prefault(copied, "write")
    assert done.anonymous_growth_bytes == SIZE
    assert any("copies now" in note for note in done.notes)
    shared = numpy.memmap(file, mode="r+")
    done = prefault(shared, "write")
    assert done.anonymous_growth_bytes == 0
    assert any("dirty now" in note for note in done.notes)
    assert file.read_bytes() == b"\x07" * SIZE


def test_a_slice_is_no_more_than_its_pages() -> None:
    """Never a page beyond those that it lies in."""
    with mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE) as memory:
        with suppress(OSError):  # of a kernel without huge pages
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        view = memoryview(memory)[PAGE + 1 : 2 * PAGE + 1]
        done = prefault(view.toreadonly())
        view.release()
        assert done.size_bytes == 2 * PAGE
        assert residency(memory).present == 2
        assert any("neighbours" in note for note in done.notes)


@needs_cachestat
def test_a_path_fills_the_page_cache_alone(file: Path) -> None:
    """From nothing to all of it, without a mapping left, and without a write."""
    assert evicted(file)
    before = os.stat(file)
    told: list[tuple[int, int]] = []
    done = prefault(file, on_progress=lambda *each: told.append(each))
    assert (done.there_before_bytes, done.there_after_bytes) == (0, SIZE)
    assert (done.cache_growth_bytes, done.anonymous_growth_bytes) == (SIZE, 0)
    assert done.major_faults >= 0 and done.complete
    assert told[-1] == (SIZE, SIZE)
    assert str(file) not in Path("/proc/self/maps").read_text()
    after = os.stat(file)
    assert (after.st_mtime_ns, after.st_blocks) == (before.st_mtime_ns, before.st_blocks)
    assert prefault(str(file)).cache_growth_bytes == 0


@needs_cachestat
def test_a_part_of_a_file(file: Path) -> None:
    """Counted in whole pages; read-ahead may bring more, but it is not asked for."""
    whole = FilePart.whole(file)
    part = FilePart(str(file), 3 * PAGE + 5, 2 * PAGE, whole.identity)
    done = prefault(part)
    assert (done.size_bytes, done.there_after_bytes) == (3 * PAGE, 3 * PAGE)


def test_an_empty_file_has_nothing_to_read(tmp_path: Path) -> None:
    """Which is no error: a directory of files may have one."""
    (tmp_path / "empty").touch()
    done = prefault(tmp_path / "empty")
    assert (done.size_bytes, done.done_bytes, done.complete) == (0, 0, True)


def test_the_holes_of_a_file_in_memory_stay_holes() -> None:
    """Reading a hole of tmpfs would allocate it, and a file of somebody's is never changed."""
    fd = os.memfd_create("sparse")
    try:
        os.truncate(fd, SIZE)
        os.pwrite(fd, b"x", 5 * PAGE)
        done = prefault(f"/proc/self/fd/{fd}")
        assert done.complete
        assert os.fstat(fd).st_blocks * 512 == PAGE
        assert "holes" in done.notes[0]
    finally:
        os.close(fd)


def test_windows_leave_the_page_table(file: Path) -> None:
    """Each is there when progress is told, the one before it is let go, the last one stays."""
    data = numpy.memmap(file, mode="r")
    there: list[int] = []

    def tell(done: int, _: int) -> None:
        there.append(residency(data[done - PAGE : done]).present or 0)

    done = prefault(data, window_bytes=SIZE // 4, on_progress=tell)
    assert there == [1] * 5
    assert (done.done_bytes, done.there_after_bytes) == (SIZE, SIZE // 4)
    assert residency(data).cached in (PAGES, None)
    assert not any("evicted:" in note for note in done.notes)


def test_windows_lose_no_content(file: Path) -> None:
    """Neither what was written to a shared file, nor a private copy of one's own."""
    shared = numpy.memmap(file, mode="r+")
    shared[3] = 9
    prefault(shared, window_bytes=PAGE)
    assert shared[3] == 9
    private = numpy.memmap(file, mode="c")
    private[2 * PAGE] = 11
    done = prefault(private, window_bytes=PAGE)
    assert private[2 * PAGE] == 11
    assert any("MADV_COLD" in note for note in done.notes)
    with Mapping(Backing.memfd(), SIZE) as memory:  # copies in what may not be written any more
        memory.write(5 * PAGE, b"mine")
        memory.protect("r")
        done = prefault(memory, window_bytes=PAGE)
        assert memory.read(5 * PAGE, 4) == b"mine"
        assert any("MADV_COLD" in note for note in done.notes)


def test_windows_of_locked_memory_stay(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """The kernel refuses to let go, and that is a note."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "locked")

    monkeypatch.setattr(syscalls, "madvise", refuse)
    done = prefault(numpy.memmap(file, mode="r"), window_bytes=PAGE)
    assert any("windows stay" in note for note in done.notes)


@pytest.mark.parametrize(
    ("access", "buffer", "said"),
    [
        ("write", bytearray(SIZE), "access='read'"),
        ("read", bytearray(SIZE), "anonymous memory that is let go is lost"),
    ],
)
def test_windows_are_refused_where_content_would_be_lost(
    access: str, buffer: bytearray, said: str
) -> None:
    """Before anything is done."""
    with pytest.raises(ValueError, match=said):
        prefault(buffer, access, window_bytes=PAGE)


def test_random_is_found_told_and_undone_if_asked(file: Path) -> None:
    """The flag stays unless it is asked to go."""
    data = numpy.memmap(file, mode="r")
    data._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]
    done = prefault(data)
    assert "MADV_RANDOM is set" in done.notes[0]
    assert residency(data).advice == ("MADV_RANDOM",)
    done = prefault(data, undo_random=True)
    assert "MADV_NORMAL has taken its place" in done.notes[0]
    assert residency(data).advice == ()
    assert not any("RANDOM" in note for note in prefault(data).notes)


def test_random_is_undone_of_what_was_given_alone(file: Path) -> None:
    """The rest of the mapping, before and behind it, keeps its advice."""
    data = numpy.memmap(file, mode="r")
    data._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]
    prefault(data[2 * PAGE : 4 * PAGE], undo_random=True)
    assert residency(data[: 2 * PAGE]).advice == ("MADV_RANDOM",)
    assert residency(data[2 * PAGE : 4 * PAGE]).advice == ()
    assert residency(data[4 * PAGE :]).advice == ("MADV_RANDOM",)


def test_what_may_be_evicted_again_is_told(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Of a file above the tightest limit, that it will be; of locked memory nothing."""
    limit = cgroup.Limit(Path("memory.max"), SIZE // 2, 0)
    monkeypatch.setattr(cgroup, "memory_limits", lambda: [limit])
    assert "may evict" in prefault(file).notes[-1]  # no program runs in so little
    monkeypatch.setattr("prefault_kit.memory.prefault.LEAST_CGROUP_BYTES", 0)
    assert "it is larger than the memory cgroup" in prefault(file).notes[-1]
    limit = cgroup.Limit(Path("memory.max"), 2 * SIZE, 0)
    assert "may evict" in prefault(file).notes[-1]
    monkeypatch.setattr(cgroup, "memory_limits", list)
    monkeypatch.setattr("prefault_kit.kernel.proc.meminfo", lambda: {"MemTotal": SIZE // 2})
    assert "it is larger than this machine's memory" in prefault(file).notes[-1]
    with Mapping(Backing.file(file.parent), SIZE, "shared") as memory:
        memory.populate_write()
        assert "larger than this machine" in prefault(memory).notes[-1]
        memory.mlock()
        assert prefault(memory).notes == ()


@pytest.mark.needs("thp")
def test_a_budget_of_a_file_on_disk_ends_at_pages(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """Copies of its pages are small, whatever huge pages anonymous memory may have."""
    monkeypatch.setattr(hugepages, "transparent_for", lambda **_: True)
    monkeypatch.setattr(hugepages, "transparent_size_bytes", lambda: SIZE)
    data = numpy.memmap(file, mode="c")
    assert prefault(data, "write", at_most_bytes=3 * PAGE).done_bytes == 3 * PAGE
    with Mapping(Backing.anon(), SIZE) as memory:
        assert prefault(memory, "write", at_most_bytes=3 * PAGE).done_bytes == 0


def test_flags_are_not_looked_up_where_that_takes_longer(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """In a very large process the walk through smaps is left out, and that is told."""
    monkeypatch.setattr("prefault_kit.kernel.proc.status_bytes", lambda _: 1 << 50)
    data = numpy.memmap(file, mode="r")
    data._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]
    done = prefault(data)
    assert "was not looked up" in done.notes[0]
    assert "MADV_RANDOM is set on" not in " ".join(done.notes)


def test_a_budget_ends_it() -> None:
    """No more is added than allowed; the record says so, and what came first is there."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        memory.populate_write(0, 4 * PAGE)  # what is there costs nothing
        done = prefault(memory, "write", at_most_bytes=10 * PAGE)
        present = memory.pages().present
        assert not done.complete
        assert 10 <= present <= 14
        assert done.done_bytes == present * PAGE or present > 10
        assert any("the budget ended it" in note for note in done.notes)
        assert prefault(memory, "write", at_most_bytes=SIZE).complete


def test_a_budget_of_a_path(file: Path) -> None:
    """Counts what the page cache lacks: nothing, when all is cached."""
    file.read_bytes()
    assert prefault(file, at_most_bytes=0).complete
    if evicted(file):
        done = prefault(file, at_most_bytes=0)
        assert (done.done_bytes, done.complete) == (0, False)
        assert "none of it done: no more than 0 bytes" in " ".join(done.notes)


def test_a_budget_leaves_free_what_was_asked() -> None:
    """More than the machine has: nothing is done."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        done = prefault(memory, "write", leave_free_bytes=1 << 50)
        assert (done.done_bytes, memory.pages().present) == (0, 0)
        assert prefault(memory, "write", leave_free_bytes=0, at_most_of_cgroup=1.0).complete


def test_beyond_the_end_of_a_file_is_an_error_with_its_page(file: Path) -> None:
    """A file that was truncated under its mapping: no SIGBUS; what came before is there."""
    data = numpy.memmap(file, mode="r")
    os.truncate(file, 10 * PAGE)
    with pytest.raises(
        PrefaultError, match=r"page 10 cannot be prefaulted \(EFAULT\).*beyond the end"
    ) as raised:
        prefault(data)
    assert (raised.value.errno, raised.value.page) == (errno.EFAULT, 10)
    assert raised.value.populated_bytes == 10 * PAGE


@pytest.mark.parametrize("where", ["disk", "memory"])
def test_truncated_between_two_windows(where: str, file: Path) -> None:
    """Page and bytes are counted from the begin; of a path as of a buffer."""
    fd = os.memfd_create("data")
    if where == "memory":
        os.pwrite(fd, b"1" * SIZE, 0)
        file = Path(f"/proc/self/fd/{fd}")
    for memory in (numpy.memmap(file, mode="r"), file):
        os.truncate(file, SIZE)

        def cut(done: int, _: int) -> None:
            if done == SIZE // 2:
                os.truncate(file, SIZE // 2 + PAGE)

        with pytest.raises(PrefaultError) as raised:
            prefault(memory, window_bytes=SIZE // 4, on_progress=cut)
        assert (raised.value.errno, raised.value.page) == (errno.EFAULT, PAGES // 2 + 1)
        assert raised.value.populated_bytes == SIZE // 2 + PAGE
        assert f"page {PAGES // 2 + 1} cannot be" in str(raised.value)
    os.close(fd)


def test_a_file_that_is_replaced_meanwhile(file: Path, tmp_path: Path) -> None:
    """What was read is the old one's, which is an error for a path; of a mapping it is told."""
    data = numpy.memmap(file, mode="r")

    def replace(*_: int) -> None:
        (tmp_path / "new").write_bytes(b"new" * PAGE)
        os.replace(tmp_path / "new", file)

    with pytest.raises(OSError, match="replaced by another one") as raised:
        prefault(file, on_progress=replace)
    assert (raised.value.errno, raised.value.filename) == (errno.ESTALE, str(file))
    assert any("deleted or replaced" in note for note in prefault(data).notes)


def test_the_buffer_is_held_meanwhile() -> None:
    """Nobody closes or resizes it between two windows."""
    with mmap.mmap(-1, SIZE) as memory:

        def close(*_: int) -> None:
            with pytest.raises(BufferError):
                memory.close()

        assert prefault(memory, on_progress=close).complete


def test_stop_and_progress() -> None:
    """A stop leaves a prefix; what raises in progress comes through, and affinity is as before."""
    stop = threading.Event()
    stop.set()
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        done = prefault(memory, at_most_bytes=SIZE, stop=stop)
        assert done.done_bytes <= SIZE

        def interrupt(*_: int) -> None:
            raise KeyboardInterrupt

        allowed = os.sched_getaffinity(0)
        with pytest.raises(KeyboardInterrupt):
            prefault(memory, node=numa.nodes_with_memory()[0], on_progress=interrupt)
        assert os.sched_getaffinity(0) == allowed


def test_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """The range prefers it, threads run on its processors and afterwards as before."""
    node = numa.nodes_with_memory()[0]
    allowed = os.sched_getaffinity(0)
    one = {min(allowed)}
    monkeypatch.setattr(numa, "processors", lambda _: tuple(one))
    seen: list[set[int]] = []
    with Mapping(Backing.anon(), SIZE) as memory:
        done = prefault(
            memory,
            "write",
            node=node,
            threads=2,
            on_progress=lambda *_: seen.append(os.sched_getaffinity(0)),
        )
        assert done.complete
        assert seen[0] == one
        assert os.sched_getaffinity(0) == allowed
        maps = Path("/proc/self/numa_maps")
        if maps.exists():
            found = [line.split() for line in maps.read_text().splitlines()]
            policy = next(words[1] for words in found if words[0] == f"{memory.address:x}")
            assert policy.startswith("prefer")
        monkeypatch.setattr(numa, "processors", lambda _: (4095,))
        done = prefault(memory, "write", node=node)
        assert any("may use no processor" in note for note in done.notes)
        monkeypatch.setattr(numa, "page_nodes", lambda *_: {node: 60, node + 1: 4})
        done = prefault(memory, "write", node=node)
        assert any("4 pages lie on another node" in note for note in done.notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"access": "execute"}, "access is read or write"),
        ({"threads": 0}, "threads is a whole number"),
        ({"window_bytes": PAGE - 1}, "window_bytes is a whole number from"),
        ({"node": 4096}, "no memory on node 4096: there is 0"),
        ({"node": -1}, "node is a whole number"),
        ({"at_most_bytes": -1}, "at_most_bytes is a whole number"),
        ({"at_most_of_cgroup": 0}, "a part above 0 up to 1"),
        ({"at_most_of_cgroup": float("nan")}, "a part above 0 up to 1"),
        ({"leave_free_bytes": 1.5}, "leave_free_bytes is a whole number"),
    ],
    ids=str,
)
def test_options_are_checked(options: dict[str, Any], said: str) -> None:
    """In a sentence, before anything is done."""
    with pytest.raises(ValueError, match=said):
        prefault(bytearray(PAGE), **options)


def test_what_is_no_memory(tmp_path: Path) -> None:
    """Each with its error: a path that is written to, no file, a directory, a FIFO, a number."""
    with pytest.raises(ValueError, match="only ever read"):
        prefault(__file__, "write")
    with pytest.raises(FileNotFoundError):
        prefault(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        prefault(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        prefault(tmp_path / "fifo")
    with pytest.raises(TypeError, match="no buffer"):
        prefault(17)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="read-only"):
        prefault(bytes(PAGE), "write")


def test_without_permission_it_is_an_error() -> None:
    """EINVAL of the kernel, in words of the access."""
    with Mapping(Backing.anon(), SIZE) as memory:
        memory.protect("none")
        with pytest.raises(PrefaultError, match="may not be read") as raised:
            prefault(memory)
        assert (raised.value.errno, raised.value.page) == (errno.EINVAL, 0)


def test_the_kernel_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that says how to go on; with touch each page is touched, and content stays."""
    monkeypatch.setattr(support, "populate_refusal", lambda _: "EINVAL")
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        memory.write(PAGE, b"here")
        with pytest.raises(OSError, match="touch=True"):
            prefault(memory)
        done = prefault(memory, touch=True)
        assert (done.advice, done.there_after_bytes) == ("touch_read", SIZE)
        assert prefault(memory, "write", touch=True).advice == "touch_atomic"
        assert memory.read(PAGE, 4) == b"here"


def test_a_page_that_cannot_be_had_by_touching(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """The same error then, and no SIGBUS."""
    monkeypatch.setattr(support, "populate_refusal", lambda _: "EINVAL")
    data = numpy.memmap(file, mode="r")
    os.truncate(file, 10 * PAGE)
    with pytest.raises(PrefaultError, match="page 10") as raised:
        prefault(data, touch=True)
    assert raised.value.errno == errno.EFAULT


def test_what_a_record_says() -> None:
    """In a sentence, and as JSON takes it."""
    with Mapping(Backing.anon(), SIZE) as memory:
        done = prefault(memory, "write")
    assert str(done).startswith("all of 256 KiB by MADV_POPULATE_WRITE in ") or PAGE != 4096
    found = done.as_dict()
    assert (found["complete"], found["minor_faults"]) == (True, done.minor_faults)
    assert "work" not in found


def test_preallocate_and_prefault_are_one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in it shows in both."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the engine")

    monkeypatch.setattr(population, "populate", fail)
    for call in (preallocate, prefault):
        with pytest.raises(RuntimeError, match="the engine"):
            call(bytearray(PAGE))  # type: ignore[operator]
