"""Reading a part of a file into the page cache, through a mapping that is gone afterwards.

First ``MADV_WILLNEED``, which keeps the disk busy and knows no error; then ``MADV_POPULATE_READ``,
which waits for every page and reports the one that cannot be read, in threads, with faults counted.
readahead(2) and WILLNEED alone would do neither.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from prefault_kit.kernel import syscalls, timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import Work
from prefault_kit.memory import population
from prefault_kit.memory.file_part import FilePart
from prefault_kit.memory.page_cache_share import (
    NOT_TOLD,
    UNMAPPABLE,
    Cache,
    cache_of,
    cached_pages,
    is_blind,
    is_in_memory,
    mapped,
)

AHEAD_BYTES = 64 << 20
"""What is asked for with WILLNEED before it is waited for."""


@dataclass(frozen=True)
class FileReading:
    """A part of an open file, in whole pages, to be read into the page cache."""

    part: FilePart
    fd: int
    operation: str
    threads: int
    first: int
    """Where its first page begins in the file."""
    size_bytes: int
    in_memory: bool
    """Whether the file is memory and nothing else, where reading a hole would allocate."""
    blind: bool

    step = grain = PAGE_SIZE_BYTES
    address = 0

    @classmethod
    def of(cls, part: FilePart, fd: int, operation: str, threads: int | None) -> FileReading:
        """A reading of a part of an open file; without ``threads`` in the usual number."""
        first = part.offset_bytes // PAGE_SIZE_BYTES * PAGE_SIZE_BYTES
        end = part.offset_bytes + part.size_bytes
        size = -(-(end - first) // PAGE_SIZE_BYTES) * PAGE_SIZE_BYTES if part.size_bytes else 0
        threads = threads or population.usual_threads(size)
        in_memory = is_in_memory(fd)
        return cls(part, fd, operation, threads, first, size, in_memory, is_blind(fd))

    @property
    def advice(self) -> str:
        """What is asked of the kernel."""
        return f"MADV_WILLNEED, {self.operation}"

    def cache(self, offset: int = 0, length: int | None = None) -> Cache:
        """What the page cache has of it."""
        length = self.size_bytes - offset if length is None else length
        return cache_of(self.fd, self.first + offset, length, blind=self.blind)

    def cached_pages(self) -> bytearray:
        """1 for each page that the page cache has, 0 for the others.

        OSError EPERM where the kernel does not tell this user of this file.
        """
        found = cached_pages(self.fd, self.first, self.size_bytes)
        if found is None:
            raise OSError(
                errno.EPERM,
                NOT_TOLD,
                self.part.path,
            )
        return found

    def missing_bytes(self, offset: int, length: int) -> int:
        """What the page cache lacks of a part."""
        return length - min(length, (self.cache(offset, length).cached or 0) * PAGE_SIZE_BYTES)

    def populate(self, offset: int, length: int, go_on: Callable[[int], bool]) -> Work:
        """Read a part; OSError names the file where it cannot be mapped."""
        try:
            with mapped(self.fd, self.first + offset, length) as (address, _):
                return self._populate(address, offset, length, go_on)
        except OSError as error:
            if error.errno in UNMAPPABLE:
                raise OSError(
                    error.errno, "its file system lets nobody map it", self.part.path
                ) from None
            raise

    def _populate(
        self, address: int, offset: int, length: int, go_on: Callable[[int], bool]
    ) -> Work:
        total = Work()
        for begin, end in self._data(offset, length):
            for at in range(begin, end, AHEAD_BYTES):
                size = min(AHEAD_BYTES, end - at)
                if total.done_bytes and not go_on(total.done_bytes):
                    return total
                syscalls.madvise(address + at, size, "MADV_WILLNEED")
                total = timed.further(total, at, self._waited_for(address, offset, at, size, go_on))
                if total.done_bytes < at + size:
                    return total
        return replace(total, done_bytes=length)

    def _waited_for(
        self, address: int, offset: int, at: int, size: int, go_on: Callable[[int], bool]
    ) -> Callable[[], Work]:
        return lambda: population.populate(
            self.operation,
            address + at,
            size,
            step=self.step,
            threads=self.threads,
            verb="read",
            pages_before=(offset + at) // self.step,
            go_on=lambda done: go_on(at + done),
        )

    def _data(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """The spans of a part to read, counted from its begin: without the holes of a file that is
        memory, which reading would fill."""
        if not self.in_memory:
            yield 0, length
            return
        begin, end = self.first + offset, self.first + offset + length
        at = begin
        while at < end:
            try:
                low = os.lseek(self.fd, at, os.SEEK_DATA)
                high = os.lseek(self.fd, low, os.SEEK_HOLE)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                if at >= os.fstat(self.fd).st_size:  # truncated: let populating say which page
                    yield at - begin, length
                return
            low, at = max(low, at) // self.step * self.step, -(-high // self.step) * self.step
            if low < end:
                yield low - begin, min(at, end) - begin

    def let_go(self, offset: int, length: int) -> None:
        """Nothing: what was read is not mapped any more."""
