"""Room for a cell: both figures in the sentence, a command that is enough, and a reserve kept."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.host import accounts, space
from prefault_kit.host.footprint import Needs
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import hugepages, proc
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes

Ask = Callable[..., Any]
Namespace = Callable[[str], list[str]]

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
CELL = "sharing='shared', method='POPULATE_WRITE', backing=Backing"


def _check(backing: Backing, taken: Needs, size_bytes: int) -> Unavailable | None:
    return space.check(backing=backing, sharing="shared", needs=taken, size_bytes=size_bytes)


def _short(backing: Backing, taken: Needs, size_bytes: int) -> Unavailable:
    found = _check(backing, taken, size_bytes)
    assert found is not None
    return found


def test_small_fits() -> None:
    """A page fits."""
    assert _check(Backing.memfd(), Needs(file_pages=PAGE_SIZE_BYTES), PAGE_SIZE_BYTES) is None


def test_more_than_the_machine() -> None:
    """More than the machine has is refused with both figures, and a size that fits is named."""
    total = proc.meminfo()["MemTotal"]
    size = total - total % MIB + MIB
    found = _short(Backing.memfd(), Needs(file_pages=size), size)
    assert "of memory are needed, but" in found.reason
    assert "beside a reserve of" in found.reason
    fits = int(found.reason.partition("enough for a size of ")[2].partition(" MiB")[0])
    spare = 64 * MIB  # other processes take memory meanwhile
    assert _check(Backing.memfd(), Needs(file_pages=fits * MIB - spare), fits * MIB) is None


def test_reserve_of_memory_is_kept() -> None:
    """What is available is refused where it would eat the reserve."""
    account = accounts.tightest()
    size = account.available_bytes - account.reserve_bytes // 2
    assert _check(Backing.anon(), Needs(private_pages=size), size) is not None


def test_held_twice() -> None:
    """Where memory is short because it is held twice, the sentence says so."""
    size = accounts.tightest().available_bytes
    once = _short(Backing.memfd(), Needs(file_pages=2 * size), size)
    twice = _short(Backing.memfd(), Needs(file_pages=size, private_pages=size), size)
    assert "held twice" not in once.reason
    assert "held twice, in the file and as private copies" in twice.reason


def test_zero_page_beyond_memory() -> None:
    """The kernel's refusal to map more than memory and swap is foreseen (overcommit mode 0)."""
    mode = Path("/proc/sys/vm/overcommit_memory").read_text().strip()
    info = proc.meminfo()
    size = 2 * (info["MemTotal"] + info["SwapTotal"])
    found = space.check(backing=Backing.anon(), sharing="private", needs=Needs(), size_bytes=size)
    if mode == "1":
        assert found is None
    else:
        assert found is not None
        assert "is refused by the kernel" in found.reason
        with pytest.raises(OSError, match="mmap"):
            Mapping(Backing.anon(), size - size % PAGE_SIZE_BYTES)


