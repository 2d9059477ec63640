"""Where the faults of a program lie: addresses become mappings and pages that another run has too.

The kernel records what is mapped and what gets other permissions (PERF_RECORD_MMAP2), by the whole
mapping that results, and records neither munmap(2) nor mremap(2). So it is read like this, of
anonymous memory:

- a record that covers older memory of the same permissions and more beside it is a new mapping
  beside it, which the kernel has merged with it;
- one that has nothing new is of the part that came last, which was unmapped and mapped anew;
- one that lies within older memory of other permissions is a change of permissions;
- anything else is a new mapping, in place of what was there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from prefault_kit.kernel.address_space import DELETED, HEAP, Region, region
from prefault_kit.kernel.perf import TaskEvent
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.trace import (
    ANONYMOUS,
    FILE,
    SHARED,
    SPECIAL,
    STACK,
    UNRECORDED,
    Image,
    TracedMapping,
)
from prefault_kit.measure.trace import HEAP as HEAP_KIND

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STACK_NAME = "[stack]"
STACK_BYTES = 64 << 20
"""So far below what is known of a stack it may have grown."""
FEW = 32
"""So many faults are looked up one by one, which is quicker than with arrays."""
MANY_SPANS = 8
"""Arrays are made of all spans only where there are not so many for a fault."""
MOST_MAPPINGS = 1 << 18
"""Told apart; what comes after them is unrecorded."""


@dataclass
class _Thing:
    """A mapping that is being met."""

    kind: str
    name: str
    image: int
    low: int
    """The first page."""
    high: int
    """The one behind the last."""
    permissions: str
    inode: int = 0


class _Span(NamedTuple):
    """A part of an address space, and what is there."""

    begin: int
    end: int
    thing: int
    first: int
    """The page of its thing that it begins with; for a stack the page behind its end."""
    permissions: str


def _kind(found: Region) -> str:
    if found.name == HEAP:
        return HEAP_KIND
    if found.name.startswith(STACK_NAME[:-1]):
        return STACK
    if found.has_file:
        named = found.name.startswith("/") and not found.name.endswith(DELETED)
        return FILE if named else SHARED
    return (
        SPECIAL if found.name.startswith("[") and not found.name.startswith("[anon") else ANONYMOUS
    )


class _Space:
    """The address space of a process."""

    def __init__(self, image: int) -> None:
        self.image = image
        self.spans: list[_Span] = []
        self.starts: list[int] = []

    def copy(self, image: int) -> _Space:
        other = _Space(image)
        other.spans, other.starts = self.spans.copy(), self.starts.copy()
        return other

    def overlapping(self, begin: int, end: int) -> tuple[int, int]:
        """The indices from and to which spans reach into a range."""
        first = bisect_right(self.starts, begin)
        if first and self.spans[first - 1].end > begin:
            first -= 1
        last = first
        while last < len(self.spans) and self.starts[last] < end:
            last += 1
        return first, last

    def put(self, new: Sequence[_Span], begin: int, end: int) -> None:
        """Spans in place of what was in a range."""
        first, last = self.overlapping(begin, end)
        kept = list(new)
        for old in self.spans[first:last]:
            if old.begin < begin:
                kept.insert(0, old._replace(end=begin))
            if old.end > end:
                kept.append(_cut(old, end))
        self.spans[first:last] = kept
        self.starts[first:last] = [each.begin for each in kept]

    def find(self, address: int) -> _Span | None:
        at = bisect_right(self.starts, address) - 1
        if at >= 0 and address < self.spans[at].end:
            return self.spans[at]
        return None

    def stack_above(self, address: int) -> int | None:
        """The index of the span next above an address, if it may be a stack that grew down."""
        at = bisect_right(self.starts, address)
        close = at < len(self.spans) and self.starts[at] - address <= STACK_BYTES
        return at if close else None


def _cut(old: _Span, begin: int) -> _Span:
    """What is left of a span from an address on."""
    return old._replace(begin=begin, first=old.first + (begin - old.begin) // PAGE_SIZE_BYTES)


@dataclass
class Placed:
    """Where faults lie: arrays of shape (n,), and what their numbers mean."""

    mapping: NDArray[np.uint32]
    page: NDArray[np.int64]
    read_only: NDArray[np.bool_]
    """Whether the memory could not be written then: what faulted has read."""
    mappings: tuple[TracedMapping, ...]
    inodes: tuple[int, ...]
    """Of each mapping, 0 without a file."""
    images: tuple[Image, ...]
    names: dict[int, str] = field(default_factory=dict)
    """What threads were called last, by thread id."""


class Placer:
    """Follows what processes map, and looks up where they fault meanwhile: once, in one go."""

    def __init__(self) -> None:
        self._things: list[_Thing] = []
        self._spaces: dict[int, _Space] = {}
        self._images: list[Image] = []
        self._files: dict[tuple[object, ...], int] = {}
        self._unrecorded: dict[int, int] = {}
        self._names: dict[int, str] = {}

    def place(self, faults: NDArray[np.void], tasks: Sequence[TaskEvent], command: str) -> Placed:
        """Faults and events of a program, both in the order of time."""
        import numpy  # here, so that importing the kit stays quick

        count = len(faults)
        self._command = command
        mapping = numpy.zeros(count, "u4")
        page = numpy.zeros(count, "i8")
        read_only = numpy.zeros(count, bool)
        at = 0
        events = [each for each in tasks if each.kind != "exit"]
        times = numpy.array([each.time_ns for each in events], "i8")
        ends = numpy.searchsorted(faults["time_ns"], times, "left").tolist()
        pids = faults["pid"]
        for event, end in zip([*events, None], [*ends, count], strict=True):
            if end > at:
                for pid in numpy.unique(pids[at:end]).tolist():
                    rows = at + numpy.flatnonzero(pids[at:end] == pid)
                    found = self._look_up(self._space(pid), faults["address"][rows])
                    mapping[rows], page[rows], read_only[rows] = found
                at = end
            if event is not None:
                self._learn(event)
        return Placed(
            mapping,
            page,
            read_only,
            self._mappings(),
            tuple(each.inode for each in self._things),
            tuple(self._images),
            self._names,
        )

    def _space(self, pid: int) -> _Space:
        if pid not in self._spaces:
            self._spaces[pid] = _Space(self._image(pid, self._command, None, forked=False))
        return self._spaces[pid]

    def _image(self, pid: int, name: str, parent: int | None, *, forked: bool) -> int:
        self._images.append(Image(pid, name, parent, forked))
        return len(self._images) - 1

    def _learn(self, task: TaskEvent) -> None:
        if task.kind == "mmap":
            self._map(self._space(task.pid), region(task))
        elif task.kind == "comm":
            self._names[task.tid] = task.name
            if task.flags:  # execve(2): a new program, nothing of the old
                old = self._spaces.get(task.pid)
                parent = old.image if old else None
                image = self._image(task.pid, task.name, parent, forked=False)
                self._spaces[task.pid] = _Space(image)
        elif task.kind == "fork":
            self._names.setdefault(task.tid, self._names.get(task.parent_tid, ""))
            if task.pid != task.parent_pid:
                parent_space = self._space(task.parent_pid)
                name = self._names.get(task.parent_tid) or self._command
                image = self._image(task.pid, name, parent_space.image, forked=True)
                self._spaces[task.pid] = parent_space.copy(image)

    def _map(self, space: _Space, new: Region) -> None:
        if new.length <= 0:
            return
        kind = _kind(new)
        first, last = space.overlapping(new.address, new.end)
        older = space.spans[first:last]
        if kind == ANONYMOUS and self._grows_heap(space, new):
            kind = HEAP_KIND
        if kind in (FILE, SHARED):
            self._map_file(space, new, kind)
        elif kind == ANONYMOUS:
            self._map_anonymous(space, new, older)
        elif kind == STACK:
            thing = self._thing_of((kind, space.image), kind, STACK_NAME, space.image)
            above = [each for each in older if each.thing == thing]
            top = max((each.end for each in above), default=new.end)
            # where a stack lies is settled by execve(2), which moves it once, unrecorded
            pages = (top - new.address) // PAGE_SIZE_BYTES
            self._reach(thing, 0, pages, new.permissions)
            self._put(space, new, thing, pages)
        else:
            mine = self._heap(space) if kind == HEAP_KIND else []
            name = HEAP if kind == HEAP_KIND else new.name
            key = (kind, space.image, name)
            thing = mine[0].thing if mine else self._thing_of(key, kind, name, space.image)
            low = min((each.begin for each in mine), default=new.address)
            page = max(0, (new.address - low) // PAGE_SIZE_BYTES)
            self._reach(thing, page, page + new.length // PAGE_SIZE_BYTES, new.permissions)
            self._put(space, new, thing, page)

    @staticmethod
    def _put(space: _Space, new: Region, thing: int, first: int) -> None:
        span = _Span(new.address, new.end, thing, first, new.permissions)
        space.put([span], new.address, new.end)

    def _heap(self, space: _Space) -> list[_Span]:
        """What is known of the heap of a process, which may be its parent's."""
        return [each for each in space.spans if self._things[each.thing].kind == HEAP_KIND]

    def _grows_heap(self, space: _Space, new: Region) -> bool:
        """Whether a mapping is of brk(2), whose records have no name."""
        at = bisect_right(space.starts, new.address) - 1
        if at < 0 or not new.private:
            return False
        old = space.spans[at]
        return self._things[old.thing].kind == HEAP_KIND and old.end >= new.address

    def _map_file(self, space: _Space, new: Region, kind: str) -> None:
        key = (new.device, new.inode, new.name)
        thing = self._thing_of(key, kind, new.name, space.image, new.inode)
        first = new.offset // PAGE_SIZE_BYTES
        self._reach(thing, first, first + new.length // PAGE_SIZE_BYTES, new.permissions)
        self._put(space, new, thing, first)

    def _map_anonymous(self, space: _Space, new: Region, older: Sequence[_Span]) -> None:
        """See above; what is older remains as far as it is the same memory."""
        kept = [each for each in older if self._remains(each, new)]
        if _is_nothing_new(kept, new):
            newest = max(each.thing for each in kept)
            kept = [each for each in kept if each.thing != newest]
        spans = [_clipped(each, new)._replace(permissions=new.permissions) for each in kept]
        for each in spans:
            old = self._things[each.thing]
            old.permissions = _either(old.permissions, each.permissions)
        gaps, at = [], new.address
        for each in spans:
            if each.begin > at:
                gaps.append((at, each.begin))
            at = each.end
        if at < new.end:
            gaps.append((at, new.end))
        if gaps:
            thing = self._new_thing(ANONYMOUS, "", space.image)
            done = 0
            for begin, end in gaps:
                spans.append(_Span(begin, end, thing, done, new.permissions))
                done += (end - begin) // PAGE_SIZE_BYTES
            self._reach(thing, 0, done, new.permissions)
        space.put(sorted(spans), new.address, new.end)

    def _remains(self, old: _Span, new: Region) -> bool:
        """Whether a record says something new about memory that is there already."""
        if self._things[old.thing].kind != ANONYMOUS:
            return False
        if old.permissions == new.permissions:
            grown = new.address <= old.begin and old.end <= new.end
            return grown and (old.begin, old.end) != (new.address, new.end)
        return old.begin <= new.address or old.end >= new.end

    def _thing_of(
        self, key: tuple[object, ...], kind: str, name: str, image: int, inode: int = 0
    ) -> int:
        if key not in self._files:
            self._files[key] = self._new_thing(kind, name, image, inode)
        return self._files[key]

    def _new_thing(self, kind: str, name: str, image: int, inode: int = 0) -> int:
        if len(self._things) >= MOST_MAPPINGS:
            return self._unrecorded_of(image)
        self._things.append(_Thing(kind, name, image, 0, 0, "", inode))
        return len(self._things) - 1

    def _unrecorded_of(self, image: int) -> int:
        if image not in self._unrecorded:
            self._things.append(_Thing(UNRECORDED, "", image, 0, 0, ""))
            self._unrecorded[image] = len(self._things) - 1
        return self._unrecorded[image]

    def _reach(self, thing: int, low: int, high: int, permissions: str) -> None:
        """Know that a mapping has these pages."""
        known = self._things[thing]
        if not known.permissions:
            known.low, known.high = low, high
        known.low, known.high = min(known.low, low), max(known.high, high)
        known.permissions = _either(known.permissions, permissions)

    def _look_up(
        self, space: _Space, addresses: NDArray[np.uint64]
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.bool_]]:
        """The mapping and the page of each address, and whether it was read-only."""
        import numpy

        count = len(addresses)
        mapping, page = numpy.zeros(count, "u4"), numpy.zeros(count, "i8")
        read_only = numpy.zeros(count, bool)
        missed = numpy.arange(count)
        if count > FEW and MANY_SPANS * count > len(space.spans) > 0:
            starts = numpy.array(space.starts, "u8")
            ends = numpy.array([each.end for each in space.spans], "u8")
            things = numpy.array([each.thing for each in space.spans], "u4")
            firsts = numpy.array([each.first for each in space.spans], "i8")
            writable = numpy.array(["w" in each.permissions for each in space.spans])
            down = numpy.array([self._things[each.thing].kind == STACK for each in space.spans])
            at = numpy.searchsorted(starts, addresses, "right") - 1
            inside = (at >= 0) & (addresses < ends[at])
            at = at[inside]
            pages = ((addresses[inside] - starts[at]) // PAGE_SIZE_BYTES).astype("i8")
            mapping[inside] = things[at]
            page[inside] = numpy.where(down[at], firsts[at] - 1 - pages, firsts[at] + pages)
            read_only[inside] = ~writable[at]
            missed = numpy.flatnonzero(~inside)
        for row in missed.tolist():
            address = int(addresses[row])
            span = space.find(address) or self._grown(space, address)
            if span is None:
                thing, number = self._unrecorded_of(space.image), address // PAGE_SIZE_BYTES
                mapping[row], page[row] = thing, number
                self._reach(thing, number, number + 1, "----")
                continue
            pages_in = (address - span.begin) // PAGE_SIZE_BYTES
            is_stack = self._things[span.thing].kind == STACK
            mapping[row] = span.thing
            page[row] = span.first - 1 - pages_in if is_stack else span.first + pages_in
            read_only[row] = "w" not in span.permissions
        return mapping, page, read_only

    def _grown(self, space: _Space, address: int) -> _Span | None:
        """The stack that an address has let grow down to it; None if there is none."""
        at = space.stack_above(address)
        if at is None or self._things[space.spans[at].thing].kind != STACK:
            return None
        old = space.spans[at]
        begin = address // PAGE_SIZE_BYTES * PAGE_SIZE_BYTES
        first = old.first + (old.begin - begin) // PAGE_SIZE_BYTES
        self._reach(old.thing, 0, first, old.permissions)
        space.spans[at] = old._replace(begin=begin, first=first)
        space.starts[at] = begin
        return space.spans[at]

    def _mappings(self) -> tuple[TracedMapping, ...]:
        """What was met, each with its number among those that look the same."""
        met: Counter[tuple[object, ...]] = Counter()
        found = []
        for each in self._things:
            size = (each.high - each.low) * PAGE_SIZE_BYTES
            sized = size if each.kind in (ANONYMOUS, SHARED) else 0
            like = (each.image, each.kind, each.name, sized)
            met[like] += 1
            found.append(
                TracedMapping(
                    each.kind,
                    each.name,
                    each.image,
                    met[like],
                    size,
                    each.low,
                    each.permissions,
                )
            )
        return tuple(found)


def _either(some: str, other: str) -> str:
    """What either of two permissions permits; shared where one of both is.

    >>> _either("r-xp", "rw-p"), _either("", "r--s")
    ('rwxp', 'r--s')
    """
    letters = "".join(each if each in some + other else "-" for each in "rwx")
    return letters + ("s" if "s" in some + other else "p")


def _is_nothing_new(kept: Sequence[_Span], new: Region) -> bool:
    """Whether a record says what is known already: then a part of it was unmapped meanwhile."""
    same = all(each.permissions == new.permissions for each in kept)
    return same and sum(each.end - each.begin for each in kept) == new.length


def _clipped(span: _Span, new: Region) -> _Span:
    """The part of a span that lies in a region."""
    begin = max(span.begin, new.address)
    return _cut(span, begin)._replace(end=min(span.end, new.end))
