"""prefault_kit.kernel.mapped_file: the file behind a mapping is that very file, or none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prefault_kit.kernel import mapped_file, page_cache, syscalls
from prefault_kit.kernel.address_space import Region
from prefault_kit.kernel.process import ProcessDirectory
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE


@pytest.fixture
def own() -> Iterator[ProcessDirectory]:
    """This process."""
    with ProcessDirectory(os.getpid()) as held:
        yield held


@contextmanager
def mapped(path: Path, own: ProcessDirectory, pages: int = 4) -> Iterator[Region]:
    """A file of some pages, all read into the page cache, and its mapping as the kernel has it."""
    path.write_bytes(b"x" * pages * PAGE)
    with path.open("rb") as file:
        address, fence, length = syscalls.map_fenced(
            pages * PAGE,
            align=PAGE,
            protection=syscalls.PROTECTION["r"],
            flags=syscalls.MAP["MAP_SHARED"],
            fd=file.fileno(),
        )
    try:
        yield next(each for each in own.regions() if each.address == address)
    finally:
        syscalls.unmap(fence, length)


def in_cache(fd: int, head: Region) -> int | None:
    """Pages of the mapping that are cached."""
    counts = mapped_file.cache(fd, head.offset, head.length, 0)
    return counts.cached if isinstance(counts, page_cache.CacheCounts) else counts


@pytest.mark.parametrize("name", ["plain", "with space", "line\nend", "a (deleted)", "\udcff"])
def test_the_file_is_found_by_any_name(tmp_path: Path, own: ProcessDirectory, name: str) -> None:
    """Also where maps writes its name otherwise."""
    with mapped(tmp_path / name, own) as head, mapped_file.opened(own, head) as fd:
        assert os.fstat(fd).st_ino == (tmp_path / name).stat().st_ino
        assert os.fstat(fd).st_size == 4 * PAGE
        assert in_cache(fd, head) == 4
        assert mapped_file.fate(own, head) == "there"


@pytest.mark.parametrize("privileged", [True, False])
def test_a_replaced_file_is_noticed(
    tmp_path: Path, own: ProcessDirectory, monkeypatch: pytest.MonkeyPatch, privileged: bool
) -> None:
    """Its path has another inode: never is that one taken for the mapped one."""
    path = tmp_path / "file"
    if not privileged:
        forbid_map_files(monkeypatch)
    with mapped(path, own) as head:
        (tmp_path / "new").write_bytes(b"another")
        (tmp_path / "new").rename(path)
        head = next(each for each in own.regions() if each.address == head.address)
        assert mapped_file.fate(own, head) == "replaced"
        if privileged and os.geteuid() == 0:
            with mapped_file.opened(own, head) as fd:
                assert os.fstat(fd).st_size == 4 * PAGE
        else:
            with pytest.raises(mapped_file.ReplacedError), mapped_file.opened(own, head):
                pass


def forbid_map_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for who has no CAP_CHECKPOINT_RESTORE."""
    original = mapped_file._regular

    def refuse(process: ProcessDirectory, name: str) -> int:
        if name.startswith("map_files"):
            raise PermissionError(1, "not permitted")
        return original(process, name)

    monkeypatch.setattr(mapped_file, "_regular", refuse)


def test_a_deleted_file_is_found_among_descriptors(
    tmp_path: Path, own: ProcessDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the process has one; else it is out of reach without privilege."""
    forbid_map_files(monkeypatch)
    path = tmp_path / "file"
    with mapped(path, own) as head:
        with path.open("rb"):
            path.unlink()
            head = next(each for each in own.regions() if each.address == head.address)
            assert mapped_file.fate(own, head) == "deleted"
            with mapped_file.opened(own, head) as fd:
                assert os.fstat(fd).st_nlink == 0
        with pytest.raises(FileNotFoundError), mapped_file.opened(own, head):
            pass


def test_shared_memory_without_a_file_was_not_replaced(own: ProcessDirectory) -> None:
    """Its name is that of a device, which is there and is another thing."""
    assert mapped_file.fate(
        own, Region(PAGE, PAGE, "rw-s", 0, (0, 1), 1, "/dev/zero (deleted)")
    ) == ("deleted")


def test_a_device_is_never_opened(own: ProcessDirectory) -> None:
    """Opening one may have effects; so may a FIFO."""
    device = os.stat("/dev/zero")
    head = Region(PAGE, PAGE, "rw-s", 0, (0, 0), device.st_ino, "/dev/zero")
    with pytest.raises(OSError, match="no regular file"), mapped_file.opened(own, head):
        pass


def test_what_cachestat_does_not_see_is_asked_of_mincore(
    tmp_path: Path, own: ProcessDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on overlayfs: cachestat says nothing is cached, and mincore knows better."""
    monkeypatch.setattr(page_cache, "cachestat", lambda *_: page_cache.CacheCounts(0, 0, 0, 0, 0))
    with mapped(tmp_path / "file", own) as head, mapped_file.opened(own, head) as fd:
        assert mapped_file.cache(fd, 0, head.length, 4) == 4
        assert mapped_file.cache(fd, PAGE, head.length - PAGE, 0) == 3


def test_mincore_is_not_believed_where_it_hides(
    tmp_path: Path, own: ProcessDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file that one may only read it calls every page cached: that is no answer."""
    monkeypatch.setattr(page_cache, "cachestat", lambda *_: (_ for _ in ()).throw(OSError(1, "")))
    with mapped(tmp_path / "file", own) as head, mapped_file.opened(own, head) as fd:
        monkeypatch.setattr(os, "geteuid", lambda: -2)
        monkeypatch.setattr(os, "access", lambda *_, **__: False)
        assert mapped_file.cache(fd, 0, head.length, 0) is None


def test_beyond_the_end_nothing_is_cached(tmp_path: Path, own: ProcessDirectory) -> None:
    """A file that was cut short under its mapping."""
    with mapped(tmp_path / "file", own) as head, mapped_file.opened(own, head) as fd:
        os.truncate(tmp_path / "file", PAGE)
        assert in_cache(fd, head) == 1
        assert mapped_file.cache(fd, 2 * PAGE, PAGE, 0) == page_cache.CacheCounts(0, 0, 0, 0, 0)


def test_another_device_number_is_settled_by_mapping(
    tmp_path: Path, own: ProcessDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On btrfs stat(2) and maps disagree on the device: a mapping of one's own tells."""
    monkeypatch.setattr(os, "major", lambda _: -1)
    with mapped(tmp_path / "file", own) as head:
        with (tmp_path / "file").open("rb") as same:
            assert mapped_file.is_behind(same.fileno(), head)
        (tmp_path / "other").write_bytes(b"x" * PAGE)
        with (tmp_path / "other").open("rb") as other:
            assert not mapped_file.is_behind(other.fileno(), head)
