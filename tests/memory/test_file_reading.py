"""prefault_kit.memory.file_reading: a part of a file, read into the page cache."""

import errno
import os
from pathlib import Path

import pytest

from prefault_kit.kernel import syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.timed import PrefaultError
from prefault_kit.memory import file_reading
from prefault_kit.memory.file_part import FilePart
from prefault_kit.memory.file_reading import FileReading

PAGES = 32


def reading(part: FilePart, fd: int) -> FileReading:
    """In one thread."""
    return FileReading.of(part, fd, "MADV_POPULATE_READ", 1)


@pytest.fixture
def part(tmp_path: Path) -> FilePart:
    """A file, from amid a page to amid another."""
    (tmp_path / "data").write_bytes(bytes(PAGES * PAGE))
    whole = FilePart.whole(tmp_path / "data")
    return FilePart(whole.path, PAGE + 7, 2 * PAGE, whole.identity)


def test_whole_pages(part: FilePart) -> None:
    """Those that the part lies in."""
    with part.opened() as fd:
        found = reading(part, fd)
        assert (found.first, found.size_bytes, found.cache().cached) == (PAGE, 3 * PAGE, 3)
        assert found.missing_bytes(0, 3 * PAGE) == 0
        assert found.cached_pages() == bytearray([1, 1, 1])
        assert found.populate(0, 3 * PAGE, lambda _: True).done_bytes == 3 * PAGE


def test_read_ahead_comes_first_and_in_parts(
    part: FilePart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WILLNEED of each part before it is waited for; a stop between two ends it."""
    asked: list[int] = []
    monkeypatch.setattr(file_reading, "AHEAD_BYTES", 2 * PAGE)
    monkeypatch.setattr(syscalls, "madvise", lambda _, length, advice: asked.append(length))
    with part.opened() as fd:
        assert reading(part, fd).populate(0, 3 * PAGE, lambda _: True).done_bytes == 3 * PAGE
        assert asked == [2 * PAGE, PAGE]
        assert reading(part, fd).populate(0, 3 * PAGE, lambda _: False).done_bytes == 2 * PAGE


def test_an_error_in_a_later_part_is_counted_from_the_begin(
    part: FilePart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes, its page and its faults, as those of the first one are."""
    monkeypatch.setattr(file_reading, "AHEAD_BYTES", 2 * PAGE)
    whole = FilePart.whole(part.path)

    def cut(done: int) -> bool:
        if done == 6 * PAGE:
            os.truncate(part.path, 9 * PAGE)
        return True

    with whole.opened() as fd, pytest.raises(PrefaultError) as raised:
        reading(whole, fd).populate(0, PAGES * PAGE, cut)
    assert (raised.value.page, raised.value.populated_bytes) == (9, 9 * PAGE)
    assert raised.value.work.minor_faults > 0


def test_the_data_of_a_sparse_file_in_memory() -> None:
    """Its holes are left out, in whole pages; beyond its end it is for the kernel to refuse."""
    fd = os.memfd_create("sparse")
    try:
        os.truncate(fd, 8 * PAGE)
        os.pwrite(fd, b"x" * PAGE * 2, 2 * PAGE)
        os.pwrite(fd, b"x", 6 * PAGE)
        found = reading(FilePart.whole(f"/proc/self/fd/{fd}"), fd)
        assert list(found._data(0, 8 * PAGE)) == [(2 * PAGE, 4 * PAGE), (6 * PAGE, 7 * PAGE)]
        assert list(found._data(3 * PAGE, 4 * PAGE)) == [(0, PAGE), (3 * PAGE, 4 * PAGE)]
        os.truncate(fd, 4 * PAGE)
        assert list(found._data(4 * PAGE, PAGE)) == [(0, PAGE)]
    finally:
        os.close(fd)


def test_a_file_that_cannot_be_mapped(part: FilePart, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names it; an owner alone may know what is cached."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENODEV, "mmap")

    with part.opened() as fd:
        found = reading(part, fd)
        monkeypatch.setattr(file_reading, "cached_pages", lambda *_: None)
        with pytest.raises(PermissionError, match="who may write it, alone"):
            found.cached_pages()
        monkeypatch.setattr(syscalls, "map_fenced", refuse)
        with pytest.raises(OSError, match="lets nobody map it") as raised:
            found.populate(0, PAGE, lambda _: True)
    assert (raised.value.errno, raised.value.filename) == (errno.ENODEV, part.path)
