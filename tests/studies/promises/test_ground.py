"""prefault_kit.studies.promises.ground: the memory that a promise is shown on."""

from pathlib import Path

import pytest

from prefault_kit.host import Unavailable
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.studies.promises.ground import HUGE_PAGES, PAGES, Ground


@pytest.mark.parametrize("name", ["anon", "memfd", "tmpfs", "file"])
@pytest.mark.parametrize("sharing", ["private", "shared"])
def test_every_kind_can_be_had(sharing: str, name: str, disk_directory: Path) -> None:
    """A ground is a mapping of 512 pages of the kind that was asked for."""
    ground = Ground.find(f"{sharing} {name}", str(disk_directory))
    assert isinstance(ground, Ground)
    with ground.map() as memory:
        assert (memory.sharing, memory.backing.kind) == (sharing, name)
        assert memory.size_bytes == PAGES * PAGE_SIZE_BYTES


@pytest.mark.needs("hugetlb")
def test_huge_pages(huge_page_bytes: int) -> None:
    """hugetlb is anonymous memory of a few huge pages."""
    ground = Ground.find("private hugetlb", ".")
    assert isinstance(ground, Ground)
    assert (ground.page, ground.size_bytes) == (huge_page_bytes, HUGE_PAGES * huge_page_bytes)


def test_a_directory_in_memory_is_no_disk() -> None:
    """Files in memory are never written back, so promises about a disk cannot be shown there."""
    ground = Ground.find("shared file", "/dev/shm")
    assert isinstance(ground, Unavailable)
    assert "--dir" in ground.reason


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    """What is not there is missing, not an error."""
    assert isinstance(Ground.find("shared file", str(tmp_path / "gone")), Unavailable)


def test_the_label_names_the_file_system(disk_directory: Path) -> None:
    """Of a file the label says its file system, of memory nothing more."""
    assert Ground.label("shared file", str(disk_directory)).startswith("shared file on ")
    assert Ground.label("shared memfd", str(disk_directory)) == "shared memfd"


def test_a_file_vanishes(disk_directory: Path) -> None:
    """The file of a ground has no name."""
    ground = Ground.find("shared file", str(disk_directory))
    assert isinstance(ground, Ground)
    before = sorted(disk_directory.iterdir())
    with ground.file() as fd, ground.map(fd=fd) as memory:
        memory.populate_write()
        assert sorted(disk_directory.iterdir()) == before
