"""prefault_kit.memory.mapping: backings and mappings."""

import errno
import os
import resource
from pathlib import Path

import numpy
import pytest

from prefault_kit.kernel import hugepages, syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.timed import PrefaultError
from prefault_kit.measure import steps
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 256
SIZE = PAGES * PAGE


@pytest.mark.parametrize(
    ("protection", "read", "write"),
    [
        ("none", errno.EINVAL, errno.EINVAL),
        ("r", 0, errno.EINVAL),
        ("w", errno.EINVAL, 0),
        ("rw", 0, 0),
        ("rx", 0, errno.EINVAL),
    ],
)
def test_permissions(protection: str, read: int, write: int) -> None:
    """Populating needs the permission it would use, else EINVAL (promise 5)."""

    for populate, expected in (("populate_read", read), ("populate_write", write)):
        with Mapping(Backing.anon(), SIZE) as mapping:
            mapping.protect(protection)
            if not expected:
                assert getattr(mapping, populate)().done_bytes == SIZE
                continue
            with pytest.raises(PrefaultError) as caught:
                getattr(mapping, populate)()
            assert (caught.value.errno, caught.value.populated_bytes) == (expected, 0)


@pytest.mark.parametrize("kind", ["anon", "memfd", "tmpfs", "file"])
@pytest.mark.parametrize("sharing", ["private", "shared"])
def test_every_backing_populates_and_keeps_bytes(kind: str, sharing: str, tmp_path: Path) -> None:
    """Each backing can be mapped, populated to the page, written and read."""
    backing = Backing.file(tmp_path) if kind == "file" else getattr(Backing, kind)()
    with Mapping(backing, SIZE, sharing) as mapping:
        assert mapping.populate_write().done_bytes == SIZE
        assert mapping.pages().present == PAGES
        mapping.write(SIZE - 3, b"end")
        assert mapping.read(SIZE - 4, 4) == b"\0end"
        assert mapping.read(0, 1) == b"\0"


@pytest.mark.needs("hugetlb")
@pytest.mark.parametrize("kind", ["anon", "memfd", "hugetlbfs"])
@pytest.mark.parametrize("sharing", ["private", "shared"])
def test_every_huge_backing(
    kind: str, sharing: str, huge_page_bytes: int, hugetlbfs_directory: Path
) -> None:
    """Each huge backing populates whole huge pages; private ones have no zero page either."""
    if kind == "hugetlbfs":
        backing = Backing.hugetlbfs(hugetlbfs_directory)
    else:
        backing = getattr(Backing, kind)(page_size=huge_page_bytes)
    assert backing.is_hugetlb
    with Mapping(backing, 2 * huge_page_bytes, sharing) as mapping:
        work = mapping.populate_read()
        found = mapping.pages()
        assert work.minor_faults in (0, 2)  # none were counted before Linux 6.6
        assert found.present == 2 * huge_page_bytes // PAGE
        assert not found.zero


def test_cow_stays_unbroken_after_populate_read(disk_directory: Path) -> None:
    """A later pwrite to the file shows through a private mapping after READ, not after WRITE."""
    for populate, seen in (("populate_read", b"\xbb"), ("populate_write", b"\xaa")):
        with Mapping(Backing.file(disk_directory), SIZE, "private") as mapping:
            os.pwrite(mapping.fd, b"\xaa" * SIZE, 0)
            getattr(mapping, populate)()
            os.pwrite(mapping.fd, b"\xbb" * SIZE, 0)
            assert mapping.read(0, 1) == seen


def test_the_kernel_refuses_not_the_kit() -> None:
    """A populate beyond the end of the file reaches the kernel and comes back as EFAULT."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        os.ftruncate(mapping.fd, SIZE // 2)
        with pytest.raises(PrefaultError) as caught:
            mapping.populate_read()
        assert caught.value.errno == errno.EFAULT
        assert caught.value.populated_bytes == SIZE // 2


@pytest.mark.needs("small_tmpfs")
def test_full_tmpfs_is_efault_with_its_prefix(small_tmpfs_directory: Path) -> None:
    """Populating more than a tmpfs holds is EFAULT at the first page that does not fit."""
    room = os.statvfs(small_tmpfs_directory)
    size = 2 * room.f_blocks * room.f_frsize
    with Mapping(Backing.tmpfs(small_tmpfs_directory), size, "shared") as mapping:
        with pytest.raises(PrefaultError) as caught:
            mapping.populate_write()
        assert caught.value.errno == errno.EFAULT
        assert 0 < caught.value.populated_bytes == mapping.pages().present * PAGE < size
        with pytest.raises(PrefaultError) as touched:
            mapping.touch_write()
        assert touched.value.errno == errno.EFAULT
        assert touched.value.page * PAGE == caught.value.populated_bytes


def test_small_tmpfs_after_map_populate_says_nothing() -> None:
    """MAP_POPULATE beyond the end of a file succeeds, and leaves the rest to a SIGBUS."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        os.ftruncate(mapping.fd, SIZE // 2)
        mapping.map_populate()
        assert mapping.pages().present == PAGES // 2
        with pytest.raises(PrefaultError):
            mapping.touch_read()


