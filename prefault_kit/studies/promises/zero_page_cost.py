"""The shared zero page, small and huge, and transparent huge pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefault_kit.host import thp
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.ground import PAGES, Ground
from prefault_kit.studies.promises.promise import promise

HUGE_PAGES = 4


@promise(
    "zero-read-is-free",
    source="cover letter IV.1, V.1",
    claim="private memory that is only read is the zero page and costs no memory of its own",
    on={"private anon": f"{PAGES} zero pages, Rss 0, anonymous 0"},
    needs=(needs.populate, needs.page_states, needs.accounting),
)
def read_is_free(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        usage = memory.usage()
        return f"{memory.pages().zero} zero pages, Rss {usage.rss}, anonymous {usage.anonymous}"


@promise(
    "zero-write-pays",
    source="cover letter IV.1",
    claim="the first write to each zero page takes a fault and a page of its own",
    on={"private anon": f"{PAGES} faults, 0 zero pages, {PAGES} anonymous"},
    needs=(needs.populate, needs.page_states, needs.accounting),
)
def write_pays(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        faults = memory.touch_write().minor_faults
        own = (memory.usage().anonymous or 0) // PAGE_SIZE_BYTES
        return f"{faults} faults, {memory.pages().zero} zero pages, {own} anonymous"


@promise(
    "zero-not-of-files",
    source="cover letter IV.1",
    claim="a file's hole is not the zero page: reading it fills the page cache",
    on=dict.fromkeys(("shared memfd", "shared tmpfs", "shared file"), "0 zero pages"),
    needs=(needs.populate, needs.page_states),
)
def not_of_files(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        return f"{memory.pages().zero} zero pages"


@promise(
    "zero-not-of-hugetlb",
    source="Linux documentation, admin-guide/mm/hugetlbpage.rst",
    claim="hugetlb has no zero page: READ takes real huge pages from the pool",
    on={"private hugetlb": "0 zero pages, 2 huge pages of its own"},
    needs=(needs.populate, needs.page_states, needs.accounting),
)
def not_of_hugetlb(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        own = (memory.usage().private_hugetlb or 0) // ground.page
        return f"{memory.pages().zero} zero pages, {own} huge pages of its own"


def _huge_bytes(_: Ground) -> int:
    """The size of a transparent huge page: 2 MiB, 32 MiB or 512 MiB, as the page size has it."""
    return thp.size_bytes() or 0


@contextmanager
def _advised(ground: Ground) -> Iterator[tuple[Mapping, int, int]]:
    """Memory that is advised MADV_HUGEPAGE; offset and length of HUGE_PAGES whole huge pages of it.

    The mapping has one huge page more than that, since it need not begin on a huge page's border.
    """
    size = _huge_bytes(ground)
    with ground.map((HUGE_PAGES + 1) * size // ground.page, thp=True) as memory:
        yield memory, -memory.address % size, HUGE_PAGES * size


@promise(
    "zero-huge",
    source="Linux documentation, admin-guide/mm/transhuge.rst",
    claim="with MADV_HUGEPAGE, READ maps the huge zero page: one fault each, and no memory",
    on={"private anon": f"{HUGE_PAGES} faults, all zero, all huge, Rss 0"},
    needs=(
        needs.populate,
        needs.page_states,
        needs.accounting,
        needs.huge_pages_on_demand,
        needs.huge_zero_page,
        needs.memory(_huge_bytes),
    ),
)
def huge(ground: Ground) -> str:
    with _advised(ground) as (memory, offset, length):
        faults = memory.populate_read(offset, length).minor_faults
        pages = memory.pages()
        every = length // PAGE_SIZE_BYTES
        zero = "all zero" if pages.zero == every else f"{pages.zero} zero"
        huge = "all huge" if pages.huge == every else f"{pages.huge} huge"
        return f"{faults} faults, {zero}, {huge}, Rss {memory.usage().rss}"


@promise(
    "zero-huge-written",
    source="Linux documentation, admin-guide/mm/transhuge.rst",
    claim="with MADV_HUGEPAGE, WRITE takes one fault a huge page, even to populate one page of it",
    on={"private anon": f"{HUGE_PAGES} faults, {HUGE_PAGES} huge pages; one page: 1 huge page"},
    needs=(
        needs.populate,
        needs.accounting,
        needs.huge_pages_on_demand,
        needs.memory(lambda ground: HUGE_PAGES * _huge_bytes(ground)),
    ),
)
def huge_written(ground: Ground) -> str:
    with _advised(ground) as (memory, offset, length):
        faults = memory.populate_write(offset, length).minor_faults
        whole = (memory.usage().anon_huge or 0) * HUGE_PAGES // length
    with _advised(ground) as (memory, offset, length):
        memory.populate_write(offset, PAGE_SIZE_BYTES)
        one = (memory.usage().anon_huge or 0) * HUGE_PAGES // length
    return f"{faults} faults, {whole} huge pages; one page: {one} huge page"


FOLIO_BYTES = 1 << 16
RANGES = 8
SMALL = RANGES * FOLIO_BYTES // PAGE_SIZE_BYTES


@promise(
    "huge-64-kib",
    source="Linux documentation, admin-guide/mm/transhuge.rst: multi-size THP",
    claim="where huge pages of 64 KiB are enabled, WRITE takes one fault for each, else one for "
    "each system page",
    on={"private anon": f"advised: {RANGES} faults; else {SMALL}"},
    needs=(needs.populate, needs.page_tables, needs.folios_of(FOLIO_BYTES)),
)
def of_64_kib(ground: Ground) -> str:
    words = []
    for advised in (True, False):
        each = [_folio(ground, advised) for _ in range(RANGES)]
        faults, present = (sum(column) for column in zip(*each, strict=True))
        few = "" if present == SMALL else f" for {present} of {SMALL} pages"
        words.append(f"{faults} faults{few}" if advised else f"{faults}{few}")
    return "advised: {}; else {}".format(*words)


def _folio(ground: Ground, advised: bool) -> tuple[int, int]:
    """WRITE of a mapping in which no larger folio has room: its faults, and the pages present."""
    with ground.map(FOLIO_BYTES // ground.page, thp=advised) as memory:
        return memory.populate_write().minor_faults, memory.pages().present
