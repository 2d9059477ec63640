"""What is dirty and so has to be written back: cover letter, section IV, and large folios."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from prefault_kit.host import Unavailable
from prefault_kit.kernel import page_cache, pagemap, proc, syscalls, timed
from prefault_kit.kernel.page_cache import FileCache
from prefault_kit.kernel.syscalls import MAP, PAGE_SIZE_BYTES, PROTECTION
from prefault_kit.measure.forked import told
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.ground import PAGES, Ground
from prefault_kit.studies.promises.promise import NotTestable, promise

LARGE_WRITE_BYTES = 1 << 20
LARGE_FOLIOS = (
    "since Linux 5.18 (xfs), 6.16 (ext4) and 7.2 (btrfs) data that was written in large chunks is "
    "kept in large folios, and a folio is dirtied and written back as a whole"
)


def _cache(memory: Mapping) -> FileCache:
    cache = memory.file_cache()
    assert cache is not None  # these promises are of files
    return cache


@promise(
    "dirty-read",
    source="cover letter IV",
    claim="READ dirties no page of a file",
    on=dict.fromkeys(
        ("shared file", "private file", "shared memfd", "shared tmpfs"),
        f"{PAGES} cached, 0 dirty",
    ),
    needs=(needs.populate, needs.cache_counts),
)
def read(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        cache = _cache(memory)
        return f"{cache.cached} cached, {cache.dirty} dirty"


@promise(
    "dirty-write",
    source="cover letter IV",
    claim="WRITE dirties every page of a shared file on disk; storage in memory is never written "
    "back, and none of it counts as dirty",
    on={
        "shared file": f"{PAGES} dirty, 0 after a sync",
        "shared memfd": "0 dirty, 0 after a sync",
        "shared tmpfs": "0 dirty, 0 after a sync",
        "private file": "0 dirty, 0 after a sync",
    },
    needs=(needs.populate, needs.cache_counts),
)
def write(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        before = _cache(memory).dirty
        memory.sync()
        return f"{before} dirty, {_cache(memory).dirty} after a sync"


@promise(
    "dirty-page-table",
    source="Linux documentation, filesystems/proc.rst",
    claim="smaps counts pages that WRITE mapped as dirty, and pages of a disk file that READ "
    "mapped as clean",
    on={
        "shared file": f"READ {PAGES} clean, WRITE {PAGES} dirty",
        "private anon": f"READ 0 clean, WRITE {PAGES} dirty",
    },
    needs=(needs.populate, needs.accounting),
)
def page_table(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        clean = (memory.usage().private_clean or 0) // PAGE_SIZE_BYTES
        memory.populate_write()
        dirty = (memory.usage().private_dirty or 0) // PAGE_SIZE_BYTES
        return f"READ {clean} clean, WRITE {dirty} dirty"


@promise(
    "dirty-private-keeps-cache",
    source="cover letter IV.3",
    claim="after WRITE a private file mapping holds memory twice: its copies and the page cache",
    on={"private file": f"{PAGES} anonymous, {PAGES} cached"},
    needs=(needs.populate, needs.accounting, needs.cache_counts),
)
def private_keeps_cache(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        anonymous = (memory.usage().anonymous or 0) // PAGE_SIZE_BYTES
        return f"{anonymous} anonymous, {_cache(memory).cached} cached"


@promise(
    "soft-dirty",
    source="Linux documentation, admin-guide/mm/soft-dirty.rst",
    claim="for those who follow changes by soft-dirty bits, READ changes nothing and WRITE every "
    "page",
    on={"private anon": f"READ 0 soft-dirty, WRITE {PAGES}"},
    needs=(needs.populate, needs.page_tables, needs.soft_dirty),
)
def soft(ground: Ground) -> str:
    with ground.map() as memory:
        return told(lambda: _soft_dirty(memory))


def _soft_dirty(memory: Mapping) -> str:
    """In a child: clearing the bits makes every page of a process fault at its next write."""
    proc.clear_soft_dirty()
    counts = []
    for populate in (memory.populate_read, memory.populate_write):
        populate()
        present = memory.pages().present
        if present != PAGES:
            return f"{present} of {PAGES} pages present"
        entries = pagemap.entries(*memory.span())
        counts.append(sum(bool(entry & pagemap.SOFT_DIRTY) for entry in entries))
    return "READ {} soft-dirty, WRITE {}".format(*counts)


# Large folios. What is written in large chunks is kept in large folios where the file system has
# them. READ of one page then maps far more than a fault-around window, which shows that they are
# there. Sizes are in bytes: on pages of 64 KiB the file has 32 pages, and a folio up to 16.

SIZE_BYTES = 2 * LARGE_WRITE_BYTES
SINGLE_PAGES = 4 * needs.FAULT_AROUND_PAGES
"""More than READ of one page maps without large folios, also where the window was enlarged."""
WHOLE_MAPPED = "all pages of the folio mapped"
WINDOW_MAPPED = "the window of fault-around mapped, which is less"
ONE_EACH = "a fault a page, aligned too"
FEW_FAULTS = 8
"""Two for two folios; a write-back meanwhile may have divided one."""
ONE_DIRTY, MANY_DIRTY = "1 page dirty", "more than 1 page dirty"


@contextmanager
def _written(ground: Ground, chunk_bytes: int) -> Iterator[int]:
    """A file that was written in chunks, all of it on disk and in the page cache."""
    with ground.file(SIZE_BYTES) as fd:
        for offset in range(0, SIZE_BYTES, chunk_bytes):
            os.pwrite(fd, os.urandom(chunk_bytes), offset)
        os.fsync(fd)
        yield fd


def _mapped_by_one_page(ground: Ground, fd: int) -> int:
    """How many pages READ of the first one maps."""
    with ground.map(SIZE_BYTES // PAGE_SIZE_BYTES, fd=fd) as memory:
        memory.populate_read(0, PAGE_SIZE_BYTES)
        return memory.pages().present


def _single_pages() -> NotTestable:
    return NotTestable(
        Unavailable(
            "this file system keeps files in single pages here: choose a directory on xfs (Linux "
            "5.18), ext4 (6.16) or btrfs (7.2) with --dir"
        )
    )


def _after_one_page(ground: Ground, fd: int, *advice: str) -> str:
    """What is dirty after WRITE of the first page."""
    dirty = _dirty_by_one_page(ground, fd, *advice)
    return MANY_DIRTY if dirty > 1 else f"{dirty} page dirty"


def _dirty_by_one_page(ground: Ground, fd: int, *advice: str) -> int:
    """How many pages WRITE of the first one dirties."""
    with ground.map(SIZE_BYTES // PAGE_SIZE_BYTES, fd=fd) as memory:
        for each in advice:
            memory.advise(each)
        memory.populate_write(0, PAGE_SIZE_BYTES)
        return _cache(memory).dirty or 0


@promise(
    "folio-2021-one-page",
    source="the debate of 2021: WRITE dirties what it populates",
    claim="WRITE of one page dirties only that page, however the file was written",
    on={"shared file": ONE_DIRTY},
    differs={MANY_DIRTY: LARGE_FOLIOS},
    needs=(needs.populate, needs.cache_counts),
)
def one_page_of_2021(ground: Ground) -> str:
    with _written(ground, LARGE_WRITE_BYTES) as fd:
        return _after_one_page(ground, fd)


@promise(
    "folio-dirty-whole",
    source="Linux documentation, mm/page_cache.rst: folios",
    claim="WRITE of one page dirties the whole large folio that contains it",
    on={"shared file": MANY_DIRTY},
    needs=(needs.populate, needs.cache_counts, needs.page_tables, needs.large_folios),
)
def dirty_whole(ground: Ground) -> str:
    with _written(ground, LARGE_WRITE_BYTES) as fd:
        mapped = _mapped_by_one_page(ground, fd)
        seen = _after_one_page(ground, fd)
        if seen != MANY_DIRTY and mapped <= SINGLE_PAGES:
            raise _single_pages()
        return seen


@promise(
    "folio-maps-whole",
    source="Linux documentation, mm/page_cache.rst: folios",
    claim="READ of one page maps the whole large folio that contains it",
    on={"shared file": WHOLE_MAPPED},
    differs={
        WINDOW_MAPPED: "before Linux 6.18 (commits 357b92761d94 and 19773df031bc) a fault mapped "
        "the window of fault-around, however large the folio"
    },
    needs=(needs.populate, needs.cache_counts, needs.page_tables, needs.large_folios),
)
def maps_whole(ground: Ground) -> str:
    with _written(ground, LARGE_WRITE_BYTES) as fd:
        mapped = _mapped_by_one_page(ground, fd)
        folio = _dirty_by_one_page(ground, fd)  # as many as are dirtied together
        if folio == 1:
            raise _single_pages()
        if mapped >= folio:
            return WHOLE_MAPPED
        return WINDOW_MAPPED if mapped <= SINGLE_PAGES else f"{mapped} of {folio} pages mapped"


@promise(
    "folio-small-chunks",
    source="Linux documentation, mm/page_cache.rst: folios",
    claim="WRITE of one page dirties only that page if the file was written page by page",
    on={"shared file": ONE_DIRTY},
    needs=(needs.populate, needs.cache_counts),
)
def small_chunks(ground: Ground) -> str:
    with _written(ground, PAGE_SIZE_BYTES) as fd:
        return _after_one_page(ground, fd)


@promise(
    "folio-random",
    source="madvise(2), MADV_RANDOM",
    claim="WRITE of one page dirties only that page in a cold file that is advised MADV_RANDOM",
    on={"shared file": ONE_DIRTY},
    needs=(needs.populate, needs.cache_counts),
)
def random(ground: Ground) -> str:
    with _written(ground, LARGE_WRITE_BYTES) as fd:
        if page_cache.evict(fd):  # the large folios of the writing have to go
            return "the file stays in the page cache"
        return _after_one_page(ground, fd, "MADV_RANDOM")


def _faults_of_writing(fd: int, first_page: int) -> int:
    """Faults of WRITE of a file from a page on, in a mapping that lies in one page table."""
    address, fence, fence_length = syscalls.map_fenced(
        SIZE_BYTES,
        align=SIZE_BYTES,  # a power of two; a page table spans 2 MiB at least
        protection=PROTECTION["rw"],
        flags=MAP["MAP_SHARED"],
        fd=fd,
        offset=first_page * PAGE_SIZE_BYTES,
    )
    try:
        return timed.range_timed(
            "MADV_POPULATE_WRITE",
            address,
            SIZE_BYTES,
            step=PAGE_SIZE_BYTES,
            interruptible=False,
        ).minor_faults
    finally:
        syscalls.unmap(fence, fence_length)


@promise(
    "folio-aligned",
    source="Linux, mm/memory.c, finish_fault: a folio is mapped as a whole where all of it lies in "
    "the mapping and in one page table",
    claim="WRITE takes one fault a large folio where memory and file are aligned alike, and many "
    "more where the mapping is one page off",
    on={"shared file": f"aligned at most {FEW_FAULTS} faults, a page off more"},
    differs={
        ONE_EACH: "before Linux 6.18 (commit 19773df031bc) a write fault mapped one page of a "
        "file's folio"
    },
    needs=(needs.populate, needs.cache_counts, needs.page_tables, needs.large_folios),
)
def aligned(ground: Ground) -> str:
    with _written(ground, LARGE_WRITE_BYTES) as fd:
        if _dirty_by_one_page(ground, fd) == 1:
            raise _single_pages()
        os.ftruncate(fd, SIZE_BYTES + PAGE_SIZE_BYTES)
        few, many = (_faults_of_writing(fd, page) for page in (0, 1))
    if few == SIZE_BYTES // PAGE_SIZE_BYTES:
        return ONE_EACH
    if few > FEW_FAULTS:
        return f"aligned {few} faults, a page off {many}"
    off = "more" if many > FEW_FAULTS else f"{many}"
    return f"aligned at most {FEW_FAULTS} faults, a page off {off}"
