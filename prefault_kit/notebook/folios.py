"""One page of a file that was written in large or in small pieces: what else it brings along."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from prefault_kit.kernel.pagemap import Pages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

CHUNKS = {"written in chunks of 1 MiB": 1 << 20, "written page by page": PAGE_SIZE_BYTES}


@dataclass(frozen=True)
class OnePage:
    """What populating one page for reading mapped, and for writing dirtied."""

    written: str
    """How the file was written; of :data:`CHUNKS`."""
    mapped: Pages
    dirty: int | None

    def __str__(self) -> str:
        return f"{self.written:26} mapped {self.mapped.present:3}, dirty {self.dirty:3}"


def one_page(size_bytes: int, directory: str = ".") -> Iterator[OnePage]:
    """Populate the first page of a file on disk, for each way of writing it before."""
    for title, chunk_bytes in CHUNKS.items():
        with Mapping(Backing.file(directory), size_bytes, "shared") as memory:
            for offset in range(0, size_bytes, chunk_bytes):
                os.pwrite(memory.fd, bytes(chunk_bytes), offset)
            os.fsync(memory.fd)
            memory.populate_read(0, PAGE_SIZE_BYTES)
            mapped = memory.pages(file=True)
            memory.populate_write(0, PAGE_SIZE_BYTES)
            cache = memory.file_cache()
            yield OnePage(title, mapped, cache.dirty if cache else None)
