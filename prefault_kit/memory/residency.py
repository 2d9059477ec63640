"""Residency: how much of a buffer or a file is in memory now, of which kind, and where."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from prefault_kit.kernel import numa, smaps
from prefault_kit.kernel.pagemap import Pages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory import file_reading
from prefault_kit.memory.buffer import is_path, placed
from prefault_kit.memory.file_part import FilePart
from prefault_kit.memory.holding import OLD, Held, held
from prefault_kit.memory.page_cache_share import NOT_TOLD
from prefault_kit.memory.sizes import format_bytes

if TYPE_CHECKING:
    from prefault_kit.memory.prefault import Memory

FLAGS = {
    "rr": "MADV_RANDOM",
    "sr": "MADV_SEQUENTIAL",
    "hg": "MADV_HUGEPAGE",
    "nh": "MADV_NOHUGEPAGE",
    "lo": "mlock",
    "dc": "MADV_DONTFORK",
    "dd": "MADV_DONTDUMP",
}
"""VmFlags that come of advice or of a lock, and that say what the kernel will do with pages."""


@dataclass(frozen=True)
class Residency:
    """What of a buffer is in memory. Counts are of system pages; None is what cannot be known here.

    >>> found = residency(bytearray(b"1" * (1 << 20)))
    >>> found.present == found.pages, found.anonymous == found.pages
    (True, True)
    """

    buffer_bytes: int
    """Of the buffer itself."""
    pages: int
    """Those that it lies in, whole ones."""
    present: int | None
    """In the page table, the zero page included; None of a path, which is not mapped."""
    zero: int | None
    huge: int | None
    """Mapped by a huge entry."""
    anonymous: int | None
    """Of this process alone or of its children: written, or copied from a file."""
    file: int | None
    """Of a file, or of memory that may be shared."""
    swapped: int | None
    dirty: int | None
    """To be written back, of files; of anonymous memory what smaps counts so, which it does for
    whole mappings alone: None for a part of one."""
    cached: int | None
    """In the page cache of the files behind, mapped or not. None without a file, too."""
    nodes: dict[int, int] | None
    """NUMA node -> present pages that lie on it, without the zero page."""
    advice: tuple[str, ...] = ()
    """What was set on all or a part of its mapping: MADV_RANDOM, mlock..."""
    notes: tuple[str, ...] = ()
    states: Pages | None = field(default=None, repr=False, compare=False)
    """The state of each page, for a page map; None of a path."""

    @property
    def size_bytes(self) -> int:
        """Of the whole pages."""
        return self.pages * PAGE_SIZE_BYTES

    def as_dict(self) -> dict[str, Any]:
        """The counts, for JSON."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        del found["states"]
        return found | {"size_bytes": self.size_bytes}

    def __str__(self) -> str:
        parts = []
        if self.present is not None:
            there = format_bytes(self.present * PAGE_SIZE_BYTES) if self.present else "0"
            parts.append(f"{there} of {format_bytes(self.size_bytes)} present")
        counts = {name: getattr(self, name) for name in WORDS}
        parts += [
            f"{format_bytes(count * PAGE_SIZE_BYTES)} {WORDS[name]}"
            for name, count in counts.items()
            if count
        ]
        if self.present is None and self.cached == 0:
            parts.append(f"nothing of {format_bytes(self.size_bytes)} in the page cache")
        if self.nodes and len(self.nodes) > 1:
            parts.append(
                "by node " + ", ".join(f"{node}: {count}" for node, count in self.nodes.items())
            )
        return "; ".join((*filter(None, [", ".join(parts)]), *self.advice, *self.notes))


WORDS = {
    "zero": "zero page",
    "huge": "huge",
    "anonymous": "anonymous",
    "file": "of a file",
    "swapped": "swapped out",
    "cached": "in the page cache",
    "dirty": "dirty",
}


def residency(memory: Memory) -> Residency:
    """How much of a buffer, a path or a part of a file is in memory now; nothing is changed.

    >>> import mmap
    >>> with mmap.mmap(-1, 4 * PAGE_SIZE_BYTES, mmap.MAP_PRIVATE) as memory:
    ...     memory[PAGE_SIZE_BYTES] = 1
    ...     found = residency(memory)
    >>> found.present, found.pages
    (1, 4)

    ``memory`` is what :func:`~prefault_kit.prefault` takes. ValueError and TypeError say what is
    wrong with it, OSError what cannot be read.
    """
    if is_path(memory):
        memory = FilePart.whole(memory)  # type: ignore[arg-type]
    if isinstance(memory, FilePart):
        return _of_file(memory)
    with placed(memory) as place, held(place) as here:
        here.ask_flags()
        return _of_buffer(here)


def _of_buffer(here: Held) -> Residency:
    place = here.place
    found = here.look()
    pages = found.pages
    shared = not any(area.private for area in here.areas)
    files = pages.file
    if files is None and (shared or not here.has_file):
        files = pages.present if shared else 0
    cache = here.cache(place.address, place.size_bytes)
    flags = {flag for area in here.areas for flag in area.vm_flags}
    notes = []
    if not place.is_whole:
        notes.append("it begins or ends amid a page: whole pages are counted")
    if here.has_lost_its_name:
        notes.append(OLD)
    elif here.has_file and found.cached is None:
        notes.append(NOT_TOLD)
    return Residency(
        place.buffer_bytes,
        place.size_bytes // PAGE_SIZE_BYTES,
        pages.present,
        pages.zero,
        pages.huge,
        found.anonymous,
        files,
        pages.swapped,
        _dirty(here, cache.dirty),
        found.cached,
        numa.page_nodes(place.address, place.size_bytes),
        tuple(name for flag, name in FLAGS.items() if flag in flags),
        tuple(notes),
        pages,
    )


def _dirty(here: Held, of_files: int | None) -> int | None:
    """Dirty pages: of shared files by the page cache, of anything else by whole mappings."""
    place = here.place
    if here.areas and here.on_disk == here.areas and not any(area.private for area in here.areas):
        return of_files
    low = here.areas[0].address if here.areas else None
    end = here.areas[-1].address + here.areas[-1].length if here.areas else 0
    if low != place.address or end != place.address + place.size_bytes:
        return None
    usage = smaps.usage(place.address, place.size_bytes)
    if usage.shared_dirty is None or usage.private_dirty is None:
        return None
    return (usage.shared_dirty + usage.private_dirty) // PAGE_SIZE_BYTES


def _of_file(part: FilePart) -> Residency:
    with part.opened() as fd:
        reading = file_reading.FileReading.of(part, fd, "", 1)
        cache = reading.cache()
    notes: tuple[str, ...] = () if cache.cached is not None else (NOT_TOLD,)
    if part.offset_bytes % PAGE_SIZE_BYTES or part.size_bytes % PAGE_SIZE_BYTES:
        notes += ("it begins or ends amid a page: whole pages are counted",)
    return Residency(
        part.size_bytes,
        reading.size_bytes // PAGE_SIZE_BYTES,
        None,
        None,
        None,
        None,
        None,
        None,
        cache.dirty,
        cache.cached,
        None,
        notes=notes,
    )
