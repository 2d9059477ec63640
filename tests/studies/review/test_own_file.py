"""prefault_kit.studies.review.own_file: what is opened, and how much of it is reviewed."""

import errno
import os
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review import own_file

GIB = 1 << 30


def sparse(path: Path, size_bytes: int) -> Path:
    """A file without blocks."""
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    """A FIFO is not waited for, and a device is not even opened."""
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/zero"), Path("/dev/tty")):
        with pytest.raises(OSError, match="no regular file") as caught:
            own_file.open_file(path)
        assert (caught.value.errno, caught.value.filename) == (errno.EINVAL, str(path))


def test_a_missing_file_and_a_loop_are_errors_of_the_kernel(tmp_path: Path) -> None:
    """With their errno and the name."""
    (tmp_path / "loop").symlink_to("loop")
    for name, number in (("none", errno.ENOENT), ("loop", errno.ELOOP)):
        with pytest.raises(OSError) as caught:
            own_file.open_file(tmp_path / name)
        assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / name))


def test_all_of_a_file_is_reviewed_up_to_a_limit(tmp_path: Path) -> None:
    """In whole pages; a sentence names both sizes where it is a part."""
    small, large = sparse(tmp_path / "small", PAGE + 1), sparse(tmp_path / "large", 1 << 40)
    assert own_file.reviewed_bytes(small) == 2 * PAGE
    assert own_file.part_of(small, 2 * PAGE) is None
    assert own_file.reviewed_bytes(large) == 4 * GIB
    said = own_file.part_of(large, 4 * GIB) or ""
    assert f"Of the 1 TiB of {large} the first 4 GiB are reviewed" in said
    assert "--size" in said
    assert own_file.reviewed_bytes(large, 1 << 40) == 1 << 40


def test_more_than_there_is_is_refused_with_the_size(tmp_path: Path) -> None:
    """To the byte, and nothing is clipped."""
    path = sparse(tmp_path / "mine", 3 * PAGE + 1)
    assert own_file.reviewed_bytes(path, 4 * PAGE) == 4 * PAGE
    with pytest.raises(ValueError, match=rf"{path} has .*{3 * PAGE + 1} bytes.* beyond its end"):
        own_file.reviewed_bytes(path, 5 * PAGE)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """There is nothing to map."""
    with pytest.raises(ValueError, match="is empty"):
        own_file.reviewed_bytes(sparse(tmp_path / "mine", 0))


def test_a_file_that_became_shorter_is_noticed(tmp_path: Path) -> None:
    """Before an access meets a SIGBUS; a last page that is not full is there."""
    path = sparse(tmp_path / "mine", 2 * PAGE - 1)
    fd = own_file.open_file(path)
    try:
        own_file.check_length(fd, 2 * PAGE)
        os.truncate(path, PAGE)
        with pytest.raises(OSError, match="truncated to") as caught:
            own_file.check_length(fd, 2 * PAGE)
        assert caught.value.errno == errno.ENODATA
    finally:
        os.close(fd)
