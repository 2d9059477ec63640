"""Who took page faults: by thread and mapping, with the place in the code and what would help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prefault_kit.kernel.address_space import AddressSpace, Region
from prefault_kit.kernel.symbols import Place, place
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.remedies import remedy

if TYPE_CHECKING:
    from prefault_kit.kernel.faults import FaultBatch

READ_AND_WRITTEN = 2
"""Faults that a page may take once: it is read, then written. More, and it was given back."""
MOST_FRAMES = 12
MOST_PAGES, MOST_PLACES = 1 << 16, 256
"""What is kept of a group, however many faults there are."""
SHOWN_FRAMES = 4
MOST_GUARD_BYTES = 64 << 10
"""A thread's stack has a page of 4 to 64 KiB below it."""


@dataclass(frozen=True)
class Culprit:
    """The faults of a thread in a mapping."""

    pid: int
    tid: int
    thread: str
    """Its name; empty where it is not known."""
    minor: int
    major: int
    pages: int
    """How many different ones, at least."""
    address: int
    """Of the first fault."""
    region: Region | None
    """None of a mapping that was never seen."""
    gone: bool
    """Whether nothing is mapped there any more."""
    place: Place
    """Where most of the faults happened."""
    stack: tuple[Place, ...]
    """How one of those was reached, from the inside out; as far as frame pointers lead."""
    advice: str
    """What would have prevented it."""

    @property
    def where(self) -> str:
        """The mapping, in words."""
        if self.region is None:
            return f"a mapping that is gone, at {self.address:#x}"
        name = self.region.name or "anonymous memory"
        words = f"{name} {self.region.permissions} at {self.address:#x}"
        words += " (unmapped since)" if self.gone else ""
        if self.region.has_file:
            offset = self.region.offset + self.address - self.region.address
            words += f", offset {offset}"
        return words

    @property
    def frames(self) -> list[tuple[str, int]]:
        """The files and offsets of the place and its callers, of each the instruction meant."""
        return (
            [(self.place.file, self.place.offset)]
            + [
                (each.file, each.offset - 1)  # of a caller the call, not what it returns to
                for each in self.stack[1:]
            ]
        )

    def lines(self) -> list[str]:
        """What to print."""
        name = f" ({self.thread})" if self.thread else ""
        counts = _counts(self.minor, self.major)
        lines = [
            f"{counts} on {self.pages} {'page' if self.pages == 1 else 'pages'} of {self.where}, "
            f"by thread {self.tid}{name}"
        ]
        frames = self.stack[:SHOWN_FRAMES] or (self.place,)
        lines += [f"  {'in' if not at else 'from'} {each}" for at, each in enumerate(frames)]
        if frames[0].command and not frames[0].function:
            lines.append(f"  its line: {frames[0].command}")
        return [*lines, f"  {self.advice}"]

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        region = self.region
        return {
            "pid": self.pid,
            "tid": self.tid,
            "thread": self.thread,
            "minor": self.minor,
            "major": self.major,
            "pages": self.pages,
            "address": hex(self.address),
            "mapping": region
            and {
                "gone": self.gone,
                "address": hex(region.address),
                "length_bytes": region.length,
                "permissions": region.permissions,
                "offset_bytes": region.offset,
                "name": region.name,
            },
            "place": str(self.place),
            "stack": [str(each) for each in self.stack],
            "advice": self.advice,
        }


def _counts(minor: int, major: int) -> str:
    """Both numbers of faults, in words.

    >>> _counts(1, 0), _counts(0, 2), _counts(3, 1)
    ('1 minor fault', '2 major faults', '3 minor and 1 major faults')
    """
    if minor and major:
        return f"{minor} minor and {major} major faults"
    kind, number = ("major", major) if major else ("minor", minor)
    return f"{number} {kind} fault{'' if number == 1 else 's'}"


