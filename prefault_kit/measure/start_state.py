"""The file behind the cells of a run, brought into its start state before each repetition.

Files are made, filled, emptied and released outside of what is timed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from prefault_kit.kernel import mounts, page_cache, syscalls, timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.experiment import Experiment

FILL_AT_ONCE_BYTES = 64 << 20


def make_hole(fd: int, size_bytes: int, *, on_disk: bool) -> None:
    """Make a file one hole of ``size_bytes``.

    After a file has been truncated to size 0, ext4, xfs and btrfs flush it at its next close
    (ext4's auto_da_alloc and its like), and a Stop would wait for that. So the file is opened and
    closed at once, while there is nothing to flush.
    """
    os.ftruncate(fd, 0)
    if on_disk:
        os.close(os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_CLOEXEC))
    os.ftruncate(fd, size_bytes)


def filling(fd: int, size_bytes: int, chunk_bytes: int | None) -> Iterator[float]:
    """Write ``size_bytes`` of data, ``chunk_bytes`` a write, or only allocate them if it is None;
    yields the part done, 0 to 1."""
    data = os.urandom(min(chunk_bytes, size_bytes)) if chunk_bytes else b""
    for offset in range(0, size_bytes, FILL_AT_ONCE_BYTES):
        length = min(FILL_AT_ONCE_BYTES, size_bytes - offset)
        if data:
            syscalls.fill(fd, offset, length, data)
        else:
            timed.fallocate_timed(fd, offset, length)
        yield (offset + length) / size_bytes


class StartState:
    """The file behind the cells of a run, in its start state; nothing for anonymous memory.

    ``fd`` is an open file to use instead of one of the backing's own; it is left open.
    """

    def __init__(self, experiment: Experiment, *, fd: int | None = None) -> None:
        self.backing = experiment.backing
        self.size_bytes = experiment.size_bytes
        self.start = experiment.start
        self._own = fd is None
        self.fd = self.backing.open() if self.backing.has_file and self._own else fd
        directory = self.backing.find_directory() if self.backing.has_file else None
        self.file_system = mounts.file_system(directory) if directory else None

    def close(self) -> None:
        """Close the file, which has no name and so vanishes."""
        if self.fd is not None and self._own:
            os.close(self.fd)

    def prepare(self) -> Iterator[float]:
        """Fill the file where the start state has data; yields the part done, 0 to 1."""
        if self.fd is None or self.start == "empty":
            return
        os.ftruncate(self.fd, self.size_bytes)
        # A page a write: ext4 and xfs then cache single pages instead of large folios, all of
        # which one populate of a single page would map. hugetlb files can only be allocated.
        chunk_bytes = None if self.backing.is_hugetlb else PAGE_SIZE_BYTES
        yield from filling(self.fd, self.size_bytes, chunk_bytes)

    def reset(self) -> None:
        """Bring the file back into its start state; OSError EBUSY if it cannot be evicted."""
        if self.fd is None:
            return
        if self.start == "empty":
            make_hole(self.fd, self.size_bytes, on_disk=self.backing.on_disk)
        elif self.start == "cold":
            left = page_cache.evict(self.fd)
            if left:
                raise OSError(
                    errno.EBUSY,
                    f"{left} pages of the file stay in the page cache, so it cannot start cold",
                )
        elif self.backing.on_disk:
            os.fsync(self.fd)