@pytest.mark.needs("pagemap_scan")
def test_map_populate_populates(disk_directory: Path) -> None:
    """MAP_POPULATE write-faults private memory and read-faults shared files."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        assert mapping.map_populate().minor_faults == PAGES
        assert mapping.pages().as_dict() | {"huge": 0} == {
            "present": PAGES, "zero": 0, "huge": 0, "swapped": 0,
        }  # fmt: skip
        assert "nh" in mapping.usage().vm_flags or hugepages.transparent_size_bytes() is None
    with Mapping(Backing.file(disk_directory), SIZE, "shared") as mapping:
        mapping.map_populate()
        work = mapping.touch_write()
        assert work.minor_faults + work.major_faults == PAGES


def test_fallocate_fills_no_page_table() -> None:
    """fallocate allocates the blocks and maps nothing."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        mapping.fallocate()
        cache = mapping.file_cache()
        assert cache is not None
        assert cache.allocated_bytes == SIZE
        assert mapping.pages().present == 0
        assert mapping.touch_write().minor_faults == PAGES


def test_fallocate_without_a_file_is_ebadf() -> None:
    """Anonymous memory has no file to allocate: the kernel says EBADF."""
    with Mapping(Backing.anon(), SIZE) as mapping, pytest.raises(OSError) as caught:
        mapping.fallocate()
    assert caught.value.errno == errno.EBADF


@pytest.mark.parametrize(
    ("sharing", "advice", "byte"),
    [
        ("private", "MADV_DONTNEED", 0x00),
        ("shared", "MADV_DONTNEED", 0xAA),
        ("shared", "MADV_REMOVE", 0x00),
    ],
)
def test_discard_of_anonymous_memory(sharing: str, advice: str, byte: int) -> None:
    """DONTNEED forgets private memory and keeps shared memory; REMOVE forgets shared memory."""
    with Mapping(Backing.anon(), SIZE, sharing) as mapping:
        mapping.write(0, b"\xaa" * SIZE)
        mapping.advise(advice)
        assert mapping.pages().present == 0
        assert mapping.read(SIZE - 1, 1)[0] == byte


def test_punch_hole_gives_blocks_back() -> None:
    """PUNCH_HOLE frees exactly the range and keeps the file's size."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        mapping.populate_write()
        mapping.punch_hole(PAGE, 10 * PAGE)
        cache = mapping.file_cache()
        assert cache is not None
        assert cache.allocated_bytes == SIZE - 10 * PAGE
        assert os.fstat(mapping.fd).st_size == SIZE


def test_len_rounds_up_and_zero_is_nothing() -> None:
    """A length of 1 populates a page, a length of 0 none."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        mapping.populate_write(0, 0)
        assert mapping.pages().present == 0
        mapping.populate_write(0, 1)
        assert mapping.pages().present == 1


@pytest.mark.parametrize(("offset", "length"), [(-1, PAGE), (0, SIZE + 1), (SIZE, 1), (0, -1)])
def test_ranges_outside_are_refused(offset: int, length: int) -> None:
    """A range outside of the mapping is a ValueError: other memory is never touched."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        for operation in (mapping.populate_read, mapping.touch_write, mapping.advise):
            arguments = ("MADV_DONTNEED",) if operation == mapping.advise else ()
            with pytest.raises(ValueError, match="not within"):
                operation(*arguments, offset, length)  # type: ignore[operator]


def test_unknown_words_are_refused() -> None:
    """Unknown advice, protection and sharing, and a size in words, are told what there is."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        with pytest.raises(ValueError, match="MADV_POPULATE_WRITE"):
            mapping.advise("MADV_NONSENSE")
        with pytest.raises(ValueError, match="rx"):
            mapping.protect("x")
    with pytest.raises(ValueError, match="private or shared"):
        Mapping(Backing.anon(), SIZE, "both")
    with pytest.raises(ValueError, match="whole number"):
        Mapping(Backing.anon(), "2MiB")  # type: ignore[arg-type]


