"""What a range holds now: pages of each kind, and what the page cache has of the files behind."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace

from prefault_kit.kernel import mapped_file, pagemap, smaps, syscalls
from prefault_kit.kernel.pagemap import Pages
from prefault_kit.kernel.smaps import Area
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.buffer import Place
from prefault_kit.memory.file_part import Identity, open_regular
from prefault_kit.memory.page_cache_share import (
    MEMORY_FILES,
    Cache,
    cache_of,
    is_blind,
    is_in_memory,
)

GONE = " (deleted)"
OLD = "the file behind was deleted or replaced: these pages are the old one's"


@dataclass(frozen=True)
class Holding:
    """Counts of system pages of a range; None for what this kernel cannot tell."""

    pages: Pages
    anonymous: int | None
    """Present pages of no file: written, or copied from a file. Without the zero page."""
    cached: int | None
    """Pages that the page cache has of the files behind, mapped or not; None without a file."""


class Held:
    """The areas of a range, with the files behind them open as far as they can be."""

    def __init__(self, place: Place, areas: list[Area], fds: Sequence[int]) -> None:
        self.place = place
        self.areas = areas
        self.files = [(fd, fd >= 0 and is_blind(fd)) for fd in fds]
        self._in_memory = [
            area.name.startswith(MEMORY_FILES) or (fd >= 0 and is_in_memory(fd))
            for area, fd in zip(areas, fds, strict=True)
        ]

    def ask_flags(self) -> None:
        """Find out the VmFlags of its areas, which takes a walk through smaps."""
        place = self.place
        flags = {
            area.address: area.vm_flags for area in smaps.areas(place.address, place.size_bytes)
        }
        self.areas = [replace(area, vm_flags=flags.get(area.address, ())) for area in self.areas]

    @property
    def on_disk(self) -> list[Area]:
        """Those whose pages come from a disk, and may go back to it: not memfd, not tmpfs."""
        pairs = zip(self.areas, self._in_memory, strict=True)
        return [area for area, in_memory in pairs if area.has_file and not in_memory]

    @property
    def has_lost_its_name(self) -> bool:
        """Whether a file behind was deleted or replaced; one of a Mapping has no name from the
        beginning."""
        return self.place.fd < 0 and any(area.name.endswith(GONE) for area in self.on_disk)

    @property
    def has_file(self) -> bool:
        """Whether pages of any of it are a file's."""
        return any(area.has_file for area in self.areas)

    def look(self, offset: int = 0, length: int | None = None, *, copies: bool = True) -> Holding:
        """What a part of the range holds.

        Which pages of a private file mapping are copies takes three times as long to find out:
        without ``copies`` it is not asked.
        """
        begin = self.place.address + offset
        length = self.place.size_bytes - offset if length is None else length
        mixed = any(area.has_file and area.private for area in self.areas)
        pages = pagemap.scan(begin, length, file=copies and mixed)
        anonymous: int | None = None
        if not any(area.private for area in self.areas):
            anonymous = 0
        elif not self.has_file and pages.zero is not None:
            anonymous = pages.present - pages.zero
        elif pages.file is not None and pages.zero is not None:
            anonymous = pages.present - pages.zero - pages.file
        return Holding(pages, anonymous, self.cache(begin, length).cached)

    def cache(self, begin: int, length: int) -> Cache:
        """What the page cache has of the files behind a part of the range."""
        cached: int | None = None
        dirty: int | None = None
        for area, (fd, blind) in zip(self.areas, self.files, strict=True):
            low = max(begin, area.address)
            size = min(begin + length, area.address + area.length) - low
            if not area.has_file or size <= 0:
                continue
            if fd >= 0:
                found = cache_of(fd, area.offset + low - area.address, size, blind=blind)
            else:
                found = Cache(_mincore(low, size, area))
            if found.cached is None:
                return Cache(None)
            dirty = None if found.dirty is None else found.dirty + (dirty or 0)
            cached = found.cached + (cached or 0)
        return Cache(cached, dirty)

    def missing_pages(self, offset: int, length: int, *, access: str) -> int:
        """How many pages an access of a part would add to memory, at most."""
        pages = length // PAGE_SIZE_BYTES
        held = self.look(offset, length)
        cached = held.pages.present if held.cached is None else held.cached
        if not any(area.private for area in self.areas):
            return pages - min(pages, cached)
        behind = pages - min(pages, cached) if self.has_file else 0
        own = held.anonymous if held.anonymous is not None else 0
        return behind + (pages - own if access == "write" else 0)


def _mincore(address: int, length: int, area: Area) -> int | None:
    vector = syscalls.mincore(address, length)
    there = sum(byte & 1 for byte in vector)
    if there < len(vector) or os.geteuid() == 0 or area.name.startswith(MEMORY_FILES):
        return there
    try:
        return there if os.stat(area.name).st_uid == os.geteuid() else None
    except OSError:
        return None


@contextmanager
def held(place: Place) -> Iterator[Held]:
    """A place with its areas, for as long as their files are to be open."""
    areas = smaps.areas(place.address, place.size_bytes, flags=False)
    with ExitStack() as files:
        fds = []
        for area in areas:
            fd = -1
            if area.has_file and place.fd >= 0:
                fd = place.fd
            elif area.has_file and (fd := _open_behind(area)) >= 0:
                files.callback(os.close, fd)
            fds.append(fd)
        yield Held(place, areas, fds)


def _open_behind(area: Area) -> int:
    """The file behind an area, if its name still leads to it; else -1."""
    wanted = os.makedev(*area.device), area.inode
    for path in mapped_file.paths(area.name):
        with suppress(OSError, ValueError):
            if not _is(Identity.of(path), wanted):
                continue
            fd = open_regular(path)
            if _is(Identity.of(fd), wanted):
                return fd
            os.close(fd)
    return -1


def _is(found: Identity, wanted: tuple[int, int]) -> bool:
    return (found.device, found.inode) == wanted
