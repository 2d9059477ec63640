"""prefault_kit.studies.trial.limit: cgroups that last as long as they are needed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prefault_kit.kernel import cgroup
from prefault_kit.kernel.diskstats import Device
from prefault_kit.studies.trial import limit


@contextmanager
def sleeping() -> Iterator[int]:
    """A process that does nothing."""
    pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    try:
        yield pid
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def test_a_limit_and_nothing_left() -> None:
    """The kernel's own account of it, and its directory, which goes; refused to who may not."""
    if missing := limit.why_not():
        assert "cgroup" in missing.reason
        return
    _, above = (limit._find([limit.MEMORY]) or {})[limit.MEMORY]
    left = above / f"{limit.PREFIX}{1 << 22}-of-one-that-was-killed"
    left.mkdir()
    with limit.limited(64 << 20) as own, sleeping() as pid:
        assert not left.exists()
        own.take(pid)
        _, directory = own.places[limit.MEMORY]
        assert str(pid) in (directory / "cgroup.procs").read_text().split()
        assert 0 < own.available_bytes() <= 64 << 20
    assert not directory.exists()


def test_io_of_a_device_is_limited(disk_directory: Path) -> None:
    """As the kernel says that it is; beside a memory limit; and both cgroups go."""
    devices = limit.devices_of([str(disk_directory)])
    if missing := limit.why_not(limit.MEMORY, limit.IO):
        assert "an I/O limit" in missing.reason or "built without" in missing.reason
        return
    if not devices:
        pytest.skip("needs a directory on one block device")
    with limit.limited(64 << 20, io=True) as own, sleeping() as pid:
        own.take(pid)
        own.throttle(devices, 1 << 20)
        version, directory = own.places[limit.IO]
        way = "blkio.throttle.{}_bps_device"
        for name in ("io.max",) if version == 2 else (way.format("read"), way.format("write")):
            said = (directory / name).read_text()
            assert f"{devices[0].major}:{devices[0].minor} " in said and str(1 << 20) in said
        for _, each in own.places.values():
            assert str(pid) in (each / "cgroup.procs").read_text().split()
        assert own.writes_are_throttled == (version == 2)
    assert not any(each.exists() for _, each in own.places.values())


def test_in_version_2_one_cgroup_has_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a process is in one alone; where the controllers are enabled for children."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "cgroup.subtree_control").write_text("memory pids")
    (tmp_path / "cgroup.subtree_control").write_text("io memory")
    monkeypatch.setattr(cgroup, "own_directories", lambda _: [(2, inner), (2, tmp_path)])
    monkeypatch.setattr(limit, "_remove", lambda _: None)  # files that are none of the kernel's
    with limit.limited(64 << 20, io=True) as own:
        assert set(own.places.values()) == {(2, own.places[limit.IO][1])}
        directory = own.places[limit.IO][1]
        assert directory.parent == tmp_path
        own.throttle([Device(8, 16)], 1 << 20)
        assert (directory / "io.max").read_text() == "8:16 rbps=1048576 wbps=1048576"
        assert (directory / "memory.max").read_text() == str(64 << 20)
        assert own.writes_are_throttled
    (tmp_path / "cgroup.subtree_control").write_text("")
    missing = limit.why_not(limit.IO)
    assert missing and "io controller" in missing.reason
    assert missing.command and "Delegate" in missing.command


def test_what_is_on_no_device_is_left_out() -> None:
    """Files of the kernel's, and what is not there."""
    assert limit.devices_of(["/proc/self/maps", "/no/such"]) == []


def test_too_small() -> None:
    """Said before anything is run."""
    with pytest.raises(ValueError, match="at least 4 MiB"):
        limit.check(1)
    with pytest.raises(ValueError, match="at least 64 KiB a second"):
        limit.check_io(1)
