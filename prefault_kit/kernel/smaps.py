"""Accounting: what ``/proc/PID/smaps`` says of a range, in bytes.

Source: Documentation/filesystems/proc.rst. smaps is per VMA, and grows fields with the kernel:
unknown ones are kept, missing ones are None. Two traps that it sets: pages of the zero page and of
hugetlb are in no Rss (see ``pagemap.py``, and ``shared_hugetlb`` and ``private_hugetlb``).
"""

from __future__ import annotations

import os
import re
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from prefault_kit.kernel.address_space import Region
from prefault_kit.kernel.address_space import parse as parse_regions
from prefault_kit.kernel.looking import Looking

NAMES: dict[str, str] = {
    "rss": "Rss",
    "pss": "Pss",
    "shared_clean": "Shared_Clean",
    "shared_dirty": "Shared_Dirty",
    "private_clean": "Private_Clean",
    "private_dirty": "Private_Dirty",
    "anonymous": "Anonymous",
    "anon_huge": "AnonHugePages",
    "shared_hugetlb": "Shared_Hugetlb",
    "private_hugetlb": "Private_Hugetlb",
    "locked": "Locked",
}
"""The kit's names for the kernel's."""


@dataclass(frozen=True)
class Usage:
    """Bytes of a range by the kernel's accounting; None where this kernel has no such field."""

    rss: int | None = None
    pss: int | None = None
    shared_clean: int | None = None
    shared_dirty: int | None = None
    private_clean: int | None = None
    private_dirty: int | None = None
    anonymous: int | None = None
    anon_huge: int | None = None
    shared_hugetlb: int | None = None
    private_hugetlb: int | None = None
    locked: int | None = None
    other: dict[str, int] = field(default_factory=dict)
    """Every further field that smaps counts in kB, in bytes, under the kernel's name."""
    vm_flags: tuple[str, ...] = ()
    """The VmFlags of the first VMA of the range."""

    def as_dict(self) -> dict[str, int | None]:
        """The named fields alone, as ``run --json`` gives them."""
        return {name: getattr(self, name) for name in NAMES}


def parse(lines: Iterable[str], address: int, length: int) -> Usage:
    """Sum the VMAs of smaps text that lie in [address, address + length).

    Reading stops behind the range, so a kernel that produces the text as it is read (they all
    do) never walks the mappings behind it.
    """
    totals: dict[str, int] = {}
    flags: tuple[str, ...] = ()
    inside = False
    for line in lines:
        key, _, value = line.partition(" ")
        if not key.endswith(":"):  # "7f1c..-7f1d.. rw-p ...": the head of a VMA
            low, _, high = key.partition("-")
            inside = int(low, 16) >= address and int(high, 16) <= address + length
            if int(low, 16) >= address + length:
                break
        elif not inside:
            continue
        elif key == "VmFlags:":
            flags = flags or tuple(value.split())
        elif value.endswith("kB\n"):
            totals[key[:-1]] = totals.get(key[:-1], 0) + int(value[:-3]) * 1024
    known = {name: totals.pop(kernel, None) for name, kernel in NAMES.items()}
    return Usage(**known, other=totals, vm_flags=flags)


def usage(address: int, length: int, pid: int | str = "self") -> Usage:
    """Read ``/proc/PID/smaps`` for a range that begins and ends at VMA borders."""
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as smaps:
        return parse(smaps, address, length)


def rss_of(ranges: Iterable[tuple[int, int]], pid: int | str = "self") -> list[int]:
    """What is resident of each range (address, length), in bytes, by one reading of smaps.

    Of mappings that lie in no range as a whole nothing is counted. OSError without the process.
    """
    wanted = list(ranges)
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as lines:
        return sum_rss(lines, wanted)


def sum_rss(lines: Iterable[str], ranges: Sequence[tuple[int, int]]) -> list[int]:
    r"""The same in the text of smaps; ranges do not overlap.

    >>> text = "1000-2000 rw-p 0 0:0 0\nRss: 4 kB\n2000-4000 rw-p 0 0:0 0\nRss: 8 kB"
    >>> sum_rss(text.splitlines(), [(0x2000, 0x2000), (0x8000, 0x1000)])
    [8192, 0]
    """
    order = sorted(range(len(ranges)), key=lambda each: ranges[each])
    starts = [ranges[each][0] for each in order]
    found = [0] * len(ranges)
    at: int | None = None
    for line in lines:
        if not line[0].isupper():  # the head of a VMA
            low, _, high = line.partition(" ")[0].partition("-")
            place = bisect_right(starts, int(low, 16)) - 1
            at = order[place] if place >= 0 else None
            if at is not None and int(high, 16) > sum(ranges[at]):
                at = None
        elif at is not None and line.startswith("Rss:"):
            found[at] += int(line.split()[1]) * 1024
    return found


