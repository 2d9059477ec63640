"""What changed in a process between two moments: mappings, pages, faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prefault_kit.studies.process.mapping import ProcessMapping
from prefault_kit.studies.process.overview import Overview

Figure = Callable[[ProcessMapping], int | None]


@dataclass(frozen=True)
class MappingChange:
    """One mapping before and after; None where it was not there."""

    before: ProcessMapping | None
    after: ProcessMapping | None

    @property
    def mapping(self) -> ProcessMapping:
        """As it is now, or was."""
        found = self.after or self.before
        assert found is not None
        return found

    def pages(self, name: str) -> int | None:
        """By how many pages a count of the page tables grew; None where it is not known."""
        return self._difference(lambda each: getattr(each.pages, name, None))

    def usage(self, name: str) -> int | None:
        """By how many bytes a figure of smaps grew; None where it is not known."""
        return self._difference(lambda each: getattr(each.usage, name, None))

    @property
    def size_bytes(self) -> int:
        """By how much it grew, as addresses."""
        return _size(self.after) - _size(self.before)

    @property
    def resident_bytes(self) -> int | None:
        """By how much it grew, in memory."""
        return self._difference(lambda each: each.resident_bytes)

    @property
    def cached(self) -> int | None:
        """By how many pages what the page cache has of its file grew."""
        return self._difference(lambda each: getattr(each.file, "cached", None))

    def _difference(self, figure: Figure) -> int | None:
        values = [0 if each is None else figure(each) for each in (self.before, self.after)]
        before, after = values
        return None if before is None or after is None else after - before

    @property
    def is_any(self) -> bool:
        """Whether anything that is told is otherwise than before."""
        if self.before is None or self.after is None:
            return True
        return (
            self.before.head != self.after.head
            or self.before.pages != self.after.pages
            or self.before.vm_flags != self.after.vm_flags
            or any(self.usage(name) for name in ("rss", "shared_dirty", "private_dirty", "locked"))
        )


def _size(mapping: ProcessMapping | None) -> int:
    return mapping.size_bytes if mapping else 0


@dataclass(frozen=True)
class Changes:
    """Two moments of one process, and what is between them."""

    before: Overview
    after: Overview
    mappings: tuple[MappingChange, ...]
    """Those that changed, came or went; by address."""

    @property
    def seconds(self) -> float:
        """How long it was between them."""
        return (self.after.taken_ns - self.before.taken_ns) / 1e9

    @property
    def minor_faults(self) -> int:
        """Faults without a read from disk, of all its threads."""
        return self.after.stat.minor_faults - self.before.stat.minor_faults

    @property
    def major_faults(self) -> int:
        """Faults that waited for a disk."""
        return self.after.stat.major_faults - self.before.stat.major_faults

    @property
    def resident_bytes(self) -> int:
        """By how much its VmRSS grew."""
        before, after = (each.status_bytes("VmRSS") or 0 for each in (self.before, self.after))
        return after - before


def between(before: Overview, after: Overview) -> Changes:
    """Compare two overviews; ValueError if they are of two processes.

    A mapping is the same if it begins where it did and maps the same file, or if it ends there and
    is a stack, which grows down.
    """
    if (before.pid, before.start_ticks) != (after.pid, after.start_ticks):
        raise ValueError(
            f"the overviews are of two processes, {before.pid} and {after.pid}, or the id of the "
            "first is another's by now"
        )
    earlier = {_key(each): each for each in before.mappings}
    found = [MappingChange(earlier.pop(_key(each), None), each) for each in after.mappings]
    found += [MappingChange(each, None) for each in earlier.values()]
    changed = [each for each in found if each.is_any]
    return Changes(before, after, tuple(sorted(changed, key=lambda each: each.mapping.address)))


def _key(mapping: ProcessMapping) -> tuple[object, ...]:
    head = mapping.head
    place = head.end if head.name == "[stack]" else head.address
    return place, head.device, head.inode
