"""The mappings of a program, as a first run shows them: what they are, who made them, their use."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from prefault_kit.kernel import pagemap, smaps
from prefault_kit.kernel.looking import Looking
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.tracer import ANY_BYTES, KINDS, LEAST_BYTES, Event
from prefault_kit.studies.trial import language, places
from prefault_kit.studies.trial.candidates import FILES
from prefault_kit.studies.trial.places import Place

LOOKS = 200
"""How often a program is looked at while it stands still in its first run."""
MADE = ("mmap", "mremap")
REST = 10
"""A program is looked at anew after so many times what the last look took, at the earliest."""


@dataclass(frozen=True)
class Choice:
    """Which mappings of a program are advised; sizes in bytes."""

    least_bytes: int = LEAST_BYTES
    most_bytes: int = ANY_BYTES
    kinds: tuple[str, ...] = tuple(KINDS)
    path: str = ""
    moment: str = "auto"
    """Of ``tracer.MOMENTS``, or ``auto``: as the first run suggests."""

    def matches(self, group: Group) -> bool:
        """Whether all of a group may be advised."""
        return (
            group.kind in self.kinds
            and self.least_bytes <= group.least_bytes
            and group.most_bytes <= self.most_bytes
            and (not self.path or fnmatch.fnmatchcase(group.path, self.path))
        )

    def of(self, group: Group) -> Choice:
        """The same, for one group alone."""
        pattern = "".join(f"[{each}]" if each in "*?[" else each for each in group.path)
        return replace(
            self,
            least_bytes=group.least_bytes,
            most_bytes=group.most_bytes,
            kinds=(group.kind,),
            path=pattern if group.kind in FILES else "",
        )


@dataclass(frozen=True)
class Group:
    """Mappings of one kind, one file and about one size, that one place made; sizes in bytes."""

    kind: str
    path: str
    access: str
    count: int
    length: int
    """Of all together."""
    least_bytes: int
    most_bytes: int
    resident_bytes: int | None
    """What the program had in memory of them when it let them go or ended; None if unseen."""
    advice: tuple[str, ...]
    """What the program itself advises there."""
    populated: bool
    """It asks for its pages with MAP_POPULATE."""
    made_writable: int
    """How often mprotect(2) made a part of it writable."""
    refused: str | None
    stack: tuple[Place, ...]
    """Where it was made, the innermost place first."""
    language: str = ""
    """What the program is written in that made it, of ``language.LANGUAGES``; empty if unknown."""

    @property
    def place(self) -> Place | None:
        """The innermost place outside of the C library and the loader that is no remnant of an
        earlier call; else the innermost there is."""
        own = [
            each
            for at, each in enumerate(self.stack)
            if not _is_libc(each.path)
            if not any(_allocates(later) for later in self.stack[at + 1 :])
        ]
        return own[0] if own else self.stack[0] if self.stack else None


def _allocates(place: Place) -> bool:
    """Whether a place lies on the way from a call of malloc, or of the loader, to mmap."""
    name = place.symbol or ""
    return _is_libc(place.path) and ("alloc" in name or "_dl_" in name)


def _is_libc(path: str) -> bool:
    name = os.path.basename(path)
    return name.startswith(("libc.so", "libc-", "ld-linux", "ld-musl", "libpthread"))


Key = tuple[str, str, str, int, tuple[tuple[str, int], ...]]
"""What mappings of a group have in common, in every run: kind, path, access, bits of the size, and
the places of the stack by file and offset."""


def _key(kind: str, path: str, access: str, size: int, stack: Sequence[Place]) -> Key:
    return kind, path, access, size.bit_length(), tuple((at.path, at.offset) for at in stack)


class Numbering:
    """Which group of an earlier run a mapping belongs to.

    By all that they have in common; else by all but the stack, of which not every one is known; or
    by all but the path, for a file may have a name of its own in every run.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self._numbers: dict[object, int] = {}
        for number, each in enumerate(groups):
            key = _key(each.kind, each.path, each.access, each.least_bytes, each.stack)
            for part in self._parts(key):
                self._numbers.setdefault(part, number)

    @staticmethod
    def _parts(key: Key) -> tuple[object, ...]:
        kind, path, access, bits, stack = key
        return key, (kind, path, access, bits), (kind, access, bits, stack)

    def of(self, event: Event, stack: Sequence[Place]) -> int | None:
        """The index of its group; None where it is of none."""
        key = _key(event.kind or "", event.path, event.access, event.length, stack)
        found = (self._numbers.get(part) for part in self._parts(key))
        return next((each for each in found if each is not None), None)