def test_sizes_and_descriptors_may_be_numpy_s() -> None:
    """As offsets may; what is kept are Python's integers."""
    with Mapping(Backing.memfd(), numpy.int64(SIZE), "shared") as own:
        assert type(own.size_bytes) is int
        own.write(0, b"x")
        with Mapping(Backing.memfd(), SIZE, "shared", fd=numpy.int32(own.fd)) as other:
            assert (other.fd, type(other.fd), other.read(0, 1)) == (own.fd, int, b"x")
    with pytest.raises(ValueError, match="size_bytes is a whole number from 1 to "):
        Mapping(Backing.anon(), True)


@pytest.mark.parametrize("fd", [2**31, -1, 1.0, "1", True])
def test_a_descriptor_is_a_whole_number(fd: object) -> None:
    """Else a ValueError says so, with the limits."""
    with pytest.raises(ValueError, match="fd is a whole number from 0 to 2147483647, not "):
        Mapping(Backing.memfd(), SIZE, fd=fd)  # type: ignore[arg-type]


def test_an_array_is_written_by_its_bytes() -> None:
    """Its elements are not its bytes; strided, they come one after the other."""
    ones = numpy.ones(8, "u8")
    with Mapping(Backing.anon(), SIZE) as mapping:
        with pytest.raises(ValueError, match="not within"):
            mapping.write(SIZE - 8, ones)  # type: ignore[arg-type]
        assert mapping.read(SIZE - 8, 8) == bytes(8)
        for each in (ones, ones.reshape(2, 4), numpy.arange(8)[::2], ones.astype(">u8"), ones[:0]):
            mapping.write(SIZE - each.nbytes, each)  # type: ignore[arg-type]
            assert mapping.read(SIZE - each.nbytes, each.nbytes) == each.tobytes()
        with pytest.raises(ValueError, match="data are bytes or an array, not str"):
            mapping.write(0, "text")  # type: ignore[arg-type]


def test_closed_mapping_says_so() -> None:
    """After close every operation is a ValueError, and closing again is no error."""
    mapping = Mapping(Backing.anon(), SIZE)
    mapping.close()
    mapping.close()
    with pytest.raises(ValueError, match="closed"):
        mapping.touch_read()


def test_nothing_remains(tmp_path: Path) -> None:
    """A mapping's file has no name, its descriptor goes with it, and so does its memory."""

    def descriptors() -> set[str]:
        return set(os.listdir("/proc/self/fd"))

    before = descriptors()
    for backing in (Backing.file(tmp_path), Backing.memfd(), Backing.tmpfs()):
        with Mapping(backing, SIZE, "shared") as mapping:
            mapping.populate_write()
            assert os.listdir(tmp_path) == []
            address = mapping.address
        assert f"{address:x}-" not in Path("/proc/self/maps").read_text()
    assert descriptors() == before


def test_a_given_file_stays_open(tmp_path: Path) -> None:
    """A mapping of somebody's descriptor neither resizes nor closes it."""
    path = tmp_path / "mine"
    path.write_bytes(b"x" * SIZE)
    fd = os.open(path, os.O_RDWR)
    try:
        with Mapping(Backing.file(tmp_path), SIZE, "shared", fd=fd) as mapping:
            mapping.populate_read()
            assert mapping.read(0, 2) == b"xx"
        assert os.fstat(fd).st_size == SIZE
    finally:
        os.close(fd)


def test_failed_mapping_leaves_nothing() -> None:
    """When mmap fails the file is closed again and the error keeps its errno."""
    before = set(os.listdir("/proc/self/fd"))
    limits = resource.getrlimit(resource.RLIMIT_AS)
    most = 1 << 39 if limits[1] == resource.RLIM_INFINITY else min(limits[1], 1 << 39)
    resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))  # s390x has addresses for any file
    try:
        with pytest.raises(OSError) as caught:
            Mapping(Backing.memfd(), 1 << 40, "shared")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert caught.value.errno == errno.ENOMEM
    assert set(os.listdir("/proc/self/fd")) == before


def test_missing_directory_is_an_oserror(tmp_path: Path) -> None:
    """A directory that is not there is what open(2) says."""
    with pytest.raises(FileNotFoundError):
        Mapping(Backing.file(tmp_path / "nowhere"), SIZE)


@pytest.mark.needs("pagemap_scan")
def test_thp_is_off_unless_asked(huge_page_bytes: int) -> None:
    """4 KiB mappings never get huge pages by themselves, whatever the system's setting."""
    with Mapping(Backing.anon(), 4 * huge_page_bytes) as mapping:
        mapping.populate_write()
        assert mapping.pages().huge == 0
        assert mapping.usage().anon_huge == 0


