"""The published grid, 95 cells a size, as data; and how its cells are named and chosen."""

from __future__ import annotations

import difflib
import fnmatch
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit import host
from prefault_kit.kernel import hugepages
from prefault_kit.measure.experiment import Experiment
from prefault_kit.memory import methods
from prefault_kit.memory.backing import KINDS, Backing
from prefault_kit.memory.methods import METHODS
from prefault_kit.memory.sizes import format_bytes

GRID = (
    ("private", ("anon", "memfd", "memfd huge", "tmpfs", "file", "hugetlbfs")),
    ("shared", ("anon", "anon huge", "memfd", "memfd huge", "tmpfs", "file", "hugetlbfs")),
)
"""Sharing and memories in the published order; the published methods that apply go with each."""


MOST_SIZES = 32
"""Sizes of one grid: with all its cells, that is over 3000."""


@dataclass(frozen=True)
class Grid:
    """What to run: the published cells at each size, or those that ``only`` names.

    Memory that has no such ``start`` (a page cache, a disk) starts ``empty``. ``directory`` is for
    the file cells; the other two are found among the mounts when None.
    """

    sizes_bytes: tuple[int, ...]
    repeats: int = 10
    start: str = "empty"
    only: tuple[str, ...] = ()
    directory: str = "."
    tmpfs_directory: str | None = None
    hugetlbfs_directory: str | None = None

    def cells(self) -> list[Experiment]:
        """The cells in the published order. ValueError says what makes no sense, and what would.

        A kernel without hugetlb pages has none to map, so anon and memfd come small only.
        """
        if not self.sizes_bytes:
            raise ValueError("a grid has at least one size: give one like 2 MiB")
        if len(self.sizes_bytes) > MOST_SIZES:
            raise ValueError(
                f"a grid has at most {MOST_SIZES} sizes, not {len(self.sizes_bytes)}: make several"
            )
        chosen = self._chosen()
        return [
            self._cell(backing, sharing, method, size_bytes)
            for block, _ in GRID
            for size_bytes in dict.fromkeys(self.sizes_bytes)
            for backing, sharing, method in chosen
            if sharing == block
        ]

    def _chosen(self) -> list[tuple[Backing, str, str]]:
        """Backing, sharing and method of every cell that is asked for."""
        every = list(self._every())
        if not self.only:
            return every
        chosen = [cell for cell in every if any(_is_named(*cell, each) for each in self.only)]
        if not chosen:
            patterns = " or ".join(map(repr, self.only))
            raise ValueError(f"{patterns} names none of the {len(every)} cells; {_hint(self.only)}")
        return chosen

    def _every(self) -> Iterator[tuple[Backing, str, str]]:
        for sharing, memories in GRID:
            for memory in memories:
                backing = self._backing(memory)
                if backing is None:
                    continue
                for method in METHODS.values():
                    if method.published and not methods.applies(
                        method,
                        has_file=backing.has_file,
                        sharing=sharing,
                        hugetlb=backing.is_hugetlb,
                        on_disk=backing.on_disk,
                    ):
                        yield backing, sharing, method.name

    def _backing(self, memory: str) -> Backing | None:
        kind, _, huge = memory.partition(" ")
        places = {
            "tmpfs": self.tmpfs_directory,
            "file": self.directory,
            "hugetlbfs": self.hugetlbfs_directory,
        }
        size = hugepages.default_size_bytes() if huge else None
        if huge and size is None:
            return None
        return Backing.of(kind, page_size=size, directory=places.get(kind))

    def _cell(self, backing: Backing, sharing: str, method: str, size_bytes: int) -> Experiment:
        has_start = {"empty": True, "cached": backing.has_file, "cold": backing.on_disk}
        start = self.start if has_start.get(self.start, True) else "empty"
        try:
            return Experiment(backing, sharing, method, size_bytes, start, self.repeats)
        except ValueError as error:
            wide = backing.is_hugetlb and size_bytes % backing.page_size_bytes
            advice = ", or choose other cells by --only" if wide else ""
            raise ValueError(f"{name(backing, sharing, method)}: {error}{advice}") from None

    def plan(self) -> dict[str, Any]:
        """What two halves of one table must agree in; no paths."""
        return {
            "sizes_bytes": list(self.sizes_bytes),
            "repeats": self.repeats,
            "start": self.start,
            "only": list(self.only),
            "huge_page_size_bytes": hugepages.default_size_bytes(),
            "file_system": host.file_system(self.directory),
        }


def page_word(backing: Backing) -> str:
    """The page size as a cell's name spells it: ``4KiB``."""
    return format_bytes(backing.page_size_bytes).replace(" ", "")


def name(backing: Backing, sharing: str, method: str) -> str:
    """Name a cell: ``shared memfd 4KiB POPULATE_READ``."""
    return f"{sharing} {backing.kind} {page_word(backing)} {method}"


def _words(pattern: str) -> list[str]:
    joined = re.sub(r"(\d)\s+([KMG]i?B)\b", r"\1\2", pattern, flags=re.IGNORECASE)
    return joined.casefold().split()


def _is_named(backing: Backing, sharing: str, method: str, pattern: str) -> bool:
    """Whether each word of a pattern, a glob, fits sharing, backing, page size or method."""
    parts = name(backing, sharing, method).casefold().split()
    words = _words(pattern)
    return bool(words) and all(
        any(fnmatch.fnmatchcase(part, word) for part in parts) for word in words
    )


def _hint(patterns: Sequence[str]) -> str:
    """What was perhaps meant by patterns that name nothing."""
    known = [*dict(GRID), *KINDS, *(name for name, each in METHODS.items() if each.published)]
    folded = {each.casefold(): each for each in known}
    for word in itertools.chain.from_iterable(map(_words, patterns)):
        near = difflib.get_close_matches(word, folded, n=1, cutoff=0.7)
        if near and near[0] != word:
            return f"did you mean {folded[near[0]]!r}?"
    like = name(Backing.memfd(), "shared", "POPULATE_READ")
    return f"cells are named like {like!r}, and * stands for anything"
