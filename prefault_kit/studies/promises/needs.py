"""What a promise needs of the host beside its ground; each is asked before anything is shown.

A need takes the ground and says what is missing. It asks the host itself, never the part of the kit
that the promise puts to the test: a broken kit must not pass for a poor host.
"""

from __future__ import annotations

from collections.abc import Callable

from prefault_kit import host
from prefault_kit.host import Unavailable, features, thp
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.forked import ended, told
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.failing_file import mount as mount_failing_file
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.promises.ground import Ground

FAULT_AROUND_BYTES = 1 << 16
"""The window of a read fault, unless root has changed it in debugfs (mm/memory.c)."""
FAULT_AROUND_PAGES = max(1, FAULT_AROUND_BYTES // PAGE_SIZE_BYTES)

Need = Callable[[Ground], Unavailable | None]
"""What is missing on this host, if anything."""


def populate(_: Ground) -> Unavailable | None:
    """MADV_POPULATE_READ and MADV_POPULATE_WRITE."""
    return features.populate("MADV_POPULATE_READ") or features.populate("MADV_POPULATE_WRITE")


def page_tables(_: Ground) -> Unavailable | None:
    """``Mapping.pages``: which pages are present."""
    return features.pagemap()


def page_states(_: Ground) -> Unavailable | None:
    """``Mapping.pages``, the zero page and huge pages told apart."""
    return features.pagemap() or features.pagemap_scan()


def accounting(_: Ground) -> Unavailable | None:
    """``Mapping.usage``, with every field that promises read."""
    return features.smaps()


def cache_counts(ground: Ground) -> Unavailable | None:
    """``Mapping.file_cache``, with its dirty pages."""
    if ground.backing.on_disk:
        return features.cachestat_in(ground.directory)
    return features.cachestat()


def guard_regions(ground: Ground) -> Unavailable | None:
    """MADV_GUARD_INSTALL, for memory of the ground's kind."""
    return features.guard_regions(ground.backing.kind)


def guard_scan(_: Ground) -> Unavailable | None:
    """PAGEMAP_SCAN, guard regions told apart."""
    return features.guard_scan()


def sealing(_: Ground) -> Unavailable | None:
    """mseal."""
    return features.sealing()


def droppable(_: Ground) -> Unavailable | None:
    """MAP_DROPPABLE."""
    return features.droppable()


def process_madvise(_: Ground) -> Unavailable | None:
    """process_madvise."""
    return features.process_madvise()


def discard_huge(ground: Ground) -> Unavailable | None:
    """MADV_DONTNEED, where the ground is of hugetlb pages."""
    return features.discard_hugetlb(ground.page) if ground.backing.is_hugetlb else None


def poison(_: Ground) -> Unavailable | None:
    """UFFDIO_POISON."""
    return features.userfaultfd("POISON")


def snapshots(_: Ground) -> Unavailable | None:
    """userfaultfd's write protection."""
    return features.snapshots()


def locking(pages: int) -> Need:
    """The permission to lock so many pages of the ground."""

    def room(ground: Ground) -> Unavailable | None:
        return features.mlock() or host.why_not(
            backing=ground.backing,
            sharing=ground.sharing,
            method="MLOCK",
            size_bytes=pages * ground.page,
        )

    return room


def failing_file(_: Ground) -> Unavailable | None:
    """A file that cannot be read to its end, mounted in a child."""
    return features.failing_file(ended(mount_failing_file))


def soft_dirty(_: Ground) -> Unavailable | None:
    """Soft-dirty bits, tried in a child: clearing them makes all pages of a process fault."""
    return features.soft_dirty(told(features.soft_dirty_seen))


def read_ahead(ground: Ground) -> Unavailable | None:
    """That the kernel reads ahead in the ground's files."""
    return features.read_ahead(ground.directory)


def folios_of(size_bytes: int) -> Need:
    """Transparent huge pages of a size, for memory that is advised MADV_HUGEPAGE."""

    def made(_: Ground) -> Unavailable | None:
        return thp.why_not_of(size_bytes)

    return made


def large_folios(_: Ground) -> Unavailable | None:
    """Files in folios of several pages: they take CONFIG_TRANSPARENT_HUGEPAGE."""
    if thp.why_not() != thp.NOT_BUILT:  # also where /sys is hidden, and nothing is known of it
        return None
    return Unavailable(f"{thp.NOT_BUILT.reason}, without which files are kept in single pages")


def huge_pages_on_demand(_: Ground) -> Unavailable | None:
    """Transparent huge pages, for memory that is advised MADV_HUGEPAGE."""
    return thp.why_not()


def filled_file(ground: Ground) -> Unavailable | None:
    """Room for the file's data, also where the mapping is private."""
    return host.why_not(
        backing=ground.backing,
        sharing=ground.sharing,
        method="Read",
        size_bytes=ground.size_bytes,
        start="cached",
    )


def huge_zero_page(_: Ground) -> Unavailable | None:
    """That reading maps the huge zero page."""
    if thp.use_zero_page():
        return None
    return Unavailable(
        "the huge zero page is switched off",
        f"echo 1 | sudo tee {thp.SETTINGS / 'use_zero_page'}",
    )


def fault_around(_: Ground) -> Unavailable | None:
    """That a fault's window has more than one page."""
    if FAULT_AROUND_PAGES > 1:
        return None
    return Unavailable(
        f"a read fault maps what lies within {format_bytes(FAULT_AROUND_BYTES)}, and that is one "
        "page here"
    )


def memory(size_bytes: Callable[[Ground], int]) -> Need:
    """So much memory, where a promise takes more than its ground."""

    def room(ground: Ground) -> Unavailable | None:
        return host.why_not(
            backing=Backing.anon(), sharing="private", method="Write", size_bytes=size_bytes(ground)
        )

    return room
