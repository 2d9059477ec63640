"""prefault_kit.kernel.blocks: holes, reserved blocks and data, page by page."""

import os
from pathlib import Path

import pytest

from prefault_kit import Backing
from prefault_kit.kernel import blocks
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE


def test_a_file_in_memory_has_holes_and_data() -> None:
    """Also beyond the last data, and where there is none."""
    fd = Backing.memfd().open()
    try:
        os.ftruncate(fd, 8 * PAGE)
        assert blocks.of(fd, 8) == ["hole"] * 8
        os.pwrite(fd, b"x", 2 * PAGE)
        os.pwrite(fd, bytes(2 * PAGE), 5 * PAGE)
        assert blocks.of(fd, 8) == ["hole"] * 2 + ["data"] + ["hole"] * 2 + ["data"] * 2 + ["hole"]
    finally:
        os.close(fd)


def test_a_file_on_disk_has_reserved_blocks_too(disk_directory: Path) -> None:
    """fallocate reserves; what is written gets its blocks at the latest when it is written back."""
    fd = Backing.file(disk_directory).open()
    try:
        os.posix_fallocate(fd, 0, 16 * PAGE)
        os.ftruncate(fd, 64 * PAGE)
        os.pwrite(fd, b"x" * 16 * PAGE, 32 * PAGE)
        os.fsync(fd)
        found = blocks.of(fd, 64)
        assert found[:16] == ["reserved"] * 16
        assert found[16:32] == ["hole"] * 16
        assert found[32:48] == ["data"] * 16
        assert found[48:] == ["hole"] * 16
    finally:
        os.close(fd)


def test_many_extents_take_several_calls(disk_directory: Path) -> None:
    """More than one call of FIEMAP tells."""
    fd = Backing.file(disk_directory).open()
    try:
        os.ftruncate(fd, 1024 * PAGE)
        for page in range(0, 1024, 2):
            os.pwrite(fd, b"x" * PAGE, page * PAGE)
        os.fsync(fd)
        assert blocks.of(fd, 1024) == ["data", "hole"] * 512
    finally:
        os.close(fd)


def test_a_closed_descriptor_is_an_error() -> None:
    """As the kernel says."""
    with pytest.raises(OSError, match="FIEMAP"):
        blocks.of(-1, 1)
