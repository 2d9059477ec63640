"""prefault_kit.memory.holding: what a range holds, and the files behind it."""

import os
from pathlib import Path

import numpy
import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory import holding
from prefault_kit.memory.buffer import placed
from prefault_kit.memory.holding import held

PAGES = 16
SIZE = PAGES * PAGE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of cached pages."""
    path = tmp_path / "data"
    path.write_bytes(bytes(SIZE))
    return path


def test_the_file_behind_is_found_by_its_name(file: Path) -> None:
    """And closed afterwards; one that is another file by now is not taken for it."""
    data = numpy.memmap(file, mode="r")
    before = set(os.listdir("/proc/self/fd"))
    with placed(data) as place, held(place) as here:
        (fd, _), *_ = here.files
        assert os.path.samefile(fd, file)
        assert here.cache(place.address + PAGE, 2 * PAGE).cached == 2
    assert set(os.listdir("/proc/self/fd")) == before
    os.rename(file, file.with_name("moved"))
    file.write_bytes(b"other")
    with placed(data) as place, held(place) as here:
        # the kernel has the new name; a file that is gone altogether has none
        assert here.files[0][0] == -1 or os.path.samefile(here.files[0][0], file.with_name("moved"))
        assert here.look().cached in (PAGES, None)


def test_a_file_that_is_replaced_while_it_is_opened(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is not taken for the one that is mapped, and is closed again."""
    data = numpy.memmap(file, mode="r")
    file.with_name("other").write_bytes(b"other")
    real = holding.open_regular
    monkeypatch.setattr(holding, "open_regular", lambda path: real(str(file.with_name("other"))))
    before = set(os.listdir("/proc/self/fd"))
    with placed(data) as place, held(place) as here:
        assert [fd for fd, _ in here.files] == [-1]
        assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.needs("pagemap_scan")
def test_what_a_write_would_add() -> None:
    """A private file mapping: a copy of each page that is none yet, and no more of the file."""
    with Mapping(Backing.memfd(), SIZE) as memory:
        os.pwrite(memory.fd, bytes(SIZE), 0)
        memory.touch_write(0, 3 * PAGE)
        with placed(memory) as place, held(place) as here:
            assert here.missing_pages(0, SIZE, access="write") == PAGES - 3
            assert here.missing_pages(0, 4 * PAGE, access="write") == 1
            assert here.missing_pages(0, SIZE, access="read") == 0


@pytest.mark.needs("pagemap_scan")
def test_what_is_missing_of_other_kinds() -> None:
    """Reading anonymous memory takes none; shared memory what its page cache lacks."""
    with Mapping(Backing.anon(), SIZE) as memory, placed(memory) as place, held(place) as here:
        assert here.missing_pages(0, SIZE, access="read") == 0
        memory.touch_write(0, PAGE)
        memory.touch_read(PAGE, PAGE)  # the zero page is no page of one's own
        assert here.missing_pages(0, SIZE, access="write") == PAGES - 1
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        memory.touch_write(0, PAGE)
        with placed(memory) as place, held(place) as here:
            assert here.missing_pages(0, SIZE, access="write") == PAGES - 1


def test_flags_come_when_they_are_asked_for(file: Path) -> None:
    """Of each area."""
    data = numpy.memmap(file, mode="r")
    with placed(data) as place, held(place) as here:
        assert here.areas[0].vm_flags == ()
        here.ask_flags()
        assert "rd" in here.areas[0].vm_flags


def test_a_file_of_somebody_else_s_is_not_believed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its name is gone and mincore(2) says that all of it is there, that may be a lie."""
    data = numpy.memmap(file, mode="r")
    data[0] + data[-1]
    os.unlink(file)
    monkeypatch.setattr(holding.os, "geteuid", lambda: 12345)
    with placed(data) as place, held(place) as here:
        assert here.cache(place.address, place.size_bytes).cached is None
        monkeypatch.setattr(holding.syscalls, "mincore", lambda *_: bytearray([1] * 3 + [0]))
        assert here.cache(place.address, place.size_bytes).cached == 3


def test_what_comes_from_a_disk(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known after the files are closed, too; a memfd is memory, and so is what lies on a tmpfs."""
    data = numpy.memmap(file, mode="r")
    for in_memory in (False, True):
        monkeypatch.setattr(holding, "is_in_memory", lambda _, answer=in_memory: answer)
        with placed(data) as place, held(place) as here:
            pass
        assert (here.on_disk == here.areas) is not in_memory
    with Mapping(Backing.memfd(), SIZE) as memory, placed(memory) as place, held(place) as here:
        assert here.on_disk == []
