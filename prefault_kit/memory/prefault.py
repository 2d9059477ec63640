"""Prefault memory of one's own: any buffer, or a file's part of the page cache, in one call.

``MADV_POPULATE_READ`` or ``_WRITE`` in threads, in windows, on a node, within a budget; and a
record of what that did. No byte is ever written, and no page is asked for beyond those that the
bytes lie in. (The kernel may map more of what is in the page cache anyway: the other pages of a
large folio.)
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from prefault_kit.kernel import cgroup, hugepages, numa, proc, processors, syscalls
from prefault_kit.kernel.errors import HIGHEST, MOST_THREADS, whole
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import Work
from prefault_kit.memory import population
from prefault_kit.memory.budget import Budget
from prefault_kit.memory.buffer import AnyBuffer, Place, is_path, placed
from prefault_kit.memory.file_part import FilePart
from prefault_kit.memory.file_reading import FileReading
from prefault_kit.memory.holding import OLD, Held, Holding, held
from prefault_kit.memory.page_cache_share import NOT_TOLD
from prefault_kit.memory.pieces import Pieces
from prefault_kit.memory.sizes import format_bytes

Memory: TypeAlias = "AnyBuffer | FilePart | str | os.PathLike[str]"
"""What can be prefaulted and looked at."""
ACCESSES = ("read", "write")
FILE_WINDOW_BYTES = 1 << 30
"""Of a file, mapped at a time: the page tables of a mapping stay until it goes."""
LEAST_CGROUP_BYTES = 16 << 20
"""No program runs in a memory cgroup of less."""
QUICK_BYTES = 4 << 30
"""Of a process: in one that has more resident, and 64 times the range, VmFlags are not looked up,
for the kernel walks the page tables of all that lies below."""


@dataclass(frozen=True)
class Prefault:
    """What a :func:`prefault` did, in bytes; None for what this kernel cannot tell.

    >>> done = prefault(bytearray(1 << 20), "write")
    >>> done.complete, done.advice, done.there_after_bytes == done.size_bytes
    (True, 'MADV_POPULATE_WRITE', True)
    """

    access: str
    size_bytes: int
    """Whole pages: those that the bytes lie in."""
    done_bytes: int
    there_before_bytes: int | None
    """In the page table; of a path, in the page cache."""
    there_after_bytes: int | None
    anonymous_growth_bytes: int | None
    """Memory that is the process's own now: written pages, and copies of a file's. 0 where a
    private file mapping was read, which copies nothing."""
    cache_growth_bytes: int | None
    """What the page cache has more of the files behind; shared memory is one, too. None if there is
    no file, or if it cannot be known."""
    advice: str
    """What was asked of the kernel; ``touch_read`` or ``touch_atomic`` where it was touched."""
    threads: int
    work: Work = field(repr=False)
    notes: tuple[str, ...] = ()
    """What was found, and what this cannot promise."""

    @property
    def complete(self) -> bool:
        """Whether all of it was done: neither stopped, nor at the end of a budget."""
        return self.done_bytes == self.size_bytes

    @property
    def minor_faults(self) -> int:
        """Faults of the threads that did it, which needed no disk."""
        return self.work.minor_faults

    @property
    def major_faults(self) -> int:
        """Faults of the same that waited for a disk."""
        return self.work.major_faults

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds around the calls alone, without looking before and after."""
        return self.work.elapsed_ms

    def as_dict(self) -> dict[str, Any]:
        """All of it, as ``prefault --json`` gives it."""
        found = asdict(self)
        del found["work"]
        return found | {
            "complete": self.complete,
            "minor_faults": self.minor_faults,
            "major_faults": self.major_faults,
            "elapsed_ms": self.elapsed_ms,
        }

    def __str__(self) -> str:
        size = format_bytes(self.size_bytes)
        done = "all" if self.complete else format_bytes(self.done_bytes)
        there = [
            "?" if each is None else format_bytes(each) if each else "0"
            for each in (self.there_before_bytes, self.there_after_bytes)
        ]
        return (
            f"{done} of {size} by {self.advice} in {self.elapsed_ms:.3g} ms: {there[0]} were there "
            f"before, {there[1]} after; {self.minor_faults} minor and {self.major_faults} major "
            "faults"
        )


