"""Every mapping of a process at one moment, and what it cost the process to be looked at.

The list of mappings is had without a lock (Linux 6.17). Page tables are counted in pieces. smaps,
which alone tells flags and dirty pages, walks a whole mapping under the process's mmap_lock, so it
is read only as far as no mapping would take too long: ``longest_ms``.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import mapped_file, numa_maps, page_cache, pagemap, smaps
from prefault_kit.kernel.address_space import Region
from prefault_kit.kernel.looking import Looking
from prefault_kit.kernel.process import ProcessDirectory, Stat
from prefault_kit.kernel.smaps import Record
from prefault_kit.studies.process import access
from prefault_kit.studies.process.mapping import (
    FILE,
    MEMFD,
    SHARED,
    FileState,
    ProcessMapping,
    asks,
    kind_of,
)

LONGEST_MS = 5
"""How long looking may hold the process up at a time, unless something else is asked for."""
WALK_NS = 100
"""What smaps takes for a small page until it is known better: seen in a virtual machine, and three
times what it takes on plain hardware."""
TIMES_SCAN = 3
"""As much as PAGEMAP_SCAN has taken for a page, which is known when smaps begins; the scan itself
takes as much where it asks whether a page is a file's."""
MOST_WALK_NS = 200
KNOWN_PAGES = 20_000
"""After so many it is known better."""
FILES_S = 0.5
"""How long files are asked for what is cached of them, the largest mappings first."""
COMMAND_LINE_BYTES = 4096
CAP_IPC_LOCK = 14
"""Bit of the capability that lifts the limit of locked memory, include/uapi/linux/capability.h."""
HIGHEST = 1 << 63
"""Above lie mappings of the kernel ([vsyscall]) that page tables of the process do not have."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Overview:
    """A process at one moment."""

    pid: int
    asked_pid: int
    """Another than ``pid`` if a thread was asked for."""
    start_ticks: int
    """With ``pid``, its identity."""
    stat: Stat
    command_line: str
    status: dict[str, str]
    """/proc/PID/status, as it stands."""
    memlock_bytes: int | None
    """How much it may lock; None without a limit."""
    mappings: tuple[ProcessMapping, ...]
    """Ascending by address."""
    missing: tuple[Unavailable, ...]
    """What could not be found out, and what would help."""
    looking: Looking
    """What looking cost the process."""
    taken_ns: int
    """When, by CLOCK_MONOTONIC."""
    elapsed_ms: float
    """How long it took whoever looked."""

    def status_bytes(self, name: str) -> int | None:
        """A size of the status, such as ``VmRSS``; None where this kernel has none."""
        return status_bytes(self.status, name)

    @property
    def largest(self) -> list[ProcessMapping]:
        """The mappings with the most memory first."""
        return sorted(self.mappings, key=lambda each: (-(each.resident_bytes or 0), each.address))

    def at(self, address: int) -> ProcessMapping:
        """The mapping that has an address; ValueError if none has."""
        for each in self.mappings:
            if each.head.address <= address < each.head.end:
                return each
        raise ValueError(f"process {self.pid} has no mapping at 0x{address:x}")


def status_bytes(status: dict[str, str], name: str) -> int | None:
    """A size of /proc/PID/status in bytes.

    >>> status_bytes({"VmPTE": "44 kB"}, "VmPTE"), status_bytes({}, "VmPTE")
    (45056, None)
    """
    value = status.get(name)
    return None if value is None else int(value.removesuffix("kB")) * 1024


def nothing(part: float, words: str) -> None:
    pass


def take(
    process: ProcessDirectory,
    *,
    longest_ms: float = LONGEST_MS,
    files: bool = True,
    on_progress: Progress = nothing,
) -> Overview:
    """Look once. OSError as it comes; ProcessLookupError in a sentence where there is no memory."""
    began = time.perf_counter_ns()
    looking = Looking()
    missing: list[Unavailable] = []
    on_progress(0, "mappings")
    if why := access.without_memory(process):
        raise why
    heads = _heads(process)
    counts = _counts(process, heads, looking, missing, on_progress)
    on_progress(0.4, "smaps")
    records = _records(process, heads, counts, looking, missing, longest_ms)
    nodes = _nodes(process, counts, looking, missing, longest_ms)
    on_progress(0.7, "files")
    states = _files(process, heads, counts, missing, on_progress) if files else {}
    status, stat = process.status(), process.stat()
    taken = time.monotonic_ns()
    mappings = []
    for head in heads:
        record = records.get((head.address, head.length))
        mappings.append(
            ProcessMapping(
                head,
                record.usage if record else None,
                counts.get(head.address),
                record.page_size_bytes if record else None,
                record.thp_eligible if record else None,
                states.get(head.address),
                nodes.get(head.address) if nodes is not None else None,
            )
        )
    return Overview(
        pid=process.pid,
        asked_pid=process.asked_pid,
        start_ticks=process.start_ticks,
        stat=stat,
        command_line=_command_line(process),
        status=status,
        memlock_bytes=_memlock(process, status),
        mappings=tuple(mappings),
        missing=tuple(missing),
        looking=looking,
        taken_ns=taken,
        elapsed_ms=(time.perf_counter_ns() - began) / 1e6,
    )


def totals(process: ProcessDirectory) -> Overview:
    """What any user may see: an overview without mappings."""
    status = process.status()
    return Overview(
        pid=process.pid,
        asked_pid=process.asked_pid,
        start_ticks=process.start_ticks,
        stat=process.stat(),
        command_line=_command_line(process),
        status=status,
        memlock_bytes=_memlock(process, status),
        mappings=(),
        missing=(),
        looking=Looking(),
        taken_ns=time.monotonic_ns(),
        elapsed_ms=0.0,
    )


def _heads(process: ProcessDirectory) -> list[Region]:
    return [each for each in process.regions() if each.address < HIGHEST]


def _command_line(process: ProcessDirectory) -> str:
    """Its words with blanks between; the beginning of a long one."""
    fd = process.open("cmdline")
    try:
        words = os.read(fd, COMMAND_LINE_BYTES)
    finally:
        os.close(fd)
    return os.fsdecode(words).rstrip("\0").replace("\0", " ")


def _memlock(process: ProcessDirectory, status: dict[str, str]) -> int | None:
    if int(status.get("CapEff", "0"), 16) >> CAP_IPC_LOCK & 1:
        return None
    return process.limits().get("Max locked memory")


def _counts(
    process: ProcessDirectory,
    heads: Sequence[Region],
    looking: Looking,
    missing: list[Unavailable],
    on_progress: Progress,
) -> dict[int, pagemap.PageCounts]:
    """The pages of each mapping by the page tables, by its address."""
    found: dict[int, pagemap.PageCounts] = {}
    fd = process.open("pagemap")
    try:
        for number, head in enumerate(heads):
            ask = asks(head)
            size = head.length
            try:
                counts = pagemap.count_pages(fd, head.address, size, looking, file=ask)
            except OSError as error:
                if error.errno not in (errno.ENOTTY, errno.EINVAL, errno.EPERM):
                    raise
                missing.append(
                    Unavailable(
                        "this kernel has no PAGEMAP_SCAN (Linux 6.7): what is mapped is known by "
                        "smaps alone, not the zero page"
                    )
                )
                return {}
            if not head.private:
                counts = counts._replace(file=counts.present)
            found[head.address] = counts
            if number % 256 == 0:
                on_progress(0.4 * number / len(heads), "page tables")
    finally:
        os.close(fd)
    return found


class _Pace:
    """Whether smaps may walk a mapping: how long that would take, by what others took."""

    def __init__(
        self,
        heads: Sequence[Region],
        counts: dict[int, pagemap.PageCounts],
        looking: Looking,
        longest_ms: float,
    ) -> None:
        self.heads = list(heads)
        self.counts = counts
        self.looking = looking
        self.longest_ns = longest_ms * 1e6
        self.refused: tuple[Region, float] | None = None
        """The mapping that would take too long, and how long, in nanoseconds."""
        self._at = 0
        self._walked = 0
        self._began_ns = looking.elapsed_ns
        self._rate: float = WALK_NS
        scanned = sum(self._small(each) * (TIMES_SCAN if asks(each) else 1) for each in self.heads)
        if scanned > KNOWN_PAGES:  # so fast is this machine now
            self._rate = min(MOST_WALK_NS, TIMES_SCAN * looking.elapsed_ns / scanned)

    def may_walk(self, passed: int) -> bool:
        """Whether the mapping behind ``passed`` may be walked."""
        while self._at < len(self.heads) and self.heads[self._at].address < passed:
            self._walked += self._small(self.heads[self._at])
            self._at += 1
        if self._at == len(self.heads):
            return True
        head = self.heads[self._at]
        rate = self._rate
        if self._walked > KNOWN_PAGES:
            rate = (self.looking.elapsed_ns - self._began_ns) / self._walked
        takes = self._small(head) * rate
        if takes <= self.longest_ns:
            return True
        self.refused = head, takes
        return False

    def _small(self, head: Region) -> int:
        """Entries of the page tables that smaps looks at one by one."""
        counts = self.counts.get(head.address, pagemap.NO_COUNTS)
        return counts.present - counts.huge + counts.swapped


def _records(
    process: ProcessDirectory,
    heads: Sequence[Region],
    counts: dict[int, pagemap.PageCounts],
    looking: Looking,
    missing: list[Unavailable],
    longest_ms: float,
) -> dict[tuple[int, int], Record]:
    """What smaps says of each mapping, by where it begins and ends."""
    pace = _Pace(heads, counts, looking, longest_ms)
    fd = process.open("smaps")
    try:
        found = {
            (each.head.address, each.head.length): each
            for each in smaps.records(fd, looking, pace.may_walk)
        }
    finally:
        os.close(fd)
    if pace.refused:
        head, takes_ns = pace.refused
        without = sum((each.address, each.length) not in found for each in heads)
        missing.append(
            Unavailable(
                f"smaps was read up to 0x{head.address:x}: for the mapping there it would hold "
                f"mmap_lock for about {takes_ns / 1e6:.0f} ms, and {longest_ms:g} ms are allowed; "
                f"flags, dirty and locked pages of {without} mappings are not known",
                f"prefault-kit attach {process.pid} --longest-ms {2 * takes_ns / 1e6:.0f}",
            )
        )
    return found


def _nodes(
    process: ProcessDirectory,
    counts: dict[int, pagemap.PageCounts],
    looking: Looking,
    missing: list[Unavailable],
    longest_ms: float,
) -> dict[int, dict[int, int]] | None:
    """Bytes on each node, by the address of the mapping; None where there is one node."""
    if numa_maps.online_nodes() == 1:
        return None
    most = max((each.present - each.huge for each in counts.values()), default=0)
    if most * WALK_NS > longest_ms * 1e6:
        missing.append(
            Unavailable(
                f"NUMA nodes were not read: numa_maps would hold mmap_lock for about "
                f"{most * WALK_NS / 1e6:.0f} ms",
                f"prefault-kit attach {process.pid} --longest-ms {2 * most * WALK_NS / 1e6:.0f}",
            )
        )
        return None
    with suppress(FileNotFoundError):  # a kernel without NUMA
        fd = process.open("numa_maps")
        try:
            return numa_maps.read(fd, looking)
        finally:
            os.close(fd)
    return None


def _files(
    process: ProcessDirectory,
    heads: Iterable[Region],
    counts: dict[int, pagemap.PageCounts],
    missing: list[Unavailable],
    on_progress: Progress,
) -> dict[int, FileState]:
    """What is cached of the part of a file that each mapping maps, by the mapping's address."""
    by_file: dict[tuple[object, ...], list[Region]] = {}
    for head in heads:
        if head.inode and kind_of(head) in (FILE, SHARED, MEMFD):
            by_file.setdefault((head.device, head.inode, head.name), []).append(head)
    largest_first = sorted(by_file.values(), key=lambda them: -sum(each.length for each in them))
    found: dict[int, FileState] = {}
    ends = time.perf_counter() + FILES_S
    for number, own in enumerate(largest_first):
        if time.perf_counter() > ends:
            left = len(largest_first) - number
            missing.append(
                Unavailable(f"what is cached of the {left} smallest files was not asked")
            )
            break
        found |= _states(process, own, counts)
        if number % 64 == 0:
            on_progress(0.7 + 0.3 * number / len(largest_first), "files")
    hidden = sum(each.cached is None and each.size_bytes is not None for each in found.values())
    if hidden:
        missing.append(
            Unavailable(
                f"what is cached of the files of {hidden} mappings is not told to whoever may not "
                "write them",
                access.COMMAND.format(pid=process.pid),
            )
        )
    return found


def _states(
    process: ProcessDirectory, own: Sequence[Region], counts: dict[int, pagemap.PageCounts]
) -> dict[int, FileState]:
    """Of the mappings of one file."""
    fate = mapped_file.fate(process, own[0])
    try:
        with mapped_file.opened(process, own[0]) as fd:
            size = os.fstat(fd).st_size
            return {
                head.address: _state(fd, head, size, fate, counts.get(head.address)) for head in own
            }
    except OSError:  # it may not be read, or was replaced
        return {head.address: FileState(None, None, None, None, fate) for head in own}


def _state(
    fd: int, head: Region, size: int, fate: str, counts: pagemap.PageCounts | None
) -> FileState:
    present = counts.file if counts else 0
    cached = mapped_file.cache(fd, head.offset, head.length, present)
    if isinstance(cached, page_cache.CacheCounts):
        return FileState(cached.cached, cached.dirty, cached.writeback, size, fate)
    return FileState(cached, None, None, size, fate)
