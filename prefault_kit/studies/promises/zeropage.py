"""The shared zero page, small and huge, and transparent huge pages."""

from __future__ import annotations

from prefault_kit.host import Unavailable, features, thp
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.studies.promises.ground import PAGES, Ground
from prefault_kit.studies.promises.promise import NotTestable, need, promise

HUGE_PAGES = 4


@promise(
    "zero-read-is-free",
    source="cover letter IV.1, V.1",
    claim="private memory that is only read is the zero page, and costs no memory of its own",
    on={"private anon": f"{PAGES} zero pages, Rss 0, anonymous 0"},
)
def read_is_free(ground: Ground) -> str:
    need(features.pagemap_scan())
    with ground.map() as memory:
        memory.populate_read()
        usage = memory.usage()
        return f"{memory.pages().zero} zero pages, Rss {usage.rss}, anonymous {usage.anonymous}"


@promise(
    "zero-write-pays",
    source="cover letter IV.1",
    claim="the first write to each zero page takes a fault and a page of its own",
    on={"private anon": f"{PAGES} faults, 0 zero pages, {PAGES} anonymous"},
)
def write_pays(ground: Ground) -> str:
    need(features.pagemap_scan())
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
)
def not_of_files(ground: Ground) -> str:
    need(features.pagemap_scan())
    with ground.map() as memory:
        memory.populate_read()
        return f"{memory.pages().zero} zero pages"


@promise(
    "zero-not-of-hugetlb",
    source="Linux documentation, admin-guide/mm/hugetlbpage.rst",
    claim="huge pages of hugetlb have no zero page: READ takes real ones from the pool",
    on={"private hugetlb": "0 zero pages, 2 huge pages of its own"},
)
def not_of_hugetlb(ground: Ground) -> str:
    need(features.pagemap_scan())
    with ground.map() as memory:
        memory.populate_read()
        own = (memory.usage().private_hugetlb or 0) // ground.page
        return f"{memory.pages().zero} zero pages, {own} huge pages of its own"


def _thp_size() -> int:
    """The size of a transparent huge page; NotTestable where MADV_HUGEPAGE has no effect."""
    need(thp.why_not())
    return thp.size_bytes() or 0


@promise(
    "zero-huge",
    source="Linux documentation, admin-guide/mm/transhuge.rst",
    claim="advised MADV_HUGEPAGE, READ maps the huge zero page: a fault each, and no memory",
    on={"private anon": f"{HUGE_PAGES} faults, all zero, all huge, Rss 0"},
)
def huge(ground: Ground) -> str:
    need(features.pagemap_scan())
    size = _thp_size()
    if not thp.use_zero_page():
        raise NotTestable(
            Unavailable(
                "the huge zero page is switched off",
                "echo 1 | sudo tee /sys/kernel/mm/transparent_hugepage/use_zero_page",
            )
        )
    with ground.map(HUGE_PAGES * size // ground.page, thp=True) as memory:
        faults = memory.populate_read().minor_faults
        pages = memory.pages()
        every = HUGE_PAGES * size // PAGE_SIZE_BYTES
        zero = "all zero" if pages.zero == every else f"{pages.zero} zero"
        huge = "all huge" if pages.huge == every else f"{pages.huge} huge"
        return f"{faults} faults, {zero}, {huge}, Rss {memory.usage().rss}"


@promise(
    "zero-huge-written",
    source="Linux documentation, admin-guide/mm/transhuge.rst",
    claim="advised MADV_HUGEPAGE, WRITE takes one fault a huge page, also for a single page of it",
    on={"private anon": f"{HUGE_PAGES} faults, {HUGE_PAGES} huge pages; one page: 1 huge page"},
)
def huge_written(ground: Ground) -> str:
    size = _thp_size()
    with ground.map(HUGE_PAGES * size // ground.page, thp=True) as memory:
        faults = memory.populate_write().minor_faults
        whole = (memory.usage().anon_huge or 0) // size
    with ground.map(HUGE_PAGES * size // ground.page, thp=True) as memory:
        memory.populate_write(0, PAGE_SIZE_BYTES)
        one = (memory.usage().anon_huge or 0) // size
    return f"{faults} faults, {whole} huge pages; one page: {one} huge page"
