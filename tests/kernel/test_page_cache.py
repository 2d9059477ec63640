"""prefault_kit.kernel.page_cache: the page-cache view, on each file system that is there."""

import os
from pathlib import Path

import pytest

from prefault_kit.kernel import page_cache, syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 1024
SIZE = PAGES * PAGE


def fill(fd: int, pages: int = PAGES) -> None:
    """Write pages one at a time, so that no large folio comes into the cache."""
    for page in range(pages):
        os.pwrite(fd, b"\xaa" * PAGE, page * PAGE)


@pytest.mark.needs("cachestat")
def test_populate_read_dirties_nothing(disk_directory: Path) -> None:
    """POPULATE_READ of a hole: 1024 cached, 0 dirty, no block allocated (promise 1)."""
    with Mapping(Backing.file(disk_directory), SIZE, "shared") as mapping:
        mapping.populate_read()
        cache = mapping.file_cache()
        assert cache is not None
        assert (cache.cached, cache.dirty, cache.writeback) == (PAGES, 0, 0)
        assert cache.allocated_bytes == 0


@pytest.mark.needs("cachestat")
def test_populate_write_dirties_everything(disk_directory: Path) -> None:
    """POPULATE_WRITE: 1024 dirty; after a sync 0, and each page write-faults again (promise 4)."""
    with Mapping(Backing.file(disk_directory), SIZE, "shared") as mapping:
        mapping.populate_write()
        cache = mapping.file_cache()
        assert cache is not None
        assert cache.dirty == PAGES
        assert mapping.touch_write().minor_faults == 0
        mapping.sync()
        cache = mapping.file_cache()
        assert cache is not None
        assert (cache.dirty, cache.writeback) == (0, 0)
        assert cache.allocated_bytes >= SIZE
        work = mapping.touch_write()
        assert work.minor_faults + work.major_faults == PAGES


@pytest.mark.needs("cachestat")
def test_private_write_leaves_the_file_clean(disk_directory: Path) -> None:
    """A private mapping written to: nothing of the file is dirty, its pages stay cached."""
    with Mapping(Backing.file(disk_directory), SIZE, "private") as mapping:
        mapping.populate_write()
        cache = mapping.file_cache()
        assert cache is not None
        assert (cache.cached, cache.dirty) == (PAGES, 0)
        assert mapping.usage().anonymous == SIZE


@pytest.mark.needs("cachestat")
def test_evict_empties_the_cache(disk_directory: Path) -> None:
    """After evict nothing of the file is cached, though it was dirty before."""
    fd = Backing.file(disk_directory).open()
    try:
        fill(fd)
        assert page_cache.of(fd).cached == PAGES
        assert page_cache.evict(fd) == 0
        assert page_cache.of(fd).cached == 0
    finally:
        os.close(fd)


@pytest.mark.needs("cachestat")
def test_evict_tells_of_mapped_pages(disk_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that are mapped stay, and evict says how many."""
    monkeypatch.setattr(page_cache, "EVICT_TRIES", 2)
    with Mapping(Backing.file(disk_directory), SIZE, "shared") as mapping:
        fill(mapping.fd)
        mapping.populate_read()
        assert page_cache.evict(mapping.fd) == PAGES


@pytest.mark.needs("cachestat")
def test_memfd_is_never_dirty() -> None:
    """memfd pages are cached and allocated, but never counted as dirty."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        mapping.populate_write()
        assert mapping.file_cache() == page_cache.FileCache(PAGES, 0, 0, SIZE)


def test_hole_of_shmem_is_allocated_by_populate_read() -> None:
    """POPULATE_READ allocates the blocks of a memfd hole, unlike on a disk file system."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        before = mapping.file_cache()
        mapping.populate_read()
        after = mapping.file_cache()
        assert before is not None and after is not None
        assert (before.allocated_bytes, after.allocated_bytes) == (0, SIZE)


def test_anonymous_memory_has_no_file() -> None:
    """Without a file there is no page-cache view."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        assert mapping.file_cache() is None


def test_blind_file_is_counted_by_mincore() -> None:
    """Where cachestat cannot see, mincore counts the cached pages and dirty is unknown."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        mapping.populate_write(length=5 * PAGE)
        found = page_cache.of(mapping.fd, address=mapping.address, length=SIZE, blind=True)
        assert (found.cached, found.dirty, found.writeback) == (5, None, None)


@pytest.mark.needs("overlay")
def test_overlay_is_blind_and_says_so(overlay_directory: Path) -> None:
    """On overlayfs the cached pages are counted and the dirty ones are None, not 0."""
    with Mapping(Backing.file(overlay_directory), SIZE, "shared") as mapping:
        mapping.populate_write()
        found = mapping.file_cache()
        assert found is not None
        assert (found.cached, found.dirty) == (PAGES, None)


@pytest.mark.needs("cachestat")
@pytest.mark.needs("hugetlb")
def test_hugetlb_has_blocks_but_no_cachestat(huge_page_bytes: int) -> None:
    """cachestat refuses hugetlb files; the allocated bytes are still told."""
    with Mapping(Backing.memfd(huge_page_bytes), huge_page_bytes, "shared") as mapping:
        mapping.fallocate()
        found = mapping.file_cache()
        assert found is not None
        assert (found.cached, found.dirty) == (None, None)
        assert found.allocated_bytes == huge_page_bytes


def test_fill_writes_what_it_is_given(tmp_path: Path) -> None:
    """fill repeats its data over the range, and cuts the last piece."""
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        syscalls.fill(fd, 3, 10, b"abcd")
        assert os.pread(fd, 20, 0) == b"\0\0\0abcdabcdab"
    finally:
        os.close(fd)


@pytest.mark.parametrize("pages", [4, 16])
def test_a_blind_count_is_of_system_pages(pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """mincore gives a byte a page, whose lowest bit alone tells; the rest is reserved."""
    vector = bytearray([0b1, 0b0, 0b11, 0b10, 0b1])
    large = pages * PAGE
    monkeypatch.setattr(syscalls, "mincore", lambda address, length: vector[: length // large])
    with Mapping(Backing.memfd(), PAGE, "shared") as mapping:
        found = page_cache.of(mapping.fd, address=mapping.address, length=5 * large, blind=True)
    assert found.cached == 3


@pytest.mark.needs("cachestat")
def test_each_page_of_a_file_has_its_word(disk_directory: Path) -> None:
    """Cached, dirty or not there; once written back, clean."""
    with Mapping(Backing.file(disk_directory), 64 * PAGE, "shared") as memory:
        assert page_cache.of_pages(memory.fd, 64) == ["not cached"] * 64
        for page in (0, 7, 40):
            os.pwrite(memory.fd, b"x" * PAGE, page * PAGE)
        found = page_cache.of_pages(memory.fd, 64)
        assert [page for page, word in enumerate(found) if word == "dirty"] == [0, 7, 40]
        assert set(found) == {"dirty", "not cached"}
        memory.sync()
        found = page_cache.of_pages(memory.fd, 64)
        assert [page for page, word in enumerate(found) if word == "cached"] == [0, 7, 40]


def test_an_empty_file_has_no_words() -> None:
    """Nor is cachestat asked for length 0, which would mean all."""
    with Mapping(Backing.memfd(), PAGE, "shared") as memory:
        assert page_cache.of_pages(memory.fd, 0) == []