def prefault(
    memory: Memory,
    access: str = "read",
    *,
    threads: int | None = None,
    node: int | None = None,
    window_bytes: int | None = None,
    leave_free_bytes: int | None = None,
    at_most_bytes: int | None = None,
    at_most_of_cgroup: float | None = None,
    undo_random: bool = False,
    touch: bool = False,
    on_progress: Callable[[int, int], object] | None = None,
    stop: threading.Event | None = None,
) -> Prefault:
    """Bring every page of ``memory`` into memory and into the page table, readable or writable.

    >>> import numpy
    >>> done = prefault(numpy.arange(1 << 20), threads=2)
    >>> done.complete, done.access
    (True, 'read')

    ``memory`` is a buffer, read-only ones too: a numpy array or memmap of any type and mode, an
    mmap, bytes, a memoryview, multiprocessing's SharedMemory, an Arrow buffer, a tensor on the CPU
    (by DLPack), a slice of any of them that is contiguous, a :class:`~prefault_kit.Mapping`. Or a
    path, or a tensor of a weights file (``weights(path)[name]``): then the page cache alone is
    filled, and nothing stays mapped.

    ``access`` is ``read`` or ``write``. Reading gives of anonymous memory the zero page, and of a
    private file mapping the file's pages; writing gives copies of one's own, and makes pages of a
    shared file dirty, though nothing is written.

    ``threads``: without it one for each processor, and for each 64 MiB. ``node``: pages come from
    this NUMA node if it has room, and the threads run on its processors; the range keeps the policy
    (MPOL_PREFERRED). ``window_bytes``: populate in pieces of so many bytes, tell ``on_progress``,
    and let go of each when the next one is there: its pages leave the page table, the page cache
    keeps them, and no content is ever lost; so it is for files and reading alone.
    ``leave_free_bytes``, ``at_most_bytes``, ``at_most_of_cgroup`` (a part of the limit of the
    memory cgroup, 0.5 for half) end it before more memory is taken: it is not ``complete`` then.

    MADV_RANDOM that is still set on a file's mapping, which forbids read-ahead, is told in the
    ``notes``; ``undo_random`` sets MADV_NORMAL first. ``touch`` allows touching each page where the
    kernel lacks the advice (before Linux 5.14), which is an OSError otherwise; content stays.
    ``on_progress`` is called with bytes done and in all, ``stop`` ends it, both within 0.1 s;
    Ctrl-C does too.

    Raises PrefaultError with errno, ``page`` (the first that could not be had, counted from the one
    that ``memory`` begins in) and ``populated_bytes``, never SIGBUS; ValueError for what cannot be
    prefaulted and why, TypeError for what is no buffer, OSError ESTALE for a file that was replaced
    meanwhile.
    """
    budget = Budget.of(
        leave_free_bytes=leave_free_bytes,
        at_most_bytes=at_most_bytes,
        at_most_of_cgroup=at_most_of_cgroup,
    )
    return prefault_within(
        budget,
        memory,
        access,
        threads=threads,
        node=node,
        window_bytes=window_bytes,
        undo_random=undo_random,
        touch=touch,
        on_progress=on_progress,
        stop=stop,
    )


def prefault_within(
    budget: Budget | None,
    memory: Memory,
    access: str = "read",
    *,
    threads: int | None = None,
    node: int | None = None,
    window_bytes: int | None = None,
    undo_random: bool = False,
    touch: bool = False,
    on_progress: Callable[[int, int], object] | None = None,
    stop: threading.Event | None = None,
) -> Prefault:
    """As :func:`prefault`, within a budget that several calls may share: one after the other.

    >>> from prefault_kit.memory.budget import Budget
    >>> budget = Budget.of(leave_free_bytes=0)
    >>> all(prefault_within(budget, bytes(1 << 20)).complete for _ in range(2))
    True
    """
    if access not in ACCESSES:
        raise ValueError(f"access is read or write, not {access!r}")
    if threads is not None:
        threads = whole("threads", threads, 1, MOST_THREADS)
    if window_bytes is not None:
        window_bytes = whole("window_bytes", window_bytes, PAGE_SIZE_BYTES, HIGHEST)
    if node is not None:
        node = _node(node)
    operation = population.operation(access, touch=touch)
    pieces = Pieces(window_bytes, budget, on_progress, stop)
    if is_path(memory):
        memory = FilePart.whole(memory)  # type: ignore[arg-type]
    if isinstance(memory, FilePart):
        if access == "write":
            raise ValueError("a file by its path is only ever read: access='write' takes a mapping")
        return _file(memory, operation, threads, node, pieces)
    with placed(memory, writable=access == "write") as place:
        return _buffer(place, access, operation, threads, node, pieces, undo_random)


def _node(node: int) -> int:
    known = numa.nodes_with_memory()
    number = whole("node", node, 0, HIGHEST)
    if number not in known:
        there = ", ".join(map(str, known))
        raise ValueError(f"this machine has no memory on node {number}: there is {there}")
    return number


