"""Is there room for a cell: huge pages, memory, space on tmpfs, space on disk?

Each check says what is needed and what is there, and keeps a reserve for everything else that
runs on the machine.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from prefault_kit.host import accounts
from prefault_kit.host.footprint import Needs
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import cgroup, hugepages, mounts, proc
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.sizes import format_bytes

MIB = 1 << 20


def disk_reserve_bytes(total_bytes: int) -> int:
    """What is left free on a disk: 5 %."""
    return total_bytes // 20


def _two(needed: int, there: int) -> tuple[str, str]:
    """Say two sizes, exactly where the short form would make them look alike."""
    short = format_bytes(needed), format_bytes(there)
    return short if short[0] != short[1] else (f"{needed} bytes", f"{there} bytes")


def _fits(usable: int, needed: int, size_bytes: int, page_size_bytes: int) -> str:
    """A hint at the size that would fit, in whole MiB where there is one, or nothing."""
    most = usable * size_bytes // needed if needed else 0
    most -= most % max(page_size_bytes, MIB if most >= MIB else PAGE_SIZE_BYTES)
    if most < page_size_bytes:
        return ""
    size = f"{most // MIB} MiB" if most >= MIB else format_bytes(most)
    return f" (enough for a size of {size})"


def _surplus(pool: hugepages.Pool) -> int:
    """Huge pages that the kernel would add to a pool by itself (nr_overcommit_hugepages)."""
    directory = hugepages.POOLS / f"hugepages-{pool.page_size_bytes // 1024}kB"
    most, used = (
        int((directory / name).read_text())
        for name in ("nr_overcommit_hugepages", "surplus_hugepages")
    )
    account = accounts.tightest()
    return min(max(0, most - used), account.usable_bytes // pool.page_size_bytes)


def _huge_pages(backing: Backing, needed: int, size_bytes: int) -> Unavailable | None:
    page = backing.page_size_bytes
    pool = hugepages.pools().get(page)
    if pool is None:
        return Unavailable(f"this kernel has no huge pages of {format_bytes(page)}")
    pages, there = needed // page, pool.available + _surplus(pool)
    if pages > there:
        hint = _fits(there * page, needed, size_bytes, page)
        command: str | None = pool.command_for(pages)
        if (pages - there) * page > accounts.tightest().usable_bytes:
            command = None
            hint = hint or ", and memory does not suffice for so many"
        wanted = f"{pages} huge pages of {format_bytes(page)} are needed"
        if pages == 1:
            wanted = f"1 huge page of {format_bytes(page)} is needed"
        return Unavailable(
            f"{wanted}, but {there} of the {pool.total} in the pool are free{hint}",
            command,
        )
    for limit in cgroup.hugetlb_limits(page):
        if needed > limit.available_bytes:
            wanted, left = _two(needed, limit.available_bytes)
            return Unavailable(
                f"{wanted} of huge pages are needed, but the hugetlb cgroup of this process "
                f"leaves {left} of {format_bytes(limit.limit_bytes)}",
                limit.command_for(limit.used_bytes + needed),
            )
    return None


def check_memory(needs: Needs, *, size_bytes: int, page_size_bytes: int) -> Unavailable | None:
    """Whether there is too little memory, on the machine or in a cgroup; None if it suffices.

    ``size_bytes`` is the size that was asked for, and ``page_size_bytes`` what it is a multiple of:
    the sentence names one that would fit.
    """
    needed = needs.memory
    short = [account for account in accounts.accounts() if needed > account.usable_bytes]
    if not short:
        return None
    account = short[0]  # the machine first: a cgroup's limit can be raised, its memory not
    usable = min(each.usable_bytes for each in short)
    twice = ", for it is held twice, in the file and as private copies"
    twice = twice if needs.file_pages and needs.private_pages else ""
    own = f", {format_bytes(needs.kit)} of it for the kit's own lists" if needs.kit else ""
    wanted, left = _two(needed, account.usable_bytes)
    return Unavailable(
        f"{wanted} of memory are needed{twice}{own}, but {account.name} has {left} to give beside "
        f"a reserve of {format_bytes(account.reserve_bytes)}"
        f"{_fits(usable - needs.spare, needed - needs.spare, size_bytes, page_size_bytes)}",
        _command_for_memory(account, needed),
    )


def _command_for_memory(account: accounts.Account, needed: int) -> str | None:
    """Raise the cgroup's limit, or give back idle huge pages; None if that is too little."""
    missing = needed + account.reserve_bytes - account.available_bytes
    if account.limit is not None:
        # the reserve grows with the limit, by at most a quarter of what is added; what is in use
        # varies from start to start by some hundred KiB
        return account.limit.command_for(account.total_bytes + missing * 4 // 3 + MIB)
    for pool in hugepages.pools().values():
        pages = -(-missing // pool.page_size_bytes)
        if pages <= pool.available:
            return pool.command_for(pool.available - pages)
    return None


def _commit(backing: Backing, sharing: str, size_bytes: int) -> Unavailable | None:
    """Would mmap refuse by vm.overcommit_memory? (Documentation/mm/overcommit-accounting.rst)"""
    mode = int(Path("/proc/sys/vm/overcommit_memory").read_text())
    if sharing == "shared" and backing.on_disk:
        return None
    info = proc.meminfo()
    if mode == 0:
        most, name = info["MemTotal"] + info["SwapTotal"], "memory and swap together are"
    elif mode == 2:
        most = max(0, info["CommitLimit"] - info["Committed_AS"])
        name = "with vm.overcommit_memory at 2 the kernel still promises"
    else:
        return None
    if size_bytes <= most:
        return None
    wanted, left = _two(size_bytes, most)
    return Unavailable(
        f"a mapping of {wanted} is refused by the kernel: {name} {left}",
        f"sudo sysctl vm.overcommit_memory={1 if mode == 0 else 0}",
    )


def _space(directory: str) -> tuple[int, int]:
    """Free to this user, and total, in bytes; on tmpfs or hugetlbfs without a limit total is 0."""
    answer = os.statvfs(directory)
    return answer.f_bavail * answer.f_frsize, answer.f_blocks * answer.f_frsize


def _in_memory_file_system(
    kind: str, directory: str, needed: int, size_bytes: int
) -> Unavailable | None:
    free, total = _space(directory)
    if total == 0 or needed <= free:
        return None
    where = mounts.mount_of(directory).directory
    wanted, left = _two(needed, free)
    block = os.statvfs(directory).f_bsize
    return Unavailable(
        f"{wanted} are needed on the {kind} at {where}, but {left} of "
        f"{format_bytes(total)} are free{_fits(free, needed, size_bytes, block)}",
        f"sudo mount -o remount,size={total - free + needed} {shlex.quote(where)}",
    )


def _disk(directory: str, needed: int, size_bytes: int) -> Unavailable | None:
    free, total = _space(directory)
    reserve = disk_reserve_bytes(total)
    usable = max(0, free - reserve)
    if needed <= usable:
        return None
    wanted, left = _two(needed, usable)
    return Unavailable(
        f"{wanted} are needed on the disk of {directory}, which has {left} to give beside a "
        f"reserve of {format_bytes(reserve)}{_fits(usable, needed, size_bytes, PAGE_SIZE_BYTES)}: "
        "free some, or choose a directory on another disk"
    )


def check(*, backing: Backing, sharing: str, needs: Needs, size_bytes: int) -> Unavailable | None:
    """The first thing that there is not enough of, None if a cell fits."""
    directory, page_size_bytes = backing.find_directory(), backing.page_size_bytes
    if needs.hugetlb:
        short = _huge_pages(backing, needs.hugetlb, size_bytes)
        if directory and not short:
            short = _in_memory_file_system("hugetlbfs", directory, needs.hugetlb, size_bytes)
        return short or check_memory(needs, size_bytes=size_bytes, page_size_bytes=page_size_bytes)
    # memory first: a larger tmpfs is of no use without it
    short = check_memory(needs, size_bytes=size_bytes, page_size_bytes=page_size_bytes)
    if directory and needs.tmpfs and not short:
        short = _in_memory_file_system("tmpfs", directory, needs.tmpfs, size_bytes)
    if directory and needs.disk and not short:
        short = _disk(directory, needs.disk, size_bytes)
    return short or _commit(backing, sharing, size_bytes)
