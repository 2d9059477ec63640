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

from prefault_kit import markdown, syscalls
from prefault_kit.backing import Backing, format_bytes
from prefault_kit.host import Unavailable, features, rlimits, userfaultfd
from prefault_kit.mapping import Mapping
from prefault_kit.quantities import format_ms
from prefault_kit.syscalls import PAGE_SIZE_BYTES, Work

WAIT_S = 0.001
"""For somebody who writes, before it is looked whether anybody still does."""


def why_not() -> Unavailable | None:
    """What stops snapshots here; None if nothing does."""
    return features.userfaultfd("write-protect", "WP_UNPOPULATED")


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
def protected(memory: Mapping, *, unpopulated: bool = False) -> Iterator[float]:
    """Write-protect all of it, where nobody writes; yields the milliseconds that this took."""
    address, size_bytes = memory.span()
    fd = _begin(memory, unpopulated)
    try:
        yield userfaultfd.write_protect(fd, address, size_bytes, on=True).elapsed_ms
    finally:
        os.close(fd)


PREPARED: dict[str, Callable[[Mapping], Work]] = {
    "POPULATE_READ": Mapping.populate_read,
    "POPULATE_WRITE": Mapping.populate_write,
    "WP_UNPOPULATED": lambda memory: Work(),
}
"""Ways to make all of a range protectable."""


@dataclass(frozen=True)
class Costs:
    """What each way to prepare cost, in Markdown: the best of some repetitions."""

    size_bytes: int
    rows: dict[str, dict[str, float]]
    """``populate_ms``, ``protect_ms``, ``memory_bytes`` and ``page_table_bytes`` by way."""

    def __repr__(self) -> str:
        size = format_bytes(self.size_bytes)
        heads = (size, "populating", "protecting", "together", "memory taken", "page tables")
        rows = []
        for name, row in self.rows.items():
            times = (row["populate_ms"], row["protect_ms"], row["populate_ms"] + row["protect_ms"])
            sizes = (int(row["memory_bytes"]), int(row["page_table_bytes"]))
            cells = [format_ms(each) if each else "-" for each in times]
            cells += [format_bytes(each) if each else "-" for each in sizes]
            rows.append((name, *cells))
        return markdown.table(heads, rows)

    _repr_markdown_ = __repr__


def costs(size_bytes: int, repeats: int = 5) -> Costs:
    """Prepare and protect untouched anonymous memory in each way, interleaved; nobody writes."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in PREPARED}
    for _ in range(repeats):
        for name, prepare in PREPARED.items():
            with Mapping(Backing.anon(), size_bytes) as memory:
                before = _page_table_bytes()
                populate_ms = prepare(memory).elapsed_ms
                with protected(memory, unpopulated=name == "WP_UNPOPULATED") as protect_ms:
                    runs[name].append(
                        {
                            "populate_ms": populate_ms,
                            "protect_ms": protect_ms,
                            "memory_bytes": memory.usage().rss or 0,
                            "page_table_bytes": _page_table_bytes() - before,
                        }
                    )
    return Costs(
        size_bytes,
        {name: min(each, key=lambda run: run["populate_ms"] + run["protect_ms"])
         for name, each in runs.items()},
    )  # fmt: skip


def _page_table_bytes() -> int:
    """Of this process (VmPTE, proc_pid_status(5))."""
    return int(rlimits.status()["VmPTE"].removesuffix("kB")) * 1024


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
        yield lambda: syscalls.written_pages(address, size_bytes)
    finally:
        os.close(fd)
