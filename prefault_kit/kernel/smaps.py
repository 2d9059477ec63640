"""Accounting: what ``/proc/PID/smaps`` says of a range, in bytes.

Source: Documentation/filesystems/proc.rst. smaps is per VMA, and grows fields with the kernel:
unknown ones are kept, missing ones are None. Two traps that it sets: pages of the zero page and of
hugetlb are in no Rss (see ``pagemap.py``, and ``shared_hugetlb`` and ``private_hugetlb``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

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


class Area(NamedTuple):
    """A VMA: where it is, in bytes, ``rw-p`` and the like, its VmFlags, and the file behind it."""

    address: int
    length: int
    permissions: str
    vm_flags: tuple[str, ...] = ()
    """None of them where they were not asked for."""
    offset: int = 0
    """Where in the file it begins, in bytes."""
    device: tuple[int, int] = (0, 0)
    inode: int = 0
    path: str = ""
    """As the kernel has it: of a file that is gone it ends with `` (deleted)``."""

    @property
    def is_shared(self) -> bool:
        """Whether what is written goes to the file, or to memory that others share."""
        return self.permissions.endswith("s")

    @property
    def has_file(self) -> bool:
        """Whether pages come from a file; shared anonymous memory has one of the kernel's own."""
        return self.inode != 0


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
                    found.append(_area(line))
            elif inside and line.startswith("VmFlags:"):
                flags_of_it = tuple(line.split()[1:])
                found[-1] = found[-1]._replace(vm_flags=flags_of_it)
    return found


def _area(line: str) -> Area:
    """The head of a VMA, as maps and smaps have it (proc_pid_maps(5))."""
    span, permissions, offset, device, inode, *path = line.rstrip("\n").split(None, 5)
    low, high = (int(each, 16) for each in span.split("-"))
    major, minor = (int(each, 16) for each in device.split(":"))
    name = path[0].replace("\\012", "\n") if path else ""
    return Area(low, high - low, permissions, (), int(offset, 16), (major, minor), int(inode), name)
