"""What each page is, in three strips that belong together, and what all of it costs.

The page table tells what is mapped, the page cache what the kernel holds of the file, the storage
what the file has where it lies. All of it is looked up, nothing is inferred.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, groupby
from typing import Any, Self

from prefault_kit.kernel import blocks, folios, page_cache, pagemap, proc, smaps
from prefault_kit.kernel.pagemap import FILE, HUGE, PRESENT, SWAPPED, ZERO
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.playground.ground import Ground

ABSENT = "not present"
TABLE = (
    ABSENT, "zero page", "huge zero page", "of the file", "anonymous", "huge", "swapped",
    "guard",
)  # fmt: skip
"""What a page table may say of a page."""
CACHE = tuple(reversed(page_cache.PAGE_WORDS))
STORAGE = tuple(blocks.STATES.values())
BEYOND = "beyond the end"
"""In page cache and storage: the file is shorter."""


Runs = list[tuple[int, str]]
"""A strip as it is kept: how many pages in a row have which word."""


def possible(ground: Ground) -> tuple[str, ...]:
    """What a page of this memory is, as a rule: neither swapped nor a guard."""
    own = ("zero page", "anonymous") if not ground.backing.has_file else ("anonymous",)
    if ground.backing.is_hugetlb:
        return (ABSENT, "huge")
    words = (ABSENT, *(own if ground.sharing == "private" else ()))
    if ground.backing.has_file or ground.sharing == "shared":
        words = (*words, "of the file")
    return (*words, *(("huge zero page", "huge") if ground.thp else ()))


@dataclass(frozen=True)
class Strips:
    """A range at one moment: a word for each page in each strip, and bytes of all of it."""

    runs: dict[str, Runs | None]
    """By strip; a history of many steps stays small so."""
    bytes: dict[str, int | None]
    """``rss, pss, dirty, locked, hugetlb, blocks, page_table``."""

    @property
    def table(self) -> list[str]:
        """What the page table says of each page; of :data:`TABLE`."""
        return self._words("table") or []

    @property
    def cache(self) -> list[str] | None:
        """What the page cache holds for each; None without a file, or where it cannot be told."""
        return self._words("cache")

    @property
    def storage(self) -> list[str] | None:
        """What the file has where it lies; None without a file."""
        return self._words("storage")

    @property
    def access(self) -> list[str]:
        """What may be done to each page: ``r`` and ``w`` or ``none``, and whether it is ``locked``,
        or ``protected`` by userfaultfd against writes, also where it is not present."""
        return self._words("access") or []

    @property
    def folios(self) -> list[tuple[int, int]] | None:
        """The folios of several pages that are mapped, the first page and the number of pages of
        each; None where that cannot be known."""
        runs = self.runs.get("folio")
        if runs is None:
            return None
        ends = list(accumulate(count for count, _ in runs))
        return [(end - count, count) for end, (count, word) in zip(ends, runs, strict=True) if word]

    def _words(self, name: str) -> list[str] | None:
        runs = self.runs[name]
        return None if runs is None else [word for count, word in runs for _ in range(count)]

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, saved: dict[str, Any]) -> Self:
        """What :meth:`as_dict` gave."""
        runs = {
            name: strip and [(count, sys.intern(word)) for count, word in strip]
            for name, strip in saved["runs"].items()
        }
        return cls(runs, saved["bytes"])


def _packed(strip: list[str] | None) -> Runs | None:
    return None if strip is None else [(len(list(run)), word) for word, run in groupby(strip)]


def look(memory: Mapping) -> Strips:
    """Look at all of a mapping of this process."""
    usage, entries = memory.usage(), pagemap.entries(*memory.span())
    allocated = os.fstat(memory.fd).st_blocks * page_cache.BLOCK_BYTES if memory.fd >= 0 else None
    dirty = (usage.private_dirty or 0) + (usage.shared_dirty or 0)
    hugetlb = (usage.private_hugetlb or 0) + (usage.shared_hugetlb or 0)
    page_table = proc.status().get("VmPTE", "").partition(" ")[0]
    cached = _of_file(memory, page_cache.of_pages)
    return Strips(
        runs={
            "table": _packed(_table(memory, entries, swap=bool(usage.other.get("Swap")))),
            "cache": _packed(cached),
            "storage": _packed(_storage(memory, cached)),
            "access": _packed(_protected(_access(memory), entries)),
            "folio": _packed(_folios(entries)),
        },
        bytes={
            "rss": usage.rss,
            "pss": usage.pss,
            "dirty": None if usage.private_dirty is None else dirty,
            "locked": usage.locked,
            "hugetlb": hugetlb if memory.backing.is_hugetlb else None,
            "blocks": allocated,
            "page_table": int(page_table) * 1024 if page_table else None,
        },
    )


def _table(memory: Mapping, entries: Sequence[int], *, swap: bool) -> list[str]:
    states = memory.pages(file=True).state_bytes
    return [_word(state, entry, swap=swap) for state, entry in zip(states, entries, strict=True)]


def _word(state: int, entry: int, *, swap: bool) -> str:
    if entry & pagemap.GUARD:
        return "guard"
    if state & SWAPPED:  # userfaultfd marks what is not there with an entry that looks swapped
        return "swapped" if swap or not entry & pagemap.WRITE_PROTECTED else ABSENT
    if not state & PRESENT:
        return ABSENT
    if state & ZERO:
        return "huge zero page" if state & HUGE else "zero page"
    if state & HUGE:
        return "huge"
    return "of the file" if state & FILE else "anonymous"


def _folios(entries: Sequence[int]) -> list[str] | None:
    """For each page the first page of the folio that it is in, where the folio has several."""
    spans = folios.spans(entries)
    if spans is None:
        return None
    words = [""] * len(entries)
    for first, count in spans:
        words[first : first + count] = [str(first)] * count
    return words


def _protected(access: list[str], entries: Sequence[int]) -> list[str]:
    return [
        f"{word} protected" if entry & pagemap.WRITE_PROTECTED else word
        for word, entry in zip(access, entries, strict=True)
    ]


def _of_file(memory: Mapping, look: Any) -> list[str] | None:
    """A word for each page of the file, as far as it goes."""
    if memory.fd < 0:
        return None
    pages = memory.size_bytes // PAGE_SIZE_BYTES
    there = min(pages, -(-os.fstat(memory.fd).st_size // PAGE_SIZE_BYTES))
    try:
        return [*(look(memory.fd, there) if there else []), *[BEYOND] * (pages - there)]
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return None
        raise


def _storage(memory: Mapping, cached: list[str] | None) -> list[str] | None:
    """Where the storage is memory, what is cached has some, which SEEK_DATA does not tell."""
    if memory.backing.is_hugetlb:  # SEEK_DATA says of all of it that it is data
        return None
    found = _of_file(memory, blocks.of)
    if found is None or cached is None or memory.backing.on_disk:
        return found
    pairs = zip(found, cached, strict=True)
    return ["reserved" if pair == (blocks.HOLE, "cached") else pair[0] for pair in pairs]


def _access(memory: Mapping) -> list[str]:
    """What may be done to each page: each area of the range has its own answer."""
    address, length = memory.span()
    found = ["none"] * (length // PAGE_SIZE_BYTES)
    for area in smaps.areas(address, length):
        first = max(0, area.address - address) // PAGE_SIZE_BYTES
        end = min(length, area.address + area.length - address) // PAGE_SIZE_BYTES
        may = area.permissions[:2].replace("-", "") or "none"
        found[first:end] = [f"{may} locked" if "lo" in area.vm_flags else may] * (end - first)
    return found
