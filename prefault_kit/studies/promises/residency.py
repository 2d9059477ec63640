"""What is resident: three ways to ask, which mean three different things."""

from __future__ import annotations

import os

from prefault_kit.kernel import pagemap, syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.ground import HUGE_PAGES, PAGES, Ground
from prefault_kit.studies.promises.promise import promise

GUARDED = range(200, 210)
"""The pages of a guard region."""


def _three(memory: Mapping) -> str:
    pages = memory.pages().present
    rss = memory.usage().rss
    assert rss is not None  # every kernel that has smaps has Rss
    cached = sum(byte & 1 for byte in syscalls.mincore(memory.address, memory.size_bytes))
    return f"page tables {pages}, mincore {cached}, Rss {rss // PAGE_SIZE_BYTES} pages"


def _said(tables: int, mincore: int, rss: int) -> str:
    return f"page tables {tables}, mincore {mincore}, Rss {rss} pages"


@promise(
    "resident-zero-page",
    source="Linux documentation, filesystems/proc.rst",
    claim="the zero page is in the page tables, but not in Rss",
    on={"private anon": _said(PAGES, PAGES, 0)},
    needs=(needs.populate, needs.page_tables, needs.accounting),
)
def zero_page(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        return _three(memory)


@promise(
    "resident-written",
    source="Linux documentation, filesystems/proc.rst",
    claim="of memory that was written, all three counts agree",
    on={
        kind: _said(PAGES, PAGES, PAGES)
        for kind in ("private anon", "shared anon", "shared memfd", "shared tmpfs", "shared file")
    },
    needs=(needs.populate, needs.page_tables, needs.accounting),
)
def written(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        return _three(memory)


@promise(
    "resident-unmapped-cache",
    source="mincore(2)",
    claim="mincore reports the file's page cache, whether it is mapped here or not",
    on={kind: _said(0, PAGES, 0) for kind in ("shared memfd", "shared tmpfs", "shared file")},
    needs=(needs.page_tables, needs.accounting),
)
def unmapped_cache(ground: Ground) -> str:
    with ground.file() as fd, ground.map(fd=fd) as memory:
        os.pwrite(fd, bytes(ground.size_bytes), 0)
        return _three(memory)


@promise(
    "resident-hugetlb",
    source="Linux documentation, filesystems/proc.rst",
    claim="hugetlb pages are not in Rss: Private_Hugetlb and Shared_Hugetlb count them",
    on={
        "private hugetlb": f"Rss 0, Private_Hugetlb {HUGE_PAGES} huge pages",
        "shared hugetlb": f"Rss 0, Private_Hugetlb {HUGE_PAGES} huge pages",
    },
    needs=(needs.populate, needs.accounting),
)
def hugetlb(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        usage = memory.usage()
    huge = (usage.private_hugetlb or 0) // ground.page
    return f"Rss {usage.rss}, Private_Hugetlb {huge} huge pages"


@promise(
    "resident-guard",
    source="Linux documentation, admin-guide/mm/pagemap.rst",
    claim="a guard region takes populated pages away; pagemap and PAGEMAP_SCAN tell which pages it "
    "has",
    on=dict.fromkeys(
        ("private anon", "shared memfd"),
        f"{PAGES - len(GUARDED)} present; guards told by both: all",
    ),
    needs=(needs.populate, needs.page_tables, needs.guard_regions, needs.guard_scan),
)
def guard(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        where = GUARDED[0] * PAGE_SIZE_BYTES, len(GUARDED) * PAGE_SIZE_BYTES
        memory.advise("MADV_GUARD_INSTALL", *where)
        entries = pagemap.entries(*memory.span())
        read = [page for page, entry in enumerate(entries) if entry & pagemap.GUARD]
        told = read == pagemap.guard_pages(*memory.span()) == [*GUARDED]
        return f"{memory.pages().present} present; guards told by both: {'all' if told else read}"


@promise(
    "resident-zero-page-told-apart",
    source="Linux documentation, admin-guide/mm/pagemap.rst",
    claim="PAGEMAP_SCAN tells the zero page from a page of the process's own, without privilege",
    on={"private anon": f"{PAGES} zero pages after reading, 0 after writing"},
    needs=(needs.populate, needs.page_states),
)
def told_apart(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        read = memory.pages().zero
        memory.populate_write()
        return f"{read} zero pages after reading, {memory.pages().zero} after writing"