def test_fault_around_windows_never_depend_on_placement() -> None:
    """Every mapping lies on a huge-page border, so faults on cached pages are always as many."""
    faults = set()
    for _ in range(5):
        with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
            os.pwrite(mapping.fd, b"x" * SIZE, 0)
            faults.add(mapping.touch_read().minor_faults)
    assert len(faults) == 1
    assert (faults.pop() < PAGES) == (PAGE < 64 << 10)  # a window of the kernel's default


def test_a_file_that_is_open_for_reading_is_mapped_for_reading(tmp_path: Path) -> None:
    """It can be populated and read; writing fails, and the file stays."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * SIZE)
    fd = os.open(path, os.O_RDONLY)
    try:
        with Mapping(
            Backing.file(tmp_path), SIZE, "shared", fd=fd, writable=False, thp=None
        ) as mapping:
            mapping.populate_read()
            assert mapping.read(0, 1) == b"x"
            with pytest.raises(OSError) as caught:
                mapping.populate_write()
            assert caught.value.errno == errno.EINVAL
            with pytest.raises(PrefaultError):
                mapping.write(0, b"y")
            mapping.map_populate()
            with pytest.raises(PrefaultError):
                mapping.write(0, b"y")
    finally:
        os.close(fd)
    assert path.read_bytes() == b"x" * SIZE


def test_the_memory_itself_can_be_used() -> None:
    """What is written through the buffer is in the memory; a closed mapping has none."""
    memory = Mapping(Backing.memfd(), 2 * PAGE, "shared")
    buffer = memory.buffer()
    assert (buffer.nbytes, buffer.readonly) == (2 * PAGE, False)
    buffer[PAGE : PAGE + 2] = b"ab"
    assert os.pread(memory.fd, 2, PAGE) == b"ab"
    assert memory.pages().present == 1
    memory.close()
    with pytest.raises(ValueError, match="closed"):
        memory.buffer()


def test_protecting_as_a_step_of_a_method_has_its_own_work() -> None:
    """What the detour by mprotect costs is timed around the system call, as all other steps are."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        work = steps.do(mapping, "protect r", threads=1)
        assert (work.done_bytes, work.elapsed_ns > 0, work.cpu_ns > 0) == (SIZE, True, True)
        with pytest.raises(PrefaultError):
            mapping.touch_write()


@pytest.mark.parametrize(("offset", "length"), [(0.0, PAGE), (0, "1"), ("0", None), (None, PAGE)])
def test_offsets_and_lengths_are_whole_numbers(offset: object, length: object) -> None:
    """Else a ValueError says which is not."""
    with (
        Mapping(Backing.anon(), SIZE) as mapping,
        pytest.raises(ValueError, match=r"^(offset|length) is a whole number of bytes, not "),
    ):
        mapping.touch_read(offset, length)  # type: ignore[arg-type]


def test_a_size_beyond_all_memory_is_refused() -> None:
    """In words, before the kernel is asked for what no C type holds."""
    for backing in (Backing.anon(), Backing.memfd()):
        with pytest.raises(ValueError, match="size_bytes is a whole number from 1 to "):
            Mapping(backing, 1 << 70)


def test_mincore_is_of_the_file_not_of_the_mapping() -> None:
    """What is in the page cache is 1 and the rest 0, though nothing is mapped."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        os.pwrite(mapping.fd, bytes(2 * PAGE), 3 * PAGE)
        assert mapping.pages().present == 0
        assert list(mapping.mincore(2 * PAGE, 4 * PAGE)) == [0, 1, 1, 0]
        assert len(mapping.mincore()) == PAGES


def test_a_sync_is_timed_and_its_failure_told(disk_directory: Path) -> None:
    """What is dirty is written back, and the call is covered by C's clock; a hole is ENOMEM."""
    with Mapping(Backing.file(disk_directory), SIZE, "shared") as mapping:
        mapping.touch_write()
        work = mapping.sync()
        assert (work.done_bytes, work.elapsed_ns > 0) == (SIZE, True)
        cache = mapping.file_cache()
        assert cache is not None
        assert not cache.dirty
    with Mapping(Backing.anon(), SIZE) as mapping:
        syscalls.unmap(mapping.address + PAGE, PAGE)
        with pytest.raises(PrefaultError) as caught:
            mapping.sync()
        assert caught.value.errno == errno.ENOMEM
