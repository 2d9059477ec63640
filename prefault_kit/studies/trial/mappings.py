"""The mappings of a program, as a first run shows them: what they are, who made them, their use."""

from __future__ import annotations

import fnmatch
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from prefault_kit.kernel import smaps
from prefault_kit.kernel.tracer import ANY_BYTES, KINDS, LEAST_BYTES, Event
from prefault_kit.studies.trial import places
from prefault_kit.studies.trial.candidates import FILES
from prefault_kit.studies.trial.places import Place

LOOKS = 200
"""How often a program is looked at while it stands still in its first run."""
MADE = ("mmap", "mremap")


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


class Survey:
    """What is learned of a program in its first run: hand :meth:`look` to its tracer."""

    def __init__(self) -> None:
        self._stacks: dict[tuple[int, int, int], tuple[Place, ...]] = {}
        self._used: dict[tuple[int, int], int] = {}
        self._live: dict[int, dict[int, int]] = defaultdict(dict)

    def look(self, event: Event) -> None:
        """Look at a thread that stands still: where it is, or what it had of its mappings."""
        if event.what in MADE:
            self._live[event.pid][event.address] = event.length
            key = (event.pid, event.address, event.length)
            self._stacks.setdefault(key, tuple(places.of_event(event)))
        elif event.what in ("munmap", "exit"):
            for address, length in list(self._live[event.pid].items()):
                inside = event.address <= address < event.address + event.length
                if event.what == "exit" or inside:
                    self._note_use(event.pid, address, length)
                    if inside:
                        del self._live[event.pid][address]

    def _note_use(self, pid: int, address: int, length: int) -> None:
        try:
            found = smaps.usage(address, length, pid).rss
        except OSError:
            return
        if found is not None:
            key = (pid, address)
            self._used[key] = max(found, self._used.get(key, 0))

    def groups(self, events: Sequence[Event], least_bytes: int = LEAST_BYTES) -> list[Group]:
        """The mappings of a run in groups, the largest first."""
        names = self._names()
        gathered: dict[tuple[str, str, str, int, tuple[Place, ...]], list[Event]] = defaultdict(
            list
        )
        advice: dict[tuple[int, int], list[str]] = defaultdict(list)
        writable: dict[tuple[int, int], int] = defaultdict(int)
        made: list[Event] = []
        for event in events:
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
                )
            )
        return sorted(found, key=lambda each: -each.length)

    def _names(self) -> dict[tuple[str, int], Place]:
        every = dict.fromkeys(place for stack in self._stacks.values() for place in stack)
        return {(each.path, each.offset): each for each in places.named(list(every))}

    def _stack(self, event: Event, names: dict[tuple[str, int], Place]) -> tuple[Place, ...]:
        stack = self._stacks.get((event.pid, event.address, event.length), ())
        return tuple(names[each.path, each.offset] for each in stack)


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
