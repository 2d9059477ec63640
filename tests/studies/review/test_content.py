"""prefault_kit.studies.review.content: what the file holds before each repetition."""

import os
from pathlib import Path

import pytest

from prefault_kit import Backing
from prefault_kit.host import features
from prefault_kit.kernel import page_cache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review import Workload
from prefault_kit.studies.review.content import Content

PAGES = 512
SIZE = PAGES * PAGE


def prepared(case: Workload) -> page_cache.FileCache:
    content = Content(case)
    try:
        for _ in range(2):  # again and again, it is the same
            list(content.prepare())
        assert content.fd is not None
        assert os.fstat(content.fd).st_size == SIZE
        return page_cache.of(content.fd)
    finally:
        content.close()


@pytest.mark.skipif(features.cachestat() is not None, reason="needs cachestat")
@pytest.mark.parametrize(
    ("name", "has_blocks", "cached"),
    [
        ("hole", False, 0),
        ("fallocated", True, 0),
        ("large-chunks", True, PAGES),
        ("small-chunks", True, PAGES),
        ("cold", True, 0),
    ],
)
def test_the_file_is_as_it_is_called(
    disk_directory: Path, name: str, has_blocks: bool, cached: int
) -> None:
    """Blocks, page cache, and never a dirty page."""
    found = prepared(Workload(Backing.file(disk_directory), size_bytes=SIZE, content=name))
    assert (found.allocated_bytes > 0, found.cached, found.dirty) == (has_blocks, cached, 0)


@pytest.mark.needs("small_tmpfs")
def test_a_full_file_system_is_an_error(small_tmpfs_directory: Path) -> None:
    """ENOSPC as the kernel says it, and nothing stays."""
    case = Workload(Backing.tmpfs(small_tmpfs_directory), size_bytes=4 << 20, content="fallocated")
    free = os.statvfs(small_tmpfs_directory).f_bfree
    content = Content(case)
    with pytest.raises(OSError, match="No space left"):
        list(content.prepare())
    content.close()
    assert os.statvfs(small_tmpfs_directory).f_bfree == free


@pytest.mark.parametrize("name", ["as-is", "cold"])
def test_a_file_of_ones_own_stays_as_it_is(disk_directory: Path, name: str) -> None:
    """It is opened for reading, and keeps its bytes, its size and its time."""
    path = disk_directory / "mine"
    with path.open("wb") as file:
        file.write(b"x" * (SIZE - 1))
        os.fsync(file.fileno())
    before = path.stat()
    content = Content(Workload.of_file(path, content=name))
    try:
        list(content.prepare())
        assert content.fd is not None
        with pytest.raises(OSError):
            os.write(content.fd, b"y")
        if name == "cold" and features.cachestat() is None:
            assert page_cache.of(content.fd).cached == 0
    finally:
        content.close()
    after = path.stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    assert path.read_bytes() == b"x" * (SIZE - 1)
    path.unlink()