def _growth(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else (after - before) * PAGE_SIZE_BYTES


def _in_bytes(pages: int | None) -> int | None:
    return None if pages is None else pages * PAGE_SIZE_BYTES


@contextmanager
def _on_node(node: int | None, notes: list[str]) -> Iterator[None]:
    """Run on the processors of a node, as threads that are started meanwhile do too."""
    if node is None:
        yield
        return
    allowed = os.sched_getaffinity(0)
    of_node = numa.processors(node)
    wanted = allowed & set(of_node) if of_node else allowed
    if not wanted:
        notes.append(f"this process may use no processor of node {node}: its threads run elsewhere")
        wanted = allowed
    with processors.running_on(wanted):
        yield


# Buffers


def _grain(here: Held) -> int:
    """What a write may add at once: a huge page, where the kernel may give one."""
    here.ask_flags()
    may = any(
        hugepages.transparent_for(shared=not area.private, flags=area.vm_flags)
        for area in here.areas
        if area not in here.on_disk
    )
    return max(here.place.step, (may and hugepages.transparent_size_bytes()) or 0)


class _Populating:
    """A buffer that is populated: what :class:`Pieces` cut."""

    def __init__(self, here: Held, access: str, operation: str, threads: int | None) -> None:
        self._here = here
        self._access = access
        self._operation = operation
        self.threads = threads or population.usual_threads(here.place.size_bytes)
        self.size_bytes = here.place.size_bytes
        self.step = here.place.step
        self.address = here.place.address
        self.grain = self.step
        self.notes: set[str] = set()

    def missing_bytes(self, offset: int, length: int) -> int:
        return self._here.missing_pages(offset, length, access=self._access) * PAGE_SIZE_BYTES

    def populate(self, offset: int, length: int, go_on: Callable[[int], bool]) -> Work:
        return population.populate(
            self._operation,
            self._here.place.address + offset,
            length,
            step=self.step,
            threads=self.threads,
            verb="prefaulted",
            pages_before=offset // self.step,
            go_on=go_on,
        )

    def let_go(self, offset: int, length: int) -> None:
        """Take pages of a file out of the page table, where no content can be lost.

        Of a shared mapping the file keeps what was written. Of a private one MADV_DONTNEED would
        drop copies of one's own, and where it may be written, another thread may make one at any
        moment: there MADV_COLD lets the kernel decide.
        """
        areas = self._here.areas
        shared = not any(area.private for area in areas)
        drop = shared or (
            not any("w" in area.permissions for area in areas)
            and self._here.look(offset, length).anonymous == 0
        )
        advice = "MADV_DONTNEED" if drop else "MADV_COLD"
        if not drop:
            self.notes.add(
                "windows of a private mapping are not dropped, as copies might be lost: MADV_COLD"
            )
        try:
            syscalls.madvise(self._here.place.address + offset, length, advice)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self.notes.add(f"{advice} is refused here (locked memory, huge pages): windows stay")


def _buffer(
    place: Place,
    access: str,
    operation: str,
    threads: int | None,
    node: int | None,
    pieces: Pieces,
    undo_random: bool,
) -> Prefault:
    notes: list[str] = []
    with held(place) as here:
        if here.has_file and _flags_are_quick(place):
            here.ask_flags()
        elif here.has_file:
            notes.append(
                "whether MADV_RANDOM is set was not looked up: in a process as large as this that "
                "takes longer than the call"
            )
        if pieces.window_bytes:
            _check_windows(here, access)
        notes += _random(here, undo_random)
        before = here.look(copies=access == "write")
        ground = _Populating(here, access, operation, threads)
        if pieces.budget and access == "write":
            ground.grain = _grain(here)
        if node is not None:
            _prefer(place, node)
        with _on_node(node, notes):
            work, limit = pieces.populate(ground)
        after = here.look(copies=access == "write")
    pieces.tell(work.done_bytes, place.size_bytes)
    notes += sorted(ground.notes)
    if node is not None:
        notes += _elsewhere(place, node)
    if limit:
        notes.append(_limited(work, limit))
    if work.done_bytes == place.size_bytes and not pieces.window_bytes:
        notes += _gone(place.size_bytes // PAGE_SIZE_BYTES - after.pages.present, "page table")
    notes += _advice(here, access, after, work.done_bytes)
    return Prefault(
        access,
        place.size_bytes,
        work.done_bytes,
        before.pages.present * PAGE_SIZE_BYTES,
        after.pages.present * PAGE_SIZE_BYTES,
        0 if access == "read" and here.has_file else _growth(before.anonymous, after.anonymous),
        _growth(before.cached, after.cached),
        operation,
        ground.threads,
        work,
        tuple(notes),
    )


def _flags_are_quick(place: Place) -> bool:
    return proc.status_bytes("VmRSS") <= max(QUICK_BYTES, 64 * place.size_bytes)


def _check_windows(here: Held, access: str) -> None:
    if access == "write":
        raise ValueError("window_bytes goes with access='read': what was written cannot be let go")
    if not here.areas or not all(area.has_file for area in here.areas):
        raise ValueError(
            "window_bytes is for memory with a file behind it: anonymous memory that is let go is "
            "lost"
        )


def _random(here: Held, undo: bool) -> list[str]:
    """What MADV_RANDOM on a file's mapping means, and what was done about it."""
    found = [area for area in here.areas if area.has_file and "rr" in area.vm_flags]
    if not found:
        return []
    if not undo:
        return [
            "MADV_RANDOM is set on the mapping: the kernel reads its file page by page, without "
            "read-ahead; undo_random=True sets MADV_NORMAL first"
        ]
    place = here.place
    for area in found:
        low = max(area.address, place.address)
        high = min(area.address + area.length, place.address + place.size_bytes)
        syscalls.madvise(low, high - low, "MADV_NORMAL")
    return ["MADV_RANDOM was set on the mapping, and MADV_NORMAL has taken its place"]


def _prefer(place: Place, node: int) -> None:
    try:
        numa.prefer(place.address, place.size_bytes, node)
    except OSError as error:
        if error.errno != errno.ENOSYS:  # without NUMA there is one node, this one
            raise


def _elsewhere(place: Place, node: int) -> list[str]:
    lie = numa.page_nodes(place.address, place.size_bytes) or {}
    other = sum(count for each, count in lie.items() if each != node)
    if not other:
        return []
    return [f"{other} pages lie on another node: they were there before, or node {node} is full"]


def _limited(work: Work, limit: str) -> str:
    done = format_bytes(work.done_bytes) if work.done_bytes else "none of it"
    return f"the budget ended it, {done} done: {limit}"


def _gone(pages: int, where: str) -> list[str]:
    return (
        [f"{pages} pages are not in the {where} any more: they were evicted"] if pages > 0 else []
    )


def _advice(here: Held, access: str, after: Holding, done_bytes: int) -> list[str]:
    """What one should know of memory of this kind, and what cannot be promised of it."""
    notes = []
    files = [area for area in here.areas if area.has_file]
    on_disk = here.on_disk
    if here.has_lost_its_name:
        notes.append(OLD)
    if not here.place.is_whole:
        notes.append("it begins or ends amid a page, which its neighbours share")
    if access == "write":
        if any(area.private for area in files):
            notes.append("pages of the private file mapping are copies now, beside the page cache")
        if any(not area.private for area in on_disk):
            notes.append(
                "pages of the shared file are dirty now and are written back as they are; the "
                "first write after that takes a fault again"
            )
        return notes
    if after.pages.zero:
        notes.append(f"{after.pages.zero} pages are the zero page: a first write takes a fault")
    if on_disk and not all("lo" in area.vm_flags for area in here.areas):
        notes.append(_evictable(done_bytes))
    return notes


def _evictable(size_bytes: int) -> str:
    """What reading a file cannot promise."""
    evictable = (
        "where memory runs short the kernel may evict a file's pages again; mlock keeps them"
    )
    if size_bytes < LEAST_CGROUP_BYTES:
        return evictable
    rooms = [(proc.meminfo()["MemTotal"], "this machine's memory")]
    rooms += [(limit.limit_bytes, "the memory cgroup") for limit in cgroup.memory_limits()]
    least, name = min(rooms)
    if size_bytes > least:
        return f"it is larger than {name} ({format_bytes(least)}): what came first is evicted again"
    return evictable


# Files by their path


def _file(
    part: FilePart, operation: str, threads: int | None, node: int | None, pieces: Pieces
) -> Prefault:
    """Bring a part of a file into the page cache."""
    notes: list[str] = []
    with part.opened() as fd, _on_node(node, notes):
        reading = FileReading.of(part, fd, operation, threads)
        before = reading.cache().cached
        work, limit = pieces.populate(reading, FILE_WINDOW_BYTES)
        after = reading.cache().cached
    if part.is_replaced():
        raise part.replaced()
    size = reading.size_bytes
    pieces.tell(work.done_bytes, size)
    if limit:
        notes.append(_limited(work, limit))
    if before is None:
        notes.append(NOT_TOLD)
    if reading.in_memory:
        notes.append("a file of this kind is memory already: its holes were left as they are")
    elif size:
        if work.done_bytes == size and after is not None:
            notes += _gone(size // PAGE_SIZE_BYTES - after, "page cache")
        notes.append(_evictable(work.done_bytes))
    return Prefault(
        "read",
        size,
        work.done_bytes,
        _in_bytes(before),
        _in_bytes(after),
        0,
        _growth(before, after),
        reading.advice,
        reading.threads,
        work,
        tuple(notes),
    )
