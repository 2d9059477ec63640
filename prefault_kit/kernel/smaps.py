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
    """A VMA: where it is, in bytes, ``rw-p`` and the like, and its VmFlags."""

    address: int
    length: int
    permissions: str
    vm_flags: tuple[str, ...]


def areas(address: int, length: int) -> list[Area]:
    """The VMAs of this process that overlap a range."""
    found = []
    low = high = 0
    permissions = ""
    with open("/proc/self/smaps", encoding="ascii", errors="replace") as lines:
        for line in lines:
            key, _, value = line.partition(" ")
            if not key.endswith(":"):
                low, high = (int(each, 16) for each in key.split("-"))
                permissions = value.split()[0]
                if low >= address + length:
                    break
            elif key == "VmFlags:" and high > address:
                found.append(Area(low, high - low, permissions, tuple(value.split())))
    return found
