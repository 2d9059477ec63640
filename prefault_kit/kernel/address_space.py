"""The mappings of a process: as /proc/PID/maps lists them, and as they come to be.

A process that has ended has no /proc/PID/maps: what it mapped is then known from the records that
perf made of each mapping (:class:`~prefault_kit.kernel.perf.TaskEvent`).

Source: Documentation/filesystems/proc.rst.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TextIO

from prefault_kit.kernel.native import lib
from prefault_kit.kernel.perf import TaskEvent

HEAP = "[heap]"
ANONYMOUS = ("//anon", "anon_inode:[anon]")
"""How perf names what /proc/PID/maps leaves without a name."""
DELETED = " (deleted)"


@dataclass(frozen=True)
class Region:
    """A mapping: ``length`` bytes at an address, from ``offset`` of a file if there is one."""

    address: int
    length: int
    permissions: str
    """As in /proc/PID/maps: ``rw-p`` is private, ``r--s`` shared."""
    offset: int = 0
    device: tuple[int, int] = (0, 0)
    inode: int = 0
    name: str = ""
    """A path, ``[heap]``, ``[stack]`` or the like; empty of anonymous memory."""

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.length

    @property
    def has_file(self) -> bool:
        """Whether a file is behind it; memory that is shared counts as one, as for the kernel."""
        return self.inode != 0

    @property
    def private(self) -> bool:
        """Whether what is written stays with the process."""
        return self.permissions.endswith("p")

    @property
    def writable(self) -> bool:
        """Whether the program may write to it."""
        return "w" in self.permissions

    def __contains__(self, address: int) -> bool:
        """Whether an address lies in it."""
        return self.address <= address < self.end


def parse(lines: Iterable[str]) -> list[Region]:
    """Read /proc/PID/maps.

    >>> [found] = parse(["7f00-8f00 rw-p 00001000 fe:01 42   /lib/a name"])
    >>> found.length, found.permissions, found.offset, found.device, found.name
    (4096, 'rw-p', 4096, (254, 1), '/lib/a name')
    """
    found = []
    for line in lines:
        words = line.rstrip("\n").split(None, 5)
        low, _, high = words[0].partition("-")
        major, _, minor = words[3].partition(":")
        found.append(
            Region(
                int(low, 16),
                int(high, 16) - int(low, 16),
                words[1],
                int(words[2], 16),
                (int(major, 16), int(minor, 16)),
                int(words[4]),
                words[5] if len(words) > 5 else "",
            )
        )
    return found


def region(task: TaskEvent) -> Region:
    """What a record of a mapping says."""
    bits = ((lib.PROT_READ, "r"), (lib.PROT_WRITE, "w"), (lib.PROT_EXEC, "x"))
    permissions = "".join(letter if task.protection & bit else "-" for bit, letter in bits)
    return Region(
        task.address,
        task.length,
        permissions + ("s" if task.flags & lib.MAP_SHARED else "p"),
        task.offset if task.inode else 0,
        task.device,
        task.inode,
        "" if task.name in ANONYMOUS else task.name,
    )


class AddressSpace:
    """The mappings of a process, to be asked of an address.

    One that is mapped over another takes its place. What is unmapped stays known: a fault of short-
    lived memory can then still be explained.

    >>> space = AddressSpace(parse(["1000-3000 rw-p 0 0:0 0"]))
    >>> space.add(Region(0x2000, 0x1000, "r--p", name="/a"))
    >>> space.find(0x1fff).permissions, space.find(0x2000).name, space.find(0x3000)
    ('rw-p', '/a', None)
    """

    def __init__(self, regions: Iterable[Region] = ()) -> None:
        self._starts: list[int] = []
        self._regions: list[Region] = []
        for each in regions:
            self.add(each)

    def add(self, new: Region) -> None:
        """Know a mapping, in place of what was there."""
        if new.length <= 0:
            return
        first = bisect_right(self._starts, new.address)
        if not new.name and first and self._grows_heap(self._regions[first - 1], new):
            new = replace(new, name=HEAP)
        if first and self._regions[first - 1].end > new.address:
            first -= 1
        last = first
        kept = []
        while last < len(self._regions) and self._starts[last] < new.end:
            old = self._regions[last]
            if old.address < new.address:
                kept.append(_part(old, old.address, new.address))
            last += 1
            if old.end > new.end:
                kept += [new, _part(old, new.end, old.end)]
        if new not in kept:
            kept.append(new)
        self._regions[first:last] = kept
        self._starts[first:last] = [each.address for each in kept]

    @staticmethod
    def _grows_heap(old: Region, new: Region) -> bool:
        """Whether a mapping is of brk(2), whose records have no name."""
        return old.name == HEAP and old.end >= new.address and new.private and not new.has_file

    def find(self, address: int) -> Region | None:
        """The mapping that an address lies in; None where there is none."""
        at = bisect_right(self._starts, address) - 1
        if at < 0 or address not in self._regions[at]:
            return None
        return self._regions[at]

    def before(self, address: int) -> Region | None:
        """The mapping that ends where another one begins; None where there is none."""
        at = bisect_right(self._starts, address - 1) - 1
        return self._regions[at] if at >= 0 and self._regions[at].end == address else None

    def copy(self) -> AddressSpace:
        """One of its own for a forked process."""
        other = AddressSpace()
        other._starts, other._regions = self._starts.copy(), self._regions.copy()
        return other

    def __iter__(self) -> Iterator[Region]:
        """By address."""
        return iter(self._regions)

    def __len__(self) -> int:
        """How many mappings are known."""
        return len(self._regions)


def _part(old: Region, begin: int, end: int) -> Region:
    """What is left of a mapping."""
    offset = old.offset + (begin - old.address) if old.has_file else 0
    return Region(begin, end - begin, old.permissions, offset, old.device, old.inode, old.name)


def of(pid: int | str = "self") -> AddressSpace:
    """The mappings of a process now; OSError where it is gone or not to be seen."""
    with _maps(pid) as lines:
        return AddressSpace(parse(lines))


def _maps(pid: int | str) -> TextIO:
    return open(f"/proc/{pid}/maps", encoding="utf-8", newline="\n", errors="surrogateescape")


class AddressSpaces:
    """Those of processes that were recorded from their first instruction on."""

    def __init__(self) -> None:
        self._spaces: dict[int, AddressSpace] = {}

    def of(self, pid: int) -> AddressSpace:
        """The mappings of a process as far as they are known."""
        if pid not in self._spaces:
            try:
                self._spaces[pid] = of(pid)
            except OSError:  # it is gone, or another user's
                self._spaces[pid] = AddressSpace()
        return self._spaces[pid]

    def look(self, pid: int) -> None:
        """Take over what /proc/PID/maps says now, which has names that records lack."""
        space = self.of(pid)
        with suppress(OSError), _maps(pid) as lines:
            for each in parse(lines):
                space.add(each)

    def learn(self, task: TaskEvent) -> None:
        """Take in what happened: in the order of time."""
        if task.kind == "mmap":
            self._spaces.setdefault(task.pid, AddressSpace()).add(region(task))
        elif task.kind == "comm" and task.flags:  # execve(2): a new program, nothing of the old
            self._spaces[task.pid] = AddressSpace()
        elif task.kind == "fork" and task.pid != task.parent_pid:
            self._spaces[task.pid] = self.of(task.parent_pid).copy()


def path_of(region: Region, pid: int | None = None) -> str | None:
    """Where the file of a mapping can be opened from here; None without a file, or a deleted one.

    For a process that lives, through its own root directory, which may be a container's.
    """
    if not region.has_file or not region.name.startswith("/") or region.name.endswith(DELETED):
        return None
    if pid is not None:
        inside = f"/proc/{pid}/root{region.name}"
        if os.path.exists(inside):
            return inside
    return region.name
