"""why_not: one answer for each cell, the first thing that stops it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefault_kit import Backing, Experiment, host
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory import methods

TIB = 1 << 40


def _why_not(**changed: Any) -> host.Unavailable | None:
    cell: dict[str, Any] = {
        "backing": Backing.memfd(),
        "sharing": "shared",
        "method": "POPULATE_WRITE",
        "size_bytes": PAGE_SIZE_BYTES,
    }
    return host.why_not(**(cell | changed))


@pytest.mark.parametrize("name", [name for name in methods.METHODS if name != "MADV_COLLAPSE"])
@pytest.mark.parametrize("start", ["empty", "cached"])
def test_small_cells_run(name: str, start: str) -> None:
    """Every method runs on a page of shared memory here, as the experiment also finds."""
    assert _why_not(method=name, start=start) is None
    cell = Experiment(Backing.memfd(), "shared", name, PAGE_SIZE_BYTES, start=start)
    assert cell.why_not() is None


def test_senseless_first() -> None:
    """A method that makes no sense is told before a directory that is missing."""
    found = _why_not(backing=Backing.file("/nonexistent"), sharing="private", method="FALLOCATE")
    assert found is not None
    assert "choose shared" in found.reason


def test_place_before_room() -> None:
    """A missing directory is told before a size that is too large."""
    found = _why_not(backing=Backing.file("/nonexistent"), size_bytes=TIB)
    assert found is not None
    assert found.reason == "the directory /nonexistent does not exist"


def test_unknown_method() -> None:
    """An unknown method is the caller's error."""
    with pytest.raises(ValueError, match="did you mean 'POPULATE_READ'"):
        _why_not(method="POPULATE_RAED")


@pytest.mark.parametrize("backing", [Backing.anon(), Backing.memfd(), Backing.tmpfs()])
@pytest.mark.parametrize("sharing", ["private", "shared"])
def test_too_large_to_write(backing: Backing, sharing: str) -> None:
    """1 TiB more than the machine has is refused for every kind of memory."""
    size = int(str(host.facts()["memory_bytes"])) // TIB * TIB + TIB
    found = _why_not(backing=backing, sharing=sharing, size_bytes=size)
    assert found is not None
    assert "needed" in found.reason


def test_threads_take_nothing() -> None:
    """The number of threads does not change the answer."""
    assert _why_not(threads=64) is None


def test_cold_needs_the_disk(disk: str) -> None:
    """Reading a hole takes no disk, and a file with data takes its whole size."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    backing = Backing.file(disk)
    answers = {
        start: _why_not(backing=backing, method="Read", size_bytes=free, start=start)
        for start in ("empty", "cold")
    }
    assert answers["cold"] is not None
    assert answers["empty"] is None or "disk" not in answers["empty"].reason


def test_reads_only(disk: str) -> None:
    """Asking about cells changes no setting and leaves no file."""
    settings = [
        Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"),
        Path("/proc/sys/vm/overcommit_memory"),
        Path("/proc/self/limits"),
        Path("/proc/self/mountinfo"),
    ]
    before = [path.read_text() for path in settings if path.exists()], os.listdir(disk)
    for backing in (Backing.file(disk), Backing.tmpfs(), Backing.hugetlbfs(), Backing.anon()):
        for name in methods.METHODS:
            _why_not(backing=backing, method=name)
    after = [path.read_text() for path in settings if path.exists()], os.listdir(disk)
    assert after == before


def test_ordinary_user(ordinary_user: None) -> None:
    """All of it works without privilege."""
    assert _why_not() is None
    assert _why_not(backing=Backing.anon(), sharing="private") is None


def test_no_error_escapes(tmp_path: Path) -> None:
    """Odd directories give an answer, never an exception."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for directory in ("", "\n", "/proc/self/fd", "/dev/null", str(tmp_path / "loop"), "/sys", "."):
        make: Callable[[str], Backing]
        for make in (Backing.file, Backing.tmpfs, Backing.hugetlbfs):
            found = _why_not(backing=make(directory))
            assert found is None or found.reason
