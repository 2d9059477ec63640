"""What MADV_POPULATE_READ does: cover letter, section IV, points 1 and 2."""

from __future__ import annotations

import os

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.ground import HUGE_PAGES, PAGES, Ground
from prefault_kit.studies.promises.promise import promise

KINDS = (
    "private anon",
    "shared anon",
    "private memfd",
    "shared memfd",
    "shared tmpfs",
    "private file",
    "shared file",
)
"""Every kind of memory in system pages that behaves differently."""
EVERY = (*KINDS, "private hugetlb", "shared hugetlb")


def pages_of(kind: str) -> int:
    """How many pages of its page size the ground of a kind has."""
    return HUGE_PAGES if kind.endswith("hugetlb") else PAGES


@promise(
    "read-zero-page",
    source="cover letter IV.1",
    claim="READ acts like a read: private anonymous memory gets the shared zero page and nothing "
    "more",
    on={"private anon": f"{PAGES} of {PAGES} pages present, {PAGES} of the zero page, Rss 0"},
    needs=(needs.populate, needs.page_states, needs.accounting),
)
def zero_page(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        pages = memory.pages()
        return (
            f"{pages.present} of {PAGES} pages present, {pages.zero} of the zero page, "
            f"Rss {memory.usage().rss}"
        )


@promise(
    "read-keeps-cow",
    source="cover letter IV.1",
    claim="READ does not break copy-on-write: a private mapping still shows later changes to the "
    "file",
    on=dict.fromkeys(("private memfd", "private file"), "0 anonymous pages; new"),
    needs=(needs.populate, needs.accounting, needs.filled_file),
)
def keeps_cow(ground: Ground) -> str:
    with ground.file() as fd, ground.map(fd=fd) as memory:
        memory.populate_read()
        os.pwrite(fd, b"new", 0)
        anonymous = memory.usage().anonymous or 0
        return f"{anonymous // PAGE_SIZE_BYTES} anonymous pages; {memory.read(0, 3).decode()}"


@promise(
    "read-allocates-no-block",
    source="cover letter IV.1",
    claim="READ leaves the holes of a file on disk as they are; where storage is memory, it "
    "allocates",
    on={
        "shared file": "no block allocated",
        "shared memfd": f"{PAGES} pages allocated",
        "shared tmpfs": f"{PAGES} pages allocated",
    },
)
def allocates_no_block(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        allocated = os.fstat(memory.fd).st_blocks * 512 // PAGE_SIZE_BYTES
    return f"{allocated} pages allocated" if allocated else "no block allocated"


@promise(
    "read-after-fallocate",
    source="cover letter IV",
    claim="fallocate and then READ give a file its blocks, fill the page tables and dirty nothing",
    on={"shared file": f"blocks allocated, {PAGES} pages present, 0 dirty"},
    needs=(needs.populate, needs.page_tables, needs.cache_counts),
)
def after_fallocate(ground: Ground) -> str:
    with ground.map() as memory:
        memory.fallocate()
        memory.populate_read()
        cache = memory.file_cache()
        assert cache is not None
        allocated = cache.allocated_bytes >= memory.size_bytes
        return (
            f"{'blocks' if allocated else 'no blocks'} allocated, "
            f"{memory.pages().present} pages present, {cache.dirty} dirty"
        )


@promise(
    "read-makes-readable",
    source="cover letter IV.2",
    claim="after READ succeeds, every page is in the page tables, and reading takes no fault",
    on={kind: f"all of {pages_of(kind)} pages present; reading takes 0 faults" for kind in EVERY},
    needs=(needs.populate, needs.page_tables),
)
def makes_readable(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        present = memory.pages().present * PAGE_SIZE_BYTES
        work = memory.touch_read()
        pages = memory.size_bytes // ground.page
        some = "all" if present == memory.size_bytes else f"{present // ground.page}"
        faults = work.minor_faults + work.major_faults
        return f"{some} of {pages} pages present; reading takes {faults} faults"
