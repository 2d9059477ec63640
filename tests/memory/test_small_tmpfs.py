"""prefault_kit.memory.small_tmpfs: a small tmpfs that nobody else sees."""

import errno
import os
from pathlib import Path

import pytest

from prefault_kit.host import features
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory import small_tmpfs


@pytest.mark.needs("own_mounts")
def test_so_much_can_be_filled_and_no_more() -> None:
    """The file is larger than what there is; no mount is to be seen."""
    mounts = Path("/proc/self/mounts").read_text()
    fd = small_tmpfs.file(16 * PAGE, 64 * PAGE)
    try:
        assert os.fstat(fd).st_size == 64 * PAGE
        os.posix_fallocate(fd, 0, 16 * PAGE)
        with pytest.raises(OSError, match="No space") as raised:
            os.posix_fallocate(fd, 16 * PAGE, PAGE)
        assert raised.value.errno == errno.ENOSPC
        assert Path("/proc/self/mounts").read_text() == mounts
    finally:
        os.close(fd)


@pytest.mark.needs("own_mounts")
def test_shadowing_modules_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket.py in the user's directory does not reach the other process."""
    (tmp_path / "socket.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    os.close(small_tmpfs.file(PAGE, PAGE))


def test_who_may_not_mount_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The errno of the other process, in words; the host names the command that helps."""
    monkeypatch.setattr(small_tmpfs, "__name__", "tests.memory.refusing")
    with pytest.raises(PermissionError, match="may not mount") as raised:
        small_tmpfs.file(PAGE, PAGE)
    assert raised.value.errno == errno.EACCES
    missing = features.own_mounts()
    assert missing is not None
    assert missing.reason == small_tmpfs.FORBIDDEN
    assert missing.command is not None
    assert missing.command.startswith("sudo sysctl")
