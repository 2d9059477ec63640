"""What doctor prints: each backing and feature, tried."""

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefault_kit import Backing, Mapping, host
from prefault_kit.host import capability
from prefault_kit.kernel import hugepages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes

FILTERED = [sys.executable, str(Path(__file__).parents[1] / "filtered.py")]
OLD_KERNEL = [*FILTERED, "populate"]
DOCTOR = """
import json
from prefault_kit import host
print(json.dumps({each.name: [each.available, each.reason] for each in host.capabilities("/mnt")}))
"""
PAGE = format_bytes(PAGE_SIZE_BYTES)


def _by_name(directory: str) -> dict[str, host.Capability]:
    return {each.name: each for each in host.capabilities(directory)}


def test_names(disk: str) -> None:
    """Every backing and every feature is listed once."""
    names = [each.name for each in host.capabilities(disk)]
    assert len(names) == len(set(names))
    assert names[:4] == [f"anon {PAGE}", f"memfd {PAGE}", "tmpfs", "file"]
    huge = hugepages.default_size_bytes()
    if huge:
        for kind in ("anon", "memfd", "hugetlbfs"):
            assert f"{kind} {format_bytes(huge)}" in names
    assert names[-11:] == [
        "MADV_POPULATE_READ",
        "MADV_POPULATE_WRITE",
        "MADV_COLLAPSE",
        "PAGEMAP_SCAN",
        "cachestat",
        "O_TMPFILE",
        "mlock",
        "page faults",
        "memory cgroup",
        "idle pages kept",
        "userfaultfd write-protect",
    ]


def test_reasons(disk: str) -> None:
    """What is available has no reason and no command; what is not has a reason."""
    for each in host.capabilities(disk):
        assert each.detail
        if each.available:
            assert (each.reason, each.command) == (None, None)
        else:
            assert each.reason


def test_available_backings_work(disk: str) -> None:
    """What is said to be available can be mapped and written, what is not cannot."""
    found = _by_name(disk)
    backings = [Backing.anon(), Backing.memfd(), Backing.tmpfs(), Backing.file(disk)]
    huge = hugepages.default_size_bytes()
    if huge:
        backings += [Backing.anon(huge), Backing.memfd(huge), Backing.hugetlbfs()]
    for backing in backings:
        named = backing.kind if backing.kind in ("tmpfs", "file") else None
        name = named or f"{backing.kind} {format_bytes(backing.page_size_bytes)}"
        try:
            with Mapping(backing, backing.page_size_bytes, "shared") as page:
                page.touch_write()
            works = True
        except OSError:
            works = False
        assert found[name].available == works, found[name]


def test_nothing_is_left(disk: str) -> None:
    """Trying everything leaves no file and no descriptor."""
    host.capabilities(disk)
    before = os.listdir(disk), len(os.listdir("/proc/self/fd"))
    host.capabilities(disk)
    assert (os.listdir(disk), len(os.listdir("/proc/self/fd"))) == before


def test_missing_directory() -> None:
    """A missing directory makes file and O_TMPFILE unavailable, and nothing else fails."""
    found = _by_name("/nonexistent")
    assert found["file"].reason == "the directory /nonexistent does not exist"
    assert found["file"].command == "mkdir -p /nonexistent"
    assert not found["O_TMPFILE"].available
    assert found[f"memfd {PAGE}"].available


def test_current_directory(disk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a directory the current one is tried."""
    monkeypatch.chdir(disk)
    found = {each.name: each for each in host.capabilities()}
    assert found["file"].available
    assert found["file"].detail.startswith(disk)


def test_old_kernel(run_json: Callable[[list[str]], Any]) -> None:
    """Without MADV_POPULATE the two features are missing, and the backings still work."""
    found = run_json([*OLD_KERNEL, sys.executable, "-c", DOCTOR])
    for advice in ("MADV_POPULATE_READ", "MADV_POPULATE_WRITE"):
        available, reason = found[advice]
        assert not available
        assert f"madvise({advice}) answers EINVAL" in reason
    assert found[f"anon {PAGE}"] == [True, None]


def test_file_on_tmpfs(
    namespace: Callable[[str], list[str]], run_json: Callable[[list[str]], Any]
) -> None:
    """A directory on tmpfs is no place for backing file."""
    before = namespace("mount -t tmpfs none /mnt")
    available, reason = run_json([*before, sys.executable, "-c", DOCTOR])["file"]
    assert not available
    assert "choose backing tmpfs" in reason


@pytest.mark.parametrize("kind", ["anon", "memfd", "hugetlbfs"])
def test_empty_pool(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without huge pages in the pool the command reserves a useful number of them."""
    size = hugepages.default_size_bytes()
    if size is None:
        pytest.skip("this kernel has no huge pages")
    directory = tmp_path / f"hugepages-{size // 1024}kB"
    directory.mkdir()
    for name in ("nr", "free", "resv", "surplus", "nr_overcommit"):
        (directory / f"{name}_hugepages").write_text("0\n")
    monkeypatch.setattr(hugepages, "POOLS", tmp_path)
    found = capability._huge(Backing(kind, size), kind, hugepages.pools()[size])
    assert not found.available
    assert found.reason is not None
    assert found.reason.startswith(f"no huge page of {format_bytes(size)} is free in a pool of 0")
    assert found.command is not None
    words = shlex.split(found.command)
    assert words[0] == "echo"
    assert 0 < int(words[1]) * size <= capability.SUGGESTED_BYTES
    assert str(directory / "nr_hugepages") in found.command


def test_userfaultfd(disk: str) -> None:
    """The detail names what the kernel offers."""
    found = _by_name(disk)["userfaultfd write-protect"]
    if found.available:
        assert "write-protect" in found.detail
    else:
        assert found.reason


def test_ordinary_user(disk: str, ordinary_user: None) -> None:
    """All of it works without privilege, and mlock names the limit."""
    found: dict[str, Any] = _by_name("/usr")
    assert found[f"anon {PAGE}"].available
    assert not found["file"].available
    assert "of locked memory" in found["mlock"].detail or "without" in found["mlock"].detail


def test_damon_is_told(disk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel takes idle pages by itself, who does it, and the command that stops it."""
    monkeypatch.setattr(capability.damon, "threads", lambda: ["kdamond.2"])
    told = next(each for each in host.capabilities(disk) if each.name == "idle pages kept")
    assert not told.available
    assert told.reason is not None
    assert "kdamond.2" in told.reason
    assert told.command == "echo off | sudo tee /sys/kernel/mm/damon/admin/kdamonds/2/state"
