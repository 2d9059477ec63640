"""prefault_kit.memory.residency: how much of a buffer is in memory now."""

import json
import os
from pathlib import Path

import numpy
import pytest

from prefault_kit import Backing, Mapping, prefault, residency
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.file_part import FilePart
from prefault_kit.memory.page_cache_share import Cache

PAGES = 64
SIZE = PAGES * PAGE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file whose pages are cached and clean."""
    path = tmp_path / "data"
    with open(path, "wb", buffering=0) as opened:
        for _ in range(PAGES):  # page by page, so that no large folio is dirty as a whole
            opened.write(b"\x07" * PAGE)
        os.fsync(opened.fileno())
    return path


@pytest.mark.needs("pagemap_scan")
def test_anonymous_memory() -> None:
    """Written, read, untouched: each is counted, by node and as dirty, for the mapping is whole."""
    with Mapping(Backing.anon(), SIZE) as memory:
        memory.touch_write(0, 5 * PAGE)
        memory.touch_read(8 * PAGE, 3 * PAGE)
        found = residency(memory)
    assert (found.pages, found.present, found.zero, found.anonymous) == (PAGES, 8, 3, 5)
    assert (found.file, found.swapped, found.dirty, found.cached) == (0, 0, 5, None)
    assert found.nodes is None or sum(found.nodes.values()) == 5
    assert found.advice in ((), ("MADV_NOHUGEPAGE",))
    assert found.notes == ()
    assert found.states is not None
    assert len(found.states.state_bytes) == PAGES


@pytest.mark.needs("pagemap_scan")
@pytest.mark.needs("cachestat")
def test_a_private_file_mapping(file: Path) -> None:
    """Copies of one's own, the file's pages, and what the page cache has beside them."""
    data = numpy.memmap(file, mode="c")
    data[: 3 * PAGE] = 1
    part = data[PAGE : 5 * PAGE]
    found = residency(part)
    assert (found.pages, found.anonymous, found.cached) == (4, 2, 4)
    assert found.dirty is None  # of a part of a mapping smaps cannot tell
    assert residency(data).anonymous == 3


@pytest.mark.needs("cachestat")
def test_dirty_pages_of_a_shared_file(file: Path) -> None:
    """Of exactly the part, by the page cache."""
    data = numpy.memmap(file, mode="r+")
    data[2 * PAGE] = 1
    assert residency(data[: 2 * PAGE]).dirty == 0
    assert residency(data[2 * PAGE :]).dirty == 1
    found = residency(data)
    assert (found.anonymous, found.cached) == (0, PAGES)
    assert found.file == found.present


@pytest.mark.needs("cachestat")
def test_a_path_and_a_part_of_it(file: Path) -> None:
    """The page cache alone: what is mapped where is not its business."""
    found = residency(file)
    assert (found.present, found.nodes, found.cached, found.pages) == (None, None, PAGES, PAGES)
    part = FilePart(str(file), PAGE + 1, PAGE, FilePart.whole(file).identity)
    found = residency(part)
    assert (found.pages, found.cached, found.buffer_bytes) == (2, 2, PAGE)
    assert "whole pages are counted" in found.notes[0]


def test_a_buffer_amid_pages() -> None:
    """Whole pages are counted, and that is said."""
    found = residency(b"x" * (4 * PAGE + 1))
    assert found.buffer_bytes == 4 * PAGE + 1
    assert found.size_bytes >= 5 * PAGE
    assert found.present == found.pages
    assert "whole pages are counted" in str(found)


def test_what_it_says() -> None:
    """In a short sentence, and as JSON takes it."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        memory.touch_write()
        found = residency(memory)
    assert found.cached == PAGES
    assert f" of {SIZE >> 10} KiB present" in str(found) or PAGE != 4096
    data = json.loads(json.dumps(found.as_dict()))
    assert (data["present"], data["size_bytes"]) == (PAGES, SIZE)
    assert "states" not in data


def test_a_deleted_file_is_told(file: Path) -> None:
    """Its pages are still there, and those of no other file."""
    data = numpy.memmap(file, mode="r")
    os.unlink(file)
    found = residency(data)
    assert "deleted or replaced" in found.notes[0]
    assert found.cached in (PAGES, None)


def test_nothing_is_changed() -> None:
    """Looking brings no page."""
    with Mapping(Backing.anon(), SIZE) as memory:
        residency(memory)
        assert (residency(memory).present, memory.pages().present) == (0, 0)
        assert str(residency(memory)).startswith("0 of ")


def test_a_mapping_of_such_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What of it is mapped is known, what is cached is not, and it is told."""
    from prefault_kit.memory import holding

    monkeypatch.setattr(holding, "cache_of", lambda *_, **__: Cache(None))
    found = residency(numpy.memmap(file, mode="r"))
    assert (found.present, found.cached) == (0, None)
    assert "the kernel tells its owner" in found.notes[0]
    assert not residency(bytes(PAGE)).notes[1:]


def test_a_file_of_which_the_kernel_tells_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's: unknown is not nothing, and it is told; of prefault too."""
    from prefault_kit.memory import file_reading

    monkeypatch.setattr(file_reading, "cache_of", lambda *_, **__: Cache(None))
    found = residency(file)
    assert found.cached is None
    assert str(found).startswith("what of the file is cached the kernel tells its owner")
    done = prefault(file)
    assert (done.there_before_bytes, done.cache_growth_bytes, done.complete) == (None, None, True)
    assert done.notes[0].startswith("what of the file is cached")


def test_dirty_pages_of_several_mappings_are_known_of_whole_ones_alone() -> None:
    """Of one and a half the whole one's would be told."""
    with Mapping(Backing.anon(), SIZE) as memory:
        memory.touch_write()
        memory.protect("r", SIZE // 2, SIZE // 2)
        view = memory.buffer()
        assert residency(view).dirty == PAGES
        assert residency(view[: SIZE * 3 // 4]).dirty is None
        view.release()
