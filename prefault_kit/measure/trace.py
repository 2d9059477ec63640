"""The page faults of a program as a record: in which mapping, at which page, when, and what for.

Addresses change from run to run. So a page of a file is known by the file and the page in it, and a
page of anonymous memory by its mapping (the image that made it, its size, the how manieth of that
size) and the page in that. :mod:`prefault_kit.studies.trace` records, and
:mod:`prefault_kit.measure.trace_file` saves.

What a trace has not: a page without a fault may have been used all the same. The kernel maps cached
pages of a file around one that faults (fault-around, 64 KiB usually), a huge page takes one fault,
and what populate, mlock or read(2) bring takes none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from prefault_kit.kernel import perf

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE, ANONYMOUS, SHARED, HEAP, STACK, SPECIAL, UNRECORDED = KINDS = (
    "file", "anonymous", "shared memory", "heap", "stack", "special", "unrecorded",
)  # fmt: skip
"""What a mapping may be; of an unrecorded one the kernel told nothing, and its pages are addresses.
A file without a name any more (deleted, or memfd) is shared memory."""
ACCESSES = {perf.UNTOLD: "unknown", perf.READ: "read", perf.WRITE: "write"}
"""What a fault tried, where it can be known."""
MAJOR, BY_KERNEL, ACCESS_SHIFT = 1, 2, 2
"""Bits of the flags of a fault; above them is what it tried."""
MOST_FLAGS = (perf.WRITE << ACCESS_SHIFT) | BY_KERNEL | MAJOR
MOST_FAULTS = 1 << 23
"""Of one trace."""
WINDOW_BYTES = 64 << 10
"""What fault-around maps at once, unless the system says otherwise: a page of a file that faulted
stands for the others of its window."""
STEPS = 50
"""Of the growth of a working set."""


@dataclass(frozen=True)
class FileState:
    """A file as it was at the end of a trace."""

    size_bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True)
class Image:
    """A program that a process executed, or a process that was forked."""

    pid: int
    name: str
    parent: int | None
    """The index of the image that forked it, or that was there before; None of the first."""
    forked: bool
    """Whether it began with fork(2), and shares what its parent had mapped."""


@dataclass(frozen=True)
class Thread:
    """A thread that faulted."""

    pid: int
    tid: int
    name: str


@dataclass(frozen=True)
class TracedMapping:
    """A file, or memory that was mapped once; known again in another run by :attr:`key`."""

    kind: str
    name: str
    """The path, or ``[stack]`` and the like; empty of anonymous memory."""
    image: int
    """The index of the image that mapped it first."""
    ordinal: int
    """Its number among those of its image, kind, name and size, from 1."""
    size_bytes: int
    """What was mapped of it: of a file from its first page that was to its last."""
    first_page: int
    """Where that begins: in the file; else 0. Pages of a stack count from its top down."""
    permissions: str
    """What any part of it permitted at any time: ``rw-p``; with ``s`` where it was shared."""
    file: FileState | None = None
    """None without a file, and of one that is gone or was replaced meanwhile."""

    @property
    def key(self) -> tuple[object, ...]:
        """The same for the same mapping of another run; of a file its path, whoever maps it."""
        if self.kind == FILE:
            return (FILE, self.name)
        sized = self.size_bytes if self.kind in (ANONYMOUS, SHARED) else 0
        return (self.image, self.kind, self.name, sized, self.ordinal)

    @property
    def is_private(self) -> bool:
        """Whether what is written stays with the process."""
        return self.permissions.endswith("p")


@dataclass(frozen=True)
class Lack:
    """What a trace may have missed, beside what no trace has."""

    lost: int = 0
    """Records for which there was no room."""
    kernel: bool = False
    """Faults that the kernel took for the program, in read(2) for one: not for an ordinary user."""
    accesses: str = ""
    """Why it is not known of each fault whether it read or wrote; empty if it is."""
    full: bool = False
    """The trace had its most faults, and later ones are not in it."""
    left: int = 0
    """Processes that still ran as it ended."""


@dataclass(frozen=True)
class MappingUse:
    """What was used of one mapping, in pages and faults."""

    index: int
    """In :attr:`Trace.mappings`."""
    faults: int
    major: int
    pages: int
    """Different ones."""
    read: int
    """Pages of which a read is known."""
    written: int
    """Pages of which a write is known."""
    unknown: int
    """Pages of which neither is."""
    runs: int
    """Of consecutive pages."""
    in_order: float
    """The part of first touches that come right after the page before them."""
    first_ns: int
    last_ns: int


@dataclass(frozen=True, eq=False)
class Trace:
    """Faults in the order of time, each an entry of every array; arrays have shape (n,)."""

    command: tuple[str, ...]
    page_size_bytes: int
    duration_ns: int
    status: int | None
    """The exit status; of a signal its negative number. None where it was not waited for."""
    stopped: bool
    """Whether the program was ended here."""
    images: tuple[Image, ...]
    threads: tuple[Thread, ...]
    mappings: tuple[TracedMapping, ...]
    time_ns: NDArray[np.int64]
    """Since the program began."""
    mapping: NDArray[np.uint32]
    """An index of ``mappings``."""
    page: NDArray[np.int64]
    """In the file, or in the mapping."""
    thread: NDArray[np.uint32]
    """An index of ``threads``."""
    flags: NDArray[np.uint8]
    """:data:`MAJOR`, :data:`BY_KERNEL`, and the access above :data:`ACCESS_SHIFT`."""
    lack: Lack = field(default_factory=Lack)
    host: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many faults."""
        return len(self.time_ns)

    @property
    def major(self) -> NDArray[np.bool_]:
        """Which faults waited for a disk."""
        found: NDArray[np.bool_] = (self.flags & MAJOR) != 0
        return found

    @property
    def by_kernel(self) -> NDArray[np.bool_]:
        """Which the kernel took for the program."""
        found: NDArray[np.bool_] = (self.flags & BY_KERNEL) != 0
        return found

    @property
    def access(self) -> NDArray[np.uint8]:
        """What each tried: a key of :data:`ACCESSES`."""
        return (self.flags >> ACCESS_SHIFT).astype("u1")

    @cached_property
    def first(self) -> NDArray[np.bool_]:
        """Whether a fault is the first one at its page."""
        import numpy  # here, so that importing the kit stays quick

        found = numpy.zeros(len(self), bool)
        order = numpy.lexsort((self.page, self.mapping))  # stable: in order of time
        pages, mappings = self.page[order], self.mapping[order]
        new = numpy.ones(len(order), bool)
        new[1:] = (numpy.diff(pages) != 0) | (mappings[1:] != mappings[:-1])
        found[order] = new
        return found

    @cached_property
    def _by_mapping(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The positions of faults by mapping, and where each mapping's end."""
        import numpy

        counts = numpy.bincount(self.mapping, minlength=len(self.mappings))
        return numpy.argsort(self.mapping, kind="stable"), numpy.cumsum(counts)

    def of(self, index: int) -> NDArray[np.int64]:
        """The positions of a mapping's faults, in order of time."""
        order, ends = self._by_mapping
        return order[ends[index - 1] if index else 0 : ends[index]]

    @cached_property
    def use(self) -> tuple[MappingUse, ...]:
        """What was used of each mapping that has faults, those with the most first."""
        found = [
            self._use(index, at) for index in range(len(self.mappings)) if len(at := self.of(index))
        ]
        return tuple(sorted(found, key=lambda each: -each.faults))

    def _use(self, index: int, at: NDArray[np.int64]) -> MappingUse:
        import numpy

        pages, access = self.page[at], self.access[at]
        different = distinct(pages)
        read, written = (distinct(pages[access == each]) for each in (perf.READ, perf.WRITE))
        known = distinct(numpy.concatenate([read, written]))
        touched = pages[self.first[at]]
        return MappingUse(
            index=index,
            faults=len(at),
            major=int(self.major[at].sum()),
            pages=len(different),
            read=len(read),
            written=len(written),
            unknown=len(different) - len(known),
            runs=1 + int((numpy.diff(different) != 1).sum()),
            in_order=float((numpy.diff(touched) == 1).mean()) if len(touched) > 1 else 1.0,
            first_ns=int(self.time_ns[at[0]]),
            last_ns=int(self.time_ns[at[-1]]),
        )

    @property
    def pages(self) -> int:
        """The working set: how many different pages."""
        return int(self.first.sum())

    def growth(self, steps: int = STEPS) -> list[tuple[float, int]]:
        """How the working set grew: a time in milliseconds and the pages until then."""
        import numpy

        times = self.time_ns[self.first]
        ends = numpy.linspace(0, max(self.duration_ns, 1), steps + 1)[1:]
        counts = numpy.searchsorted(times, ends, "right")
        return [(float(end) / 1e6, int(count)) for end, count in zip(ends, counts, strict=True)]

    def files(self) -> Iterator[tuple[int, TracedMapping]]:
        """The files that have a name and a page in the trace, with their indices."""
        for each in self.use:
            mapping = self.mappings[each.index]
            if mapping.kind == FILE:
                yield each.index, mapping

    def runs(self, path: str, around_bytes: int = WINDOW_BYTES) -> list[tuple[int, int]]:
        """What was touched of a file: offsets and lengths in bytes, ascending, within the file.

        Of each page its whole window of ``around_bytes``, which fault-around may have mapped
        without a fault of its own; 0 for the pages alone. Empty for a file that is not in it. So a
        memmap is prefaulted as it was used: ``prefault(memmap[at : at + n])`` for each.
        """
        import numpy

        indices = [
            at for at, each in enumerate(self.mappings) if (each.kind, each.name) == (FILE, path)
        ]
        pages = self.page[numpy.isin(self.mapping, indices)]
        known = [each.size_bytes for at in indices if (each := self.mappings[at].file)]
        return runs(pages, self.page_size_bytes, around_bytes, max(known) if known else None)


def distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each value once, ascending. By sorting: numpy.unique takes ten times as long for millions.

    >>> import numpy
    >>> distinct(numpy.array([3, 1, 3])).tolist()
    [1, 3]
    """
    import numpy

    ordered = numpy.sort(values)
    new = numpy.ones(len(ordered), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]


def check_around(around_bytes: int) -> None:
    """ValueError for what is no size of a window."""
    if not 0 <= around_bytes <= 1 << 30:
        raise ValueError(f"around is a size from 0 to 1 GiB, not {around_bytes}")


def runs(
    pages: NDArray[np.int64], page_size_bytes: int, around_bytes: int, most_bytes: int | None
) -> list[tuple[int, int]]:
    """Runs of bytes that cover pages with their windows, up to the end of the file.

    >>> import numpy
    >>> runs(numpy.array([1, 2, 9]), 4096, 0, None)
    [(4096, 8192), (36864, 4096)]
    >>> runs(numpy.array([1, 2, 9]), 4096, 16384, 37000)
    [(0, 16384), (32768, 4232)]
    """
    import numpy

    check_around(around_bytes)
    window = max(1, around_bytes // page_size_bytes)
    windows = distinct(pages // window)
    if not len(windows):
        return []
    breaks = numpy.flatnonzero(numpy.diff(windows) != 1)
    begins = windows[numpy.concatenate([[0], breaks + 1])] * window * page_size_bytes
    ends = (windows[numpy.concatenate([breaks, [len(windows) - 1]])] + 1) * window * page_size_bytes
    found = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        end = end if most_bytes is None else min(end, most_bytes)
        if begin < end:
            found.append((begin, end - begin))
    return found
