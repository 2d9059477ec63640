"""The file behind a review, brought into its content before each repetition."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from prefault_kit.kernel import page_cache, syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.start_state import filling, make_hole
from prefault_kit.studies.review.workload import Workload

LARGE_CHUNK_BYTES = 1 << 20


class Content:
    """An open file, or none for anonymous memory. The reviewer's own is open for reading alone."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.fd: int | None = None
        self._filled = False
        if workload.existing_file is not None:
            self.fd = os.open(workload.existing_file, os.O_RDONLY | os.O_CLOEXEC)
        elif workload.backing.has_file:
            self.fd = workload.backing.open()

    def close(self) -> None:
        """Close the file; the kit's own has no name and so vanishes."""
        if self.fd is not None:
            os.close(self.fd)

    def lay(self) -> Iterator[float]:
        """Bring the file into its content; yields the part done, 0 to 1. OSError as it comes."""
        content, size = self.workload.content, self.workload.size_bytes
        if self.fd is None or content == "as-is":
            return
        if content == "cold":
            if not self._filled and self.workload.existing_file is None:
                yield from self._fill(LARGE_CHUNK_BYTES)
                self._filled = True
            self.evict()
            return
        if content in ("large-chunks", "small-chunks"):
            yield from self._fill(
                LARGE_CHUNK_BYTES if content == "large-chunks" else PAGE_SIZE_BYTES
            )
            return
        make_hole(self.fd, size, on_disk=self.workload.backing.on_disk)
        if content == "fallocated":
            syscalls.fallocate_timed(self.fd, 0, size)

    def _fill(self, chunk_bytes: int) -> Iterator[float]:
        assert self.fd is not None
        size, on_disk = self.workload.size_bytes, self.workload.backing.on_disk
        make_hole(self.fd, size, on_disk=on_disk)
        yield from filling(self.fd, size, chunk_bytes)
        if on_disk:
            os.fsync(self.fd)

    def evict(self) -> None:
        """Write the file back and drop it from the page cache; OSError EBUSY where pages stay."""
        assert self.fd is not None
        left = page_cache.evict(self.fd)
        if left:
            raise OSError(
                errno.EBUSY,
                f"{left} pages of the file stay in the page cache, mapped elsewhere perhaps, so "
                "it cannot be cold",
            )
