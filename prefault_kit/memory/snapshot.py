"""A snapshot of memory while others write to it, by userfaultfd's write protection.

All pages are protected and saved one by one; who writes to one that is not saved yet waits, and
that page comes next. Source: Documentation/admin-guide/mm/userfaultfd.rst.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prefault_kit.kernel import pagemap, userfaultfd
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import Work
from prefault_kit.memory.mapping import Mapping

WAIT_S = 0.001
"""For somebody who writes, before it is looked whether anybody still does."""


@dataclass(frozen=True)
class Snapshot:
    """What was saved, and what it took."""

    data: bytes
    protect_ms: float
    """Protecting all of it."""
    elapsed_ms: float
    """From then until all was saved."""
    writes_held: int
    """Pages of which a write had to wait."""


def take(
    memory: Mapping,
    *,
    unpopulated: bool = False,
    during: Callable[[], object] | None = None,
    lazily: bool = False,
) -> Snapshot:
    """Save ``memory`` as it is now. ``during`` runs meanwhile in a thread and may write to it, in C
    (``Mapping.access``): Python would wait for the page with its interpreter locked. ``lazily``
    saves what is about to be written alone until that has ended, and then the rest.

    A page that is in no page table cannot be protected: a write to it is missed, unless the kernel
    is asked for ``unpopulated`` (UFFD_FEATURE_WP_UNPOPULATED, Linux 6.4). OSError where
    userfaultfd is forbidden, or has no such feature.
    """
    address, size_bytes = memory.span()
    saved: list[bytes] = [b""] * (size_bytes // PAGE_SIZE_BYTES)
    held = 0
    fd = _begin(memory, unpopulated)

    def save(page: int) -> None:
        at = page * PAGE_SIZE_BYTES
        if not saved[page]:
            saved[page] = memory.read(at, PAGE_SIZE_BYTES)
        userfaultfd.write_protect(fd, address + at, PAGE_SIZE_BYTES, on=False)

    def save_written() -> int:
        """Save every page that somebody waits for: how many."""
        pages = 0
        while (at := userfaultfd.fault(fd)) is not None:
            save((at - address) // PAGE_SIZE_BYTES)
            pages += 1
        return pages

    writing = threading.Thread(target=during, name="snapshot-during") if during else None
    try:
        protecting = userfaultfd.write_protect(fd, address, size_bytes, on=True)
        began = time.monotonic()
        if writing:
            writing.start()
        while lazily and writing and writing.is_alive():
            select.select([fd], [], [], WAIT_S)
            held += save_written()
        for page in range(len(saved)):
            held += save_written()
            save(page)
        ended = time.monotonic()
    finally:
        os.close(fd)  # lifts what is still protected, and wakes who waits
        if writing and writing.ident:
            writing.join()
    return Snapshot(b"".join(saved), protecting.elapsed_ms, 1000 * (ended - began), held)


@contextlib.contextmanager
def protected(memory: Mapping, *, unpopulated: bool = False) -> Iterator[Work]:
    """Write-protect all of it, where nobody writes; yields what this took."""
    address, size_bytes = memory.span()
    fd = _begin(memory, unpopulated)
    try:
        yield userfaultfd.write_protect(fd, address, size_bytes, on=True)
    finally:
        os.close(fd)


def _begin(memory: Mapping, unpopulated: bool, *features: str) -> int:
    """A userfaultfd for all of ``memory``."""
    wanted = ["write-protect", *features]
    wanted += ["WP_HUGETLBFS_SHMEM"] if memory.backing.has_file else []
    wanted += ["WP_UNPOPULATED"] if unpopulated else []
    return userfaultfd.begin(*memory.span(), userfaultfd.MODE_WP, *wanted)


@contextlib.contextmanager
def tracked(memory: Mapping) -> Iterator[Callable[[], list[int]]]:
    """Let the kernel note which pages are written, and nobody wait (UFFD_FEATURE_WP_ASYNC).

    Yields what tells them: page numbers, ascending. OSError before Linux 6.7.
    """
    address, size_bytes = memory.span()
    fd = _begin(memory, True, "WP_ASYNC")
    try:
        userfaultfd.write_protect(fd, address, size_bytes, on=True)
        yield lambda: pagemap.written_pages(address, size_bytes)
    finally:
        os.close(fd)