def test_disk_reserve(disk: str) -> None:
    """A disk is never filled: 5 % stay free, and what leaves them free is allowed."""
    free, total = space._space(disk)
    taken = Needs(disk=free - total // 20 + MIB)
    found = _short(Backing.file(disk), taken, taken.disk)
    assert f"are needed on the disk of {disk}" in found.reason
    assert "to give beside a reserve of" in found.reason
    usable = free - total // 20 - min(256 * MIB, total // 8)  # others write meanwhile
    if usable > 0:
        assert _check(Backing.file(disk), Needs(disk=usable), usable) is None


def test_disk_reserve_of_a_small_disk() -> None:
    """The reserve of a small test file system is in proportion: 16 MiB of 320."""
    assert space.disk_reserve_bytes(320 * MIB) == 16 * MIB


def test_tmpfs_size(ask: Ask, namespace: Namespace) -> None:
    """A tmpfs of 1 MiB takes 1 MiB, and refuses a page more with the command that enlarges it."""
    line = "mount -t tmpfs -o size=1m none /mnt"
    fits = f"{CELL}.tmpfs('/mnt'), size_bytes=1 << 20"
    larger = f"{CELL}.tmpfs('/mnt'), size_bytes=(1 << 20) + {PAGE_SIZE_BYTES}"
    assert ask(namespace(line), fits) is None
    reason, command = ask(namespace(line), larger)
    size = MIB + PAGE_SIZE_BYTES
    assert reason == (
        f"{space._two(size, MIB)[0]} are needed on the tmpfs at /mnt, but "
        f"{space._two(size, MIB)[1]} "
        "of 1 MiB are free (enough for a size of 1 MiB)"
    )
    assert command == f"sudo mount -o remount,size={size} /mnt"
    if os.geteuid() == 0:
        enlarged = f"{line} && {command.removeprefix('sudo ')}"
        assert ask(namespace(enlarged), larger) is None


def test_tmpfs_in_use(ask: Ask, namespace: Namespace) -> None:
    """What other files hold of a tmpfs is not free, and the command counts it in."""
    line = "mount -t tmpfs -o size=4m none /mnt && head -c 3M /dev/zero > /mnt/other"
    reason, command = ask(namespace(line), f"{CELL}.tmpfs('/mnt'), size_bytes=2 << 20")
    assert "2 MiB are needed on the tmpfs at /mnt, but 1 MiB of 4 MiB are free" in reason
    assert command == f"sudo mount -o remount,size={5 * MIB} /mnt"


def test_tmpfs_without_a_limit(ask: Ask, namespace: Namespace) -> None:
    """A tmpfs of size 0 has no limit of its own."""
    line = "mount -t tmpfs -o size=0 none /mnt"
    assert ask(namespace(line), f"{CELL}.tmpfs('/mnt'), size_bytes=1 << 20") is None


def test_read_of_a_private_tmpfs_file(ask: Ask, namespace: Namespace) -> None:
    """Reading a hole on tmpfs allocates too, so a small tmpfs refuses it."""
    line = "mount -t tmpfs -o size=1m none /mnt"
    cell = "sharing='private', method='Read', backing=Backing.tmpfs('/mnt'), size_bytes=2 << 20"
    reason, _ = ask(namespace(line), cell)
    assert "on the tmpfs at /mnt" in reason


# Huge pages: the pools of other machines, in a copy of their sysfs


def _pool(top: Path, page_size_bytes: int, **counts: int) -> None:
    directory = top / f"hugepages-{page_size_bytes // KIB}kB"
    directory.mkdir()
    for name in ("nr", "free", "resv", "surplus", "nr_overcommit"):
        (directory / f"{name}_hugepages").write_text(f"{counts.get(name, 0)}\n")


@pytest.fixture
def pools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory in place of /sys/kernel/mm/hugepages."""
    monkeypatch.setattr(hugepages, "POOLS", tmp_path)
    return tmp_path


def test_reserved_huge_pages_are_not_free(pools: Path) -> None:
    """Pages that another mapping has reserved do not count; the command adds to the pool."""
    _pool(pools, 2 * MIB, nr=10, free=6, resv=4)
    backing = Backing.memfd(2 * MIB)
    assert _check(backing, Needs(hugetlb=4 * MIB), 4 * MIB) is None
    found = _short(backing, Needs(hugetlb=6 * MIB), 6 * MIB)
    assert found.reason == (
        "3 huge pages of 2 MiB are needed, but 2 of the 10 in the pool are free "
        "(enough for a size of 4 MiB)"
    )
    assert found.command == f"echo 11 | sudo tee {pools}/hugepages-2048kB/nr_hugepages"


def test_surplus_huge_pages(pools: Path) -> None:
    """Pages that the kernel may add by itself count as free ones."""
    _pool(pools, 2 * MIB, nr=3, free=1, surplus=1, nr_overcommit=3)
    backing = Backing.memfd(2 * MIB)
    assert _check(backing, Needs(hugetlb=6 * MIB), 6 * MIB) is None
    assert "but 3 of the 3" in _short(backing, Needs(hugetlb=8 * MIB), 8 * MIB).reason


def test_huge_pages_of_aarch64(pools: Path) -> None:
    """With pages of 64 KiB the huge ones are 2 MiB, 512 MiB and 16 GiB, each with its pool."""
    _pool(pools, 2 * MIB, nr=8, free=8)
    _pool(pools, 512 * MIB)
    _pool(pools, 16 * GIB)
    found = _short(Backing.anon(512 * MIB), Needs(hugetlb=512 * MIB), 512 * MIB)
    assert found.reason == "1 huge page of 512 MiB is needed, but 0 of the 0 in the pool are free"
    assert found.command == f"echo 1 | sudo tee {pools}/hugepages-524288kB/nr_hugepages"


def test_huge_pages_beyond_memory(pools: Path) -> None:
    """No command is told that would ask for more huge pages than memory can give."""
    _pool(pools, 2 * MIB)
    size = proc.meminfo()["MemTotal"] // (2 * MIB) * 2 * MIB
    found = _short(Backing.anon(2 * MIB), Needs(hugetlb=size), size)
    assert found.reason.endswith(", and memory does not suffice for so many")
    assert found.command is None


def test_no_such_huge_pages(pools: Path) -> None:
    """A page size that the kernel has no pool for is told."""
    found = _short(Backing("hugetlbfs", 2 * MIB), Needs(hugetlb=2 * MIB), 2 * MIB)
    assert found.reason == "this kernel has no huge pages of 2 MiB"


def test_idle_huge_pages_are_given_back(pools: Path) -> None:
    """Where memory is short and free huge pages hold it, the command gives back just enough."""
    account = accounts.Account("this machine", 4 * GIB, GIB)
    _pool(pools, 2 * MIB, nr=1024, free=1000, resv=0)
    missing = 300 * MIB
    command = space._command_for_memory(account, account.usable_bytes + missing)
    assert command == f"echo {1024 - 150} | sudo tee {pools}/hugepages-2048kB/nr_hugepages"
    assert space._command_for_memory(account, account.usable_bytes + 3 * GIB) is None


@pytest.mark.alone
def test_real_pool() -> None:
    """The real pool: one page more than it can give is refused, what it has is allowed."""
    size = hugepages.default_size_bytes()
    if size is None:
        pytest.skip("this kernel has no huge pages")
    pool = hugepages.pools()[size]
    there = pool.available + space._surplus(pool)
    found = _short(Backing.anon(size), Needs(hugetlb=(there + 1) * size), (there + 1) * size)
    assert f"but {there} of the {pool.total} in the pool are free" in found.reason
    if there:
        assert _check(Backing.anon(size), Needs(hugetlb=there * size), there * size) is None


def test_two_figures_differ() -> None:
    """Two sizes that look alike in short are given in bytes."""
    assert space._two(GIB, 2 * GIB) == ("1 GiB", "2 GiB")
    assert space._two(GIB + PAGE_SIZE_BYTES, GIB) == (
        f"{GIB + PAGE_SIZE_BYTES} bytes",
        f"{GIB} bytes",
    )


def test_the_kit_s_own_memory_is_named() -> None:
    """What it needs is in the sentence, and a size that fits leaves out what no size changes."""
    usable = accounts.tightest().usable_bytes
    taken = Needs(file_pages=usable, kit=usable, spare=usable // 2)
    found = _short(Backing.memfd(), taken, 1 << 30)
    assert f", {format_bytes(usable)} of it for the kit's own lists, but" in found.reason
    fits = int(found.reason.partition("enough for a size of ")[2].partition(" MiB")[0])
    assert fits == pytest.approx(256, abs=4)  # half of what is usable is for twice that per GiB
    found = _short(Backing.memfd(), Needs(file_pages=PAGE_SIZE_BYTES, spare=2 * usable), 1 << 30)
    assert "enough for a size" not in found.reason


@pytest.mark.needs("hugetlb")
def test_huge_pages_are_not_all_that_a_cell_of_them_takes(huge_page_bytes: int) -> None:
    """The kit's own memory is none of the pool's."""
    taken = Needs(hugetlb=huge_page_bytes, kit=2 * accounts.tightest().usable_bytes)
    found = _short(Backing.memfd(huge_page_bytes), taken, huge_page_bytes)
    assert "for the kit's own lists" in found.reason
