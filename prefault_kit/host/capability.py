"""What this host can run and what it cannot: every backing and every kernel feature, tried.

Each is tried by doing it once, on as little memory as it takes; nothing is left behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prefault_kit.host import (
    accounts,
    damon,
    features,
    footprint,
    place,
    process,
    rlimits,
    space,
    thp,
)
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import hugepages, mounts, perf, userfaultfd
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory import methods
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.memory.sizes import format_bytes

SUGGESTED_BYTES = 2 << 30
"""How much of huge pages the command asks for: 1024 of 2 MiB, and less on a small machine."""


@dataclass(frozen=True)
class Capability:
    """One thing that this host can do, or cannot."""

    name: str
    available: bool
    detail: str
    """What was found, in plain words."""
    reason: str | None = None
    """Why not, in one sentence; None if it is available."""
    command: str | None = None
    """The shell command that would enable it, None if it is available or none would."""


def _capability(name: str, detail: str, missing: Unavailable | None) -> Capability:
    if missing is None:
        return Capability(name, True, detail)
    return Capability(name, False, detail, missing.reason, missing.command)


def _touch(backing: Backing) -> Unavailable | None:
    """Write one page of a backing."""
    try:
        with Mapping(backing, backing.page_size_bytes, "shared") as page:
            page.touch_write()
    except OSError as error:
        return Unavailable(f"writing one page of {backing.label} failed: {error.strerror}")
    return None


def _backing(backing: Backing) -> Unavailable | None:
    """Whether one page of a backing can be had, with room to spare where it is on disk."""
    if stop := place.check(backing):
        return stop
    size = backing.page_size_bytes
    directory = backing.find_directory()
    taken = footprint.of(
        backing=backing,
        sharing="shared",
        method=methods.method("Write"),
        size_bytes=size,
        start="empty",
        file_system=mounts.file_system(directory) if directory else None,
    )
    return space.check(backing=backing, sharing="shared", needs=taken, size_bytes=size) or _touch(
        backing
    )


def _memory_detail() -> str:
    account = accounts.tightest()
    return f"{format_bytes(account.usable_bytes)} may be used ({account.name})"


def _space_detail(directory: str) -> str:
    answer = os.statvfs(directory)
    free = answer.f_bavail * answer.f_frsize
    if not answer.f_blocks:
        return "without a limit of its own"
    return f"{format_bytes(free)} free"


def _pool_detail(pool: hugepages.Pool) -> str:
    size = format_bytes(pool.page_size_bytes)
    return f"{pool.available} of {pool.total} pages of {size} free"


def _huge(backing: Backing, name: str, pool: hugepages.Pool) -> Capability:
    """A backing of huge pages: the pool comes first, since a mount is of no use without one."""
    detail = _pool_detail(pool)
    size = pool.page_size_bytes
    missing = _backing(backing)
    if missing and not pool.available:
        most = min(SUGGESTED_BYTES, accounts.tightest().usable_bytes // 4) // size
        reason = f"no huge page of {format_bytes(size)} is free in a pool of {pool.total}"
        if most == 0:
            missing = Unavailable(f"{reason}, and memory does not suffice for more")
        else:
            command = pool.command_for(most)
            if backing.kind == "hugetlbfs" and missing.command and "mount" in missing.command:
                command += f" && {missing.command}"
                reason += f", and {missing.reason}"
            missing = Unavailable(reason, command)
    elif missing is None and backing.kind == "hugetlbfs":
        detail += f", at {backing.find_directory()}"
    return _capability(name, detail, missing)


def _backings(directory: str) -> Iterator[Capability]:
    for backing in (Backing.anon(), Backing.memfd()):
        name = f"{backing.kind} {format_bytes(PAGE_SIZE_BYTES)}"
        yield _capability(name, _memory_detail(), _backing(backing))
    tmpfs = Backing.tmpfs()
    where = tmpfs.find_directory()
    detail = f"{where}, {_space_detail(where)}" if where else "no directory of this user's"
    yield _capability("tmpfs", detail, _backing(tmpfs))
    missing = _backing(Backing.file(directory))
    detail = directory
    if os.path.isdir(directory):
        detail += f" on {mounts.file_system(directory)}, {_space_detail(directory)}"
    yield _capability("file", detail, missing)

    default = hugepages.default_size_bytes()
    pools = hugepages.pools()
    if not pools:
        lacking = Unavailable("this kernel is built without hugetlb pages")
        for name in ("anon huge", "memfd huge", "hugetlbfs"):
            yield _capability(name, "no huge page sizes", lacking)
    for size, pool in pools.items():
        if size == default or pool.total:
            for backing in (Backing.anon(size), Backing.memfd(size), Backing("hugetlbfs", size)):
                yield _huge(backing, f"{backing.kind} {format_bytes(size)}", pool)


def _userfaultfd() -> Capability:
    missing = features.userfaultfd()
    offered = [] if missing else userfaultfd.features()
    missing = missing or features.userfaultfd("write-protect")
    return _capability("userfaultfd write-protect", ", ".join(offered) or "none", missing)


def _mlock_detail() -> str:
    limit = rlimits.memlock_bytes()
    return "without a limit" if limit is None else f"up to {format_bytes(limit)} of locked memory"


def _faults_detail() -> str:
    try:
        os.close(perf.open_event(0, major=False))
    except OSError:
        return "each with its address, but for those that the kernel takes for a program"
    return "each with its address, as perf_event_open tells them"


def _cgroup_detail() -> str:
    limited = [account for account in accounts.accounts() if account.limit]
    if not limited:
        return "no limit below the machine's memory"
    account = min(limited, key=lambda each: each.usable_bytes)
    return (
        f"limit {format_bytes(account.total_bytes)}, "
        f"of which {format_bytes(account.available_bytes)} are free"
    )


def _collapse_detail() -> str:
    size = thp.size_bytes()
    return "no transparent huge pages" if size is None else f"into pages of {format_bytes(size)}"


def _idle_pages_kept() -> Unavailable | None:
    threads = damon.threads()
    if not threads:
        return None
    numbers = [name.rpartition(".")[2] for name in threads]
    files = " ".join(f"/sys/kernel/mm/damon/admin/kdamonds/{each}/state" for each in numbers)
    return Unavailable(
        f"DAMON ({', '.join(threads)}) may evict them at any time: counts of cached pages can fall "
        "between two looks",
        f"echo off | sudo tee {files}",
    )


def _features(directory: str) -> Iterator[Capability]:
    tried: tuple[tuple[str, str, Callable[[], Unavailable | None]], ...] = (
        (
            "MADV_POPULATE_READ",
            "maps every page readable",
            lambda: features.populate("MADV_POPULATE_READ"),
        ),
        (
            "MADV_POPULATE_WRITE",
            "maps every page writable",
            lambda: features.populate("MADV_POPULATE_WRITE"),
        ),
        ("MADV_COLLAPSE", _collapse_detail(), lambda: features.collapse("anon", "private")),
        (
            "PAGEMAP_SCAN",
            "tells zero and huge pages apart; without it pagemap counts present pages only",
            features.pagemap_scan,
        ),
        (
            "cachestat",
            "counts dirty pages of a file; without it mincore counts cached pages only",
            features.cachestat,
        ),
        (
            "O_TMPFILE",
            "files without a name; without it they are unlinked at once",
            lambda: features.o_tmpfile(directory),
        ),
        ("mlock", _mlock_detail(), features.mlock),
        ("page faults", _faults_detail(), features.fault_events),
        ("memory cgroup", _cgroup_detail(), lambda: None),
        ("idle pages kept", "until memory is short", _idle_pages_kept),
    )
    for name, detail, probe in tried:
        yield _capability(name, detail, probe())
    yield _userfaultfd()


def _current_directory() -> str:
    """By its name, if it has one still."""
    return os.curdir if process.lost_directory() else os.getcwd()


def capabilities(directory: str | os.PathLike[str] | None = None) -> list[Capability]:
    """Try every backing, with files in ``directory`` (or the current one), then every feature."""
    where = os.fspath(directory) if directory is not None else _current_directory()
    return [*_backings(where), *_features(where)]