class Survey:
    """What is learned of a program in a run of its own: hand :meth:`look` to its tracer."""

    def __init__(self) -> None:
        self.pss_bytes: int | None = None
        """The most that a process had, of the moments at which one let a mapping go or ended."""
        self._stacks: dict[tuple[int, int, int], tuple[Place, ...]] = {}
        self._used: dict[tuple[int, int], int] = {}
        self._live: dict[int, dict[int, int]] = defaultdict(dict)
        self._next_look = 0.0

    def look(self, event: Event) -> None:
        """Look at a thread that stands still: where it is, or what it had of its mappings."""
        if event.what in MADE:
            self._live[event.pid][event.address] = event.length
            key = (event.pid, event.address, event.length)
            self._stacks.setdefault(key, tuple(places.of_event(event)))
        elif event.what in ("munmap", "exit"):
            ended = event.what == "exit" and event.tid == event.pid
            if event.what == "exit" and not ended:
                return
            live = self._live[event.pid]
            end = event.address + event.length
            going = [(at, size) for at, size in live.items() if ended or event.address <= at < end]
            if not going and not ended:
                return
            for (address, _), used in zip(going, _resident(event.pid, going), strict=False):
                span = (event.pid, address)
                self._used[span] = max(used, self._used.get(span, 0))
                del live[address]
            self._note_pss(event.pid, last=ended)

    def _note_pss(self, pid: int, *, last: bool) -> None:
        began = time.monotonic()
        if began < self._next_look and not last:
            return
        with contextlib.suppress(OSError):
            found = smaps.rollup_pss(pid)
            if found is not None:
                self.pss_bytes = max(found, self.pss_bytes or 0)
        ended = time.monotonic()
        self._next_look = ended + REST * (ended - began)

    def stack(self, event: Event) -> tuple[Place, ...]:
        """Where a mapping was made, without names; empty where nobody looked."""
        return self._stacks.get((event.pid, event.address, event.length), ())

    def used_bytes(self, event: Event) -> int | None:
        """What was resident of a mapping, or of another at its address; None where unseen."""
        return self._used.get((event.pid, event.address))

    def groups(self, events: Sequence[Event], least_bytes: int = LEAST_BYTES) -> list[Group]:
        """The mappings of a run in groups, the largest first."""
        names = self._names()
        gathered: dict[tuple[str, str, str, int, tuple[Place, ...]], list[Event]] = defaultdict(
            list
        )
        advice: dict[tuple[int, int], list[str]] = defaultdict(list)
        writable: dict[tuple[int, int], int] = defaultdict(int)
        made: list[Event] = []
        programs = _Programs()
        for event in events:
            programs.learn(event)
            if event.what in MADE and event.kind and not event.error:
                if event.length >= least_bytes:
                    made.append(event)
            elif event.what in ("madvise", "mprotect"):
                around = _latest_around(made, event)
                if around and event.what == "madvise" and event.advice:
                    advice[around.pid, around.address].append(event.advice)
                elif around:
                    writable[around.pid, around.address] += 1
        for event in made:
            where = self._stack(event, names)
            assert event.kind
            key = (event.kind, event.path, event.access, event.length.bit_length(), where)
            gathered[key].append(event)
        found = []
        for (kind, path, access, _, where), members in gathered.items():
            spans = {(each.pid, each.address) for each in members}
            used = [self._used[each] for each in spans if each in self._used]
            lengths = [each.length for each in members]
            found.append(
                Group(
                    kind=kind,
                    path=path,
                    access=access,
                    count=len(members),
                    length=sum(lengths),
                    least_bytes=min(lengths),
                    most_bytes=max(lengths),
                    resident_bytes=sum(used) if used else None,
                    advice=tuple(dict.fromkeys(name for each in spans for name in advice[each])),
                    populated=any(each.populates for each in members),
                    made_writable=sum(writable[each] for each in spans),
                    refused=next((each.refused for each in members if each.refused), None),
                    stack=where,
                    language=programs.language(members[0].pid),
                )
            )
        return sorted(found, key=lambda each: -each.length)

    def _names(self) -> dict[tuple[str, int], Place]:
        every = dict.fromkeys(place for stack in self._stacks.values() for place in stack)
        return {(each.path, each.offset): each for each in places.named(list(every))}

    def _stack(self, event: Event, names: dict[tuple[str, int], Place]) -> tuple[Place, ...]:
        return tuple(names[each.path, each.offset] for each in self.stack(event))


class _Programs:
    """What each process of a run executes, and which libraries it maps."""

    def __init__(self) -> None:
        self._first = ""
        self._executed: dict[int, str] = {}
        self._mapped: dict[int, dict[str, None]] = defaultdict(dict)

    def learn(self, event: Event) -> None:
        """Take in an event, in the order of time."""
        if event.what == "exec":
            self._first = self._first or event.path
            self._executed[event.pid] = event.path
            self._mapped[event.pid].clear()
        elif event.what == "mmap" and event.path:
            self._mapped[event.pid][event.path] = None

    def language(self, pid: int) -> str:
        """What the last program of a process is written in; of a forked one, of the first."""
        return language.of(self._executed.get(pid, self._first), tuple(self._mapped[pid]))


def _resident(pid: int, ranges: Sequence[tuple[int, int]]) -> list[int]:
    """What is resident of each range, in bytes, without the zero page; empty if not to be known."""
    try:
        fd = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        try:
            counts = [pagemap.count_pages(fd, *each, Looking()) for each in ranges]
        finally:
            os.close(fd)
        return [(each.present - each.zero) * PAGE_SIZE_BYTES for each in counts]
    except OSError:
        try:  # before Linux 6.7, where neighbours that became one mapping are not told apart
            return smaps.rss_of(ranges, pid)
        except OSError:
            return []


def _latest_around(made: Sequence[Event], event: Event) -> Event | None:
    end = event.address + event.length
    for each in reversed(made):
        inside = each.address <= event.address and end <= each.address + each.length
        if each.pid == event.pid and inside:
            return each
    return None


def moment_of(groups: Sequence[Group]) -> str:
    """When advice is best given: after the program's own, if what it maps most has one.

    A populate before the program's own MADV_HUGEPAGE would fill small pages. Address space that is
    reserved and made writable in parts is advised then.
    """
    weight: dict[str, int] = defaultdict(int)
    for group in groups:
        if "MADV_HUGEPAGE" in group.advice:
            weight["advice"] += group.length
        elif group.access == "---" and group.made_writable:
            weight["writable"] += group.resident_bytes or 0
        elif group.access != "---":
            weight["mmap"] += group.length
    return max(weight, key=lambda name: weight[name], default="mmap")
