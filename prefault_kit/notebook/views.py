"""Several views of one mapping side by side, in system pages."""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.mapping import Mapping


@dataclass(frozen=True)
class Layers:
    """Three things that are easily taken for one: blocks, pages of the page cache, mapped pages."""

    blocks: bool
    """Whether the file has storage; how much is the file system's affair."""
    cached: int | None
    dirty: int | None
    mapped: int
    """Entries in the page table."""


def layers(memory: Mapping) -> Layers:
    """Look at storage, page cache and page table of a mapping; ValueError without a file."""
    cache = memory.file_cache()
    if cache is None:
        raise ValueError("anonymous memory has no file: map a memfd, tmpfs or a file")
    allocated = cache.allocated_bytes > 0
    return Layers(allocated, cache.cached, cache.dirty, memory.pages().present)


@dataclass(frozen=True)
class Answers:
    """How many pages are resident, by three ways to ask."""

    page_table: int
    mincore: int
    rss: int


def answers(memory: Mapping) -> Answers:
    """Ask the page table, mincore(2) and smaps about the same memory."""
    rss = (memory.usage().rss or 0) // PAGE_SIZE_BYTES
    return Answers(memory.pages().present, sum(memory.mincore()), rss)
