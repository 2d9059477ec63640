"""prefault_kit.memory.backing: where memory comes from."""

import os
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing


def test_labels_are_the_published_ones() -> None:
    """A backing names itself as the published table does."""
    assert Backing.anon(PAGE).label == f"Anon {PAGE // 1024} KiB"
    assert Backing.memfd().label == f"Memfd {PAGE // 1024} KiB"
    assert Backing.tmpfs().label == "tmpfs"
    assert Backing.file("/tmp").label == "file"
    assert Backing.hugetlbfs().label == "hugetlbfs"


@pytest.mark.parametrize("kind", ["anon", "memfd", "tmpfs", "file", "hugetlbfs"])
def test_a_kind_has_its_backing(kind: str) -> None:
    """The same as from its constructor; a file without a directory lies in the current one."""
    made = Backing.file(os.curdir) if kind == "file" else getattr(Backing, kind)()
    assert Backing.of(kind) == made
    if kind in ("anon", "memfd"):
        with pytest.raises(ValueError, match=f"{kind} memory lies in no directory"):
            Backing.of(kind, directory="/tmp")
    else:
        assert Backing.of(kind, directory="/tmp").directory == "/tmp"


def test_words_that_contradict_are_refused() -> None:
    """A kind with pages that it has not, and one that there is not."""
    with pytest.raises(ValueError, match="choose anon, memfd or hugetlbfs"):
        Backing.of("tmpfs", page_size=2 * PAGE)
    with pytest.raises(ValueError, match="there is no backing 'disk'"):
        Backing.of("disk")


def test_unknown_words_are_refused() -> None:
    """An unknown kind or page size is answered with what there is."""
    with pytest.raises(ValueError, match="hugetlbfs"):
        Backing("disk", PAGE)
    with pytest.raises(ValueError, match="this system has no pages"):
        Backing.anon(12345)
    with pytest.raises(ValueError, match="choose anon, memfd or hugetlbfs"):
        Backing("file", 2 * PAGE, "/tmp")


@pytest.mark.parametrize("kind", ["memfd", "tmpfs", "file"])
def test_an_opened_file_is_empty_nameless_and_private(kind: str, disk_directory: Path) -> None:
    """open gives a file of size 0 that no directory lists and nobody else may read."""
    before = set(os.listdir(disk_directory)), set(os.listdir("/dev/shm"))
    backing = Backing.file(disk_directory) if kind == "file" else getattr(Backing, kind)()
    fd = backing.open()
    try:
        found = os.fstat(fd)
        assert found.st_size == 0
        assert kind == "memfd" or (found.st_nlink, found.st_mode & 0o777) == (0, 0o600)
        assert (set(os.listdir(disk_directory)), set(os.listdir("/dev/shm"))) == before
    finally:
        os.close(fd)


@pytest.mark.needs("hugetlbfs")
def test_hugetlbfs_takes_its_page_size_from_the_mount(hugetlbfs_directory: Path) -> None:
    """The page size of a hugetlbfs is that of its mount."""
    backing = Backing.hugetlbfs(hugetlbfs_directory)
    assert backing.page_size_bytes == os.statvfs(hugetlbfs_directory).f_bsize
    assert backing.is_hugetlb


def test_tmpfs_is_found_among_the_mounts() -> None:
    """Without a directory the usual tmpfs is taken; a given one is kept."""
    assert Backing.tmpfs().find_directory() == "/dev/shm"
    assert Backing.tmpfs("/somewhere").find_directory() == "/somewhere"
    assert Backing.memfd().find_directory() is None
