"""The file behind a review, brought into its content before each repetition."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from prefault_kit.kernel import page_cache, timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.start_state import filling, make_hole
from prefault_kit.studies.review import own_file
from prefault_kit.studies.review.workload import Workload

LARGE_CHUNK_BYTES = 1 << 20


class Content:
    """An open file, or none for anonymous memory. The reviewer's own is open for reading alone."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.fd: int | None = None
        self._written = False
        if workload.existing_file is not None:
            self.fd = own_file.open_file(workload.existing_file)
        elif workload.backing.has_file:
            self.fd = workload.backing.open()

    def close(self) -> None:
        """Close the file; the kit's own has no name and so vanishes."""
        if self.fd is not None:
            os.close(self.fd)

    def prepare(self) -> Iterator[float]:
        """Bring the file into its content; yields the part done, 0 to 1. OSError as it comes."""
        content, size = self.workload.content, self.workload.size_bytes
        if self.fd is None:
            return
        if self.workload.existing_file is not None:
            own_file.check_length(self.fd, size)
            if content == "cold":
                self.evict()
        elif content == "cold":
            if not self._written:
                yield from self._write(LARGE_CHUNK_BYTES)
                self._written = True
            self.evict()
        elif content == "large-chunks":
            yield from self._write(LARGE_CHUNK_BYTES)
        elif content == "small-chunks":
            yield from self._write(PAGE_SIZE_BYTES)
        else:
            make_hole(self.fd, size, on_disk=self.workload.backing.on_disk)
            if content == "fallocated":
                timed.fallocate_timed(self.fd, 0, size)

    def _write(self, chunk_bytes: int) -> Iterator[float]:
        """Fill the file with data, ``chunk_bytes`` a write, and write it back."""
        assert self.fd is not None
        size, on_disk = self.workload.size_bytes, self.workload.backing.on_disk
        make_hole(self.fd, size, on_disk=on_disk)
        yield from filling(self.fd, size, chunk_bytes)
        if on_disk:
            os.fsync(self.fd)

    def evict(self) -> None:
        """Write the file back and drop it from the page cache; OSError EBUSY if pages stay."""
        assert self.fd is not None
        left = page_cache.evict(self.fd)
        if left:
            raise OSError(
                errno.EBUSY,
                f"{left} pages of the file stay in the page cache, perhaps because another "
                "process has mapped them, so it cannot be cold",
            )
