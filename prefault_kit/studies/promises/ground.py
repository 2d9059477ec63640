"""The ground that a promise is shown on: one kind of memory, of a few pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from prefault_kit import host
from prefault_kit.host import Unavailable
from prefault_kit.kernel import hugepages, mounts
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 512
"""System pages in the mapping that a promise is shown on, whatever their size: 2 MiB of pages of
4 KiB, 32 MiB of pages of 64 KiB. A mapping of huge pages has HUGE_PAGES."""
HUGE_PAGES = 2
GOOD = 200
"""System pages before the first one that cannot be had, where a promise is about that."""


@dataclass(frozen=True)
class Ground:
    """One kind of memory; ``kind`` is as in ``private anon`` or ``shared hugetlb``."""

    sharing: str
    backing: Backing
    directory: str
    """Where files are made."""

    @classmethod
    def find(cls, kind: str, directory: str) -> Self | Unavailable:
        """The memory that ``kind`` names, or why this host has none.

        A sharing, then anon, memfd, tmpfs, file or hugetlb (anonymous, of the default huge page
        size). Files are made in ``directory``.
        """
        sharing, name = kind.split()
        if name == "hugetlb":
            size = hugepages.default_size_bytes()
            if size is None:
                return Unavailable("this kernel is built without hugetlb pages")
            if size not in hugepages.pools():
                return Unavailable(
                    f"{hugepages.POOLS} shows no pool of huge pages: /sys is hidden, or not mounted"
                )
            backing = Backing.anon(size)
        else:
            if name == "file" and mounts.in_memory(directory) is not None:
                return Unavailable(
                    "the directory for files is in memory, not on a disk: choose another with --dir"
                )
            backing = Backing.of(name, directory=directory if name == "file" else None)
        ground = cls(sharing, backing, directory)
        missing = host.why_not(
            backing=backing,
            sharing=sharing,
            method="Write",
            size_bytes=ground.size_bytes,
            start="empty",
            threads=1,
        )
        return missing or ground

    @staticmethod
    def label(kind: str, directory: str) -> str:
        """``kind``, and for a file its file system: ``shared file on ext4``."""
        if not kind.endswith(" file") or not os.path.isdir(directory):
            return kind
        return f"{kind} on {host.file_system(directory)}"

    @property
    def page(self) -> int:
        """The page size, in bytes."""
        return self.backing.page_size_bytes

    @property
    def size_bytes(self) -> int:
        """The size of a mapping, unless another is asked for."""
        return self.page * (HUGE_PAGES if self.backing.is_hugetlb else PAGES)

    def map(self, pages: int | None = None, **options: Any) -> Mapping:
        """A fresh mapping; options are those of :class:`~prefault_kit.Mapping`."""
        size = self.size_bytes if pages is None else pages * self.page
        return Mapping(self.backing, size, self.sharing, **options)

    @contextmanager
    def file(self, size_bytes: int | None = None) -> Iterator[int]:
        """The descriptor of a fresh file, one hole of the ground's size; for several mappings."""
        fd = self.backing.open()
        try:
            os.ftruncate(fd, self.size_bytes if size_bytes is None else size_bytes)
            yield fd
        finally:
            os.close(fd)
