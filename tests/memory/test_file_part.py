"""prefault_kit.memory.file_part: a part of a file that is known again."""

import errno
import os
from pathlib import Path

import pytest

from prefault_kit.memory import file_part
from prefault_kit.memory.file_part import FilePart, open_regular


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small file."""
    path = tmp_path / "data"
    path.write_bytes(b"1234")
    return path


def test_all_of_a_file(file: Path) -> None:
    """Opened for reading alone."""
    part = FilePart.whole(file)
    assert (part.path, part.offset_bytes, part.size_bytes) == (str(file), 0, 4)
    with part.opened() as fd:
        assert os.read(fd, 9) == b"1234"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(fd, b"x")
    assert not part.is_replaced()


def test_one_that_grew_or_shrank_is_the_same(file: Path) -> None:
    """It is opened; what is gone shows when it is read."""
    part = FilePart.whole(file)
    os.truncate(file, 1)
    with part.opened():
        pass
    assert not part.is_replaced()


def test_another_file_in_its_place(file: Path, tmp_path: Path) -> None:
    """ESTALE, which names it; so is none."""
    part = FilePart.whole(file)
    (tmp_path / "new").write_bytes(b"1234")
    os.replace(tmp_path / "new", file)
    assert part.is_replaced()
    with pytest.raises(OSError, match="replaced") as raised, part.opened():
        pass
    assert (raised.value.errno, raised.value.filename) == (errno.ESTALE, str(file))
    os.unlink(file)
    assert part.is_replaced()


def test_what_is_no_regular_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for, and no device is opened; not even one that was swapped in."""
    os.mkfifo(tmp_path / "fifo")
    for path, number in ((tmp_path, errno.EISDIR), (tmp_path / "fifo", errno.EINVAL)):
        with pytest.raises(OSError, match="not a regular file") as raised:
            open_regular(str(path))
        assert raised.value.errno == number
    regular = os.stat(__file__)
    before = set(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(file_part.os, "stat", lambda _: regular)
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(str(tmp_path / "fifo"))
    assert set(os.listdir("/proc/self/fd")) == before