def rollup_pss(pid: int | str = "self") -> int | None:
    """The proportional set size of a process, in bytes: what it shares is divided among those that
    share it. None before Linux 4.14. OSError without the process; the kernel walks all its pages.
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8", errors="replace") as lines:
            found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")]
    except FileNotFoundError:
        if not os.path.exists(f"/proc/{pid}"):
            raise
        return None
    return found[0] if found else None


@dataclass(frozen=True)
class Area(Region):
    """A mapping with its VmFlags."""

    vm_flags: tuple[str, ...] = ()
    """None of them where they were not asked for."""


def areas(address: int, length: int, *, flags: bool = True) -> list[Area]:
    """The VMAs of this process that overlap a range.

    Without ``flags`` from /proc/self/maps, which is quick in a large process too: for smaps the
    kernel walks the page tables of all that lies below the range.
    """
    found: list[Area] = []
    inside = False
    name = "/proc/self/smaps" if flags else "/proc/self/maps"
    with open(name, encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            if not line[0].isupper():  # the head of a VMA
                low, _, high = line.partition(" ")[0].partition("-")
                if int(low, 16) >= address + length:
                    break
                inside = int(high, 16) > address
                if inside:
                    found += [Area(**vars(each)) for each in parse_regions([line])]
            elif inside and line.startswith("VmFlags:"):
                flags_of_it = tuple(line.split()[1:])
                found[-1] = replace(found[-1], vm_flags=flags_of_it)
    return found


FIELD = re.compile(rb"^(\w+): +(\d+)( kB)?$", re.MULTILINE)
READ_BYTES = 512
"""Less than one record of smaps: the kernel then walks one mapping in each read, and lets go of
mmap_lock between."""
HEAD_BYTES = 64


class Record(NamedTuple):
    """A mapping by smaps."""

    head: Region
    usage: Usage
    page_size_bytes: int | None
    """KernelPageSize."""
    thp_eligible: bool | None
    """THPeligible (Linux 4.20)."""


def parse_record(data: bytes) -> Record:
    """One mapping's lines of smaps."""
    first, _, lines = data.partition(b"\n")
    sizes: dict[str, int] = {}
    plain: dict[bytes, int] = {}
    for name, number, unit in FIELD.findall(lines):
        if unit:
            sizes[name.decode()] = int(number) * 1024
        else:
            plain[name] = int(number)
    _, _, flags = lines.rpartition(b"VmFlags:")
    eligible = plain.get(b"THPeligible")
    known = {name: sizes.pop(kernel, None) for name, kernel in NAMES.items()}
    page_size = sizes.pop("KernelPageSize", None)
    usage = Usage(**known, other=sizes, vm_flags=tuple(flags.decode().split()))
    return Record(_head(first), usage, page_size, None if eligible is None else bool(eligible))


def _head(line: bytes) -> Region:
    [found] = parse_regions([os.fsdecode(line)])
    return found


def records(
    fd: int, looking: Looking, may_walk: Callable[[int], bool] = lambda passed: True
) -> Iterator[Record]:
    """Every mapping in an open file of smaps, from its beginning, one walked by the kernel a read.

    ``may_walk`` is asked before the mapping that begins at or behind an address is walked; where it
    says no, reading ends a record earlier, for the kernel skips none. Costs are added to
    ``looking``.
    """
    rest, passed = b"", 0
    while step := _step(rest, passed, may_walk):
        began = time.perf_counter_ns()
        read = os.read(fd, step)
        took = time.perf_counter_ns() - began
        looking.add(1, took, took)
        if not read:
            return
        rest += read
        while (end := _record_end(rest)) is not None:
            record = parse_record(rest[:end])
            rest, passed = rest[end:], record.head.end
            yield record
        looking.rest()


def _record_end(data: bytes) -> int | None:
    """Where the first record ends: behind the line of its VmFlags."""
    flags = data.find(b"\nVmFlags:")
    end = -1 if flags < 0 else data.find(b"\n", flags + 1)
    return None if end < 0 else end + 1


def _step(rest: bytes, passed: int, may_walk: Callable[[int], bool]) -> int:
    """How much to read next, so that only what may be walked is; 0 to end.

    What a read begins of a record is walked already, and the kernel keeps the rest of its text; but
    the read that takes its last byte walks the next mapping, however few bytes are asked for. So
    the record before one that may not be walked stays without its end.
    """
    if rest and b"\n" not in rest:
        return HEAD_BYTES  # which mapping it is comes first
    walked = int(rest[: rest.index(b" ")].partition(b"-")[2], 16) if rest else passed
    return READ_BYTES if may_walk(walked) else 0