def _is_guarded(region: Region, space: AddressSpace, address: int) -> bool:
    """Whether a mapping begins with an inaccessible page or a few, and is used from its end."""
    fence = space.before(region.address)
    return (
        fence is not None
        and fence.permissions.startswith("---")
        and fence.length <= MOST_GUARD_BYTES
        and address - region.address >= region.length // 2
    )


@dataclass
class _Group:
    """What is known of the faults of a thread in a mapping."""

    space: AddressSpace
    """The mappings of its process then: execve(2) gives it others."""
    region: Region | None
    guarded: bool
    gone: bool
    forked: bool
    address: int
    minor: int = 0
    major: int = 0
    pages: set[int] = field(default_factory=set)
    on_pages: int = 0
    """Faults until there were too many pages to be kept."""
    places: Counter[int] = field(default_factory=Counter)
    stacks: dict[int, list[int]] = field(default_factory=dict)


class Tally:
    """Counts faults by thread and mapping while they come in; bounded, however many there are."""

    def __init__(
        self,
        space_of: Callable[[int], AddressSpace],
        past_of: Callable[[int], AddressSpace] | None = None,
    ) -> None:
        """``space_of`` gives the mappings of a process, ``past_of`` those that it has had."""
        self._space_of, self._past_of = space_of, past_of
        self._groups: dict[tuple[int, int, int, bool, object], _Group] = {}
        self.names: dict[int, str] = {}
        """Threads' names, by their numbers."""
        self.forked: set[int] = set()
        """Processes that share their pages at the moment, since they have forked or were forked."""

    def add(self, batch: FaultBatch) -> None:
        """Take faults in; their mappings are looked up now."""
        starts = batch.starts
        for at, record in enumerate(batch.records.tolist()):
            _, address, ip, pid, tid, depth, major, _, _ = record
            space = behind = self._space_of(pid)
            region = space.find(address)
            gone = region is None
            if region is None and self._past_of:
                region = (behind := self._past_of(pid)).find(address)
            what = (region.name or region.address, region.permissions) if region else None
            forked = pid in self.forked
            key = (pid, tid, id(space), forked, what)
            group = self._groups.get(key)
            if group is None:
                guarded = region is not None and _is_guarded(region, behind, address)
                group = self._groups[key] = _Group(space, region, guarded, gone, forked, address)
            if major:
                group.major += 1
            else:
                group.minor += 1
            if len(group.pages) < MOST_PAGES:
                group.pages.add(address // PAGE_SIZE_BYTES)
                group.on_pages += 1
            if ip in group.places or len(group.places) < MOST_PLACES:
                group.places[ip] += 1
                if depth and ip not in group.stacks:
                    begin = int(starts[at])
                    group.stacks[ip] = batch.ips[begin : begin + min(depth, MOST_FRAMES)].tolist()

    def culprits(self, *, alive: bool = False) -> list[Culprit]:
        """The groups, worst first: major faults, then minor ones.

        ``alive`` says that the processes are there still, whose files may be a container's.
        """
        found = []
        for (pid, tid, *_), group in self._groups.items():
            space, of = group.space, pid if alive else None
            ip = group.places.most_common(1)[0][0]
            frames = [place(each, space, of) for each in group.stacks.get(ip, [])]
            found.append(
                Culprit(
                    pid=pid,
                    tid=tid,
                    thread=self.names.get(tid, ""),
                    minor=group.minor,
                    major=group.major,
                    pages=len(group.pages),
                    address=group.address,
                    region=group.region,
                    gone=group.gone,
                    place=place(ip, space, of),
                    # without frame pointers a chain soon leads to numbers that are no code
                    stack=tuple(each for each in frames if each.executable),
                    advice=remedy(
                        group.region,
                        gone=group.gone,
                        major=group.major > 0,
                        again=group.on_pages > READ_AND_WRITTEN * len(group.pages),
                        forked=group.forked,
                        guarded=group.guarded,
                    ),
                )
            )
        return sorted(found, key=lambda each: (-each.major, -each.minor, each.address))
