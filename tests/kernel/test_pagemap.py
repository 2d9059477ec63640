"""prefault_kit.kernel.pagemap: the page-table view, exact to the page."""

import errno
import os
from contextlib import suppress

import pytest

from prefault_kit.host import features
from prefault_kit.kernel import pagemap, syscalls, userfaultfd
from prefault_kit.kernel.looking import Looking
from prefault_kit.kernel.pagemap import PAGE_STATES
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 512
SIZE = PAGES * PAGE


@pytest.mark.needs("pagemap_scan")
def test_nothing_is_present_before() -> None:
    """A fresh mapping has no page-table entries."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        assert mapping.pages().as_dict() == {"present": 0, "zero": 0, "huge": 0, "swapped": 0}


@pytest.mark.needs("pagemap_scan")
def test_populate_read_maps_the_zero_page() -> None:
    """512 present, 512 of them the zero page (promise 1)."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        mapping.populate_read()
        found = mapping.pages()
        assert (found.present, found.zero) == (PAGES, PAGES)


@pytest.mark.needs("pagemap_scan")
def test_populate_write_never_maps_the_zero_page() -> None:
    """512 present, none the zero page, also after POPULATE_READ (promise 3)."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        mapping.populate_read()
        assert mapping.populate_write().minor_faults == PAGES
        found = mapping.pages()
        assert (found.present, found.zero) == (PAGES, 0)


@pytest.mark.needs("pagemap_scan")
def test_states_are_per_page() -> None:
    """The array says of each page what it is, in place."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        mapping.populate_read(10 * PAGE, 5 * PAGE)
        mapping.populate_write(100 * PAGE, 3 * PAGE)
        states = mapping.pages().states
        assert states.shape == (PAGES,)
        assert states.dtype.name == "uint8"
        assert set(states[:10]) == {0}
        assert set(states[10:15]) == {pagemap.PRESENT | pagemap.ZERO}
        assert set(states[100:103]) == {pagemap.PRESENT}
        assert int((states != 0).sum()) == 8


def test_alternating_pages_fill_more_than_one_answer() -> None:
    """A range with more regions than one PAGEMAP_SCAN answers is still exact."""
    size = 5000 * PAGE
    with Mapping(Backing.anon(), size) as mapping:
        for page in range(0, 5000, 2):
            mapping.touch_write(page * PAGE, PAGE)
        found = mapping.pages()
        assert found.present == 2500
        assert set(found.states[::2]) == {pagemap.PRESENT}
        assert set(found.states[1::2]) == {0}


@pytest.mark.parametrize("sharing", ["private", "shared"])
def test_fallback_agrees(sharing: str) -> None:
    """/proc/self/pagemap finds the same present pages as PAGEMAP_SCAN, and knows no zero page."""
    with Mapping(Backing.memfd(), 3000 * PAGE, sharing) as mapping:
        mapping.populate_read(7 * PAGE, 2000 * PAGE)
        mapping.populate_write(0, 50 * PAGE)
        exact = mapping.pages(file=True)
        plain = pagemap.scan(mapping.address, mapping.size_bytes, fallback=True)
        assert plain.present == exact.present == 2007
        assert plain.file == exact.file
        assert (plain.zero, plain.huge) == (None, None)
        mask = pagemap.PRESENT | pagemap.FILE | pagemap.SWAPPED
        assert ((plain.states & mask) == (exact.states & mask)).all()


@pytest.mark.needs("pagemap_scan")
def test_broken_cow_is_not_file() -> None:
    """In a private file mapping, a page of its own lost the FILE bit; a shared one has it."""
    with Mapping(Backing.memfd(), SIZE, "private") as mapping:
        mapping.populate_read()
        mapping.populate_write(0, 9 * PAGE)
        found = mapping.pages(file=True)
        assert (found.present, found.file) == (PAGES, PAGES - 9)
        assert mapping.pages().file is None


@pytest.mark.needs("pagemap_scan", "thp")
def test_huge_zero_page(huge_page_bytes: int) -> None:
    """POPULATE_READ with THP maps the huge zero page: all zero, all huge, Rss 0."""
    with Mapping(Backing.anon(), 4 * huge_page_bytes, thp=True) as mapping:
        work = mapping.populate_read()
        found = mapping.pages()
        count = 4 * huge_page_bytes // PAGE
        assert work.minor_faults == 4
        assert (found.present, found.zero, found.huge) == (count, count, count)
        assert mapping.usage().rss == 0


@pytest.mark.needs("pagemap_scan", "thp")
def test_thp_of_one_page_populates_all_of_it(huge_page_bytes: int) -> None:
    """With THP, POPULATE_WRITE of one page maps a whole huge page."""
    with Mapping(Backing.anon(), huge_page_bytes, thp=True) as mapping:
        mapping.populate_write(0, PAGE)
        assert mapping.pages().huge == huge_page_bytes // PAGE
        assert mapping.usage().anon_huge == huge_page_bytes


@pytest.mark.needs("pagemap_scan")
@pytest.mark.needs("hugetlb")
def test_hugetlb_counts_system_pages(huge_page_bytes: int) -> None:
    """One hugetlb page counts as all the system pages that it is long."""
    with Mapping(Backing.memfd(huge_page_bytes), huge_page_bytes, "shared") as mapping:
        mapping.populate_write()
        count = huge_page_bytes // PAGE
        assert (mapping.pages().present, mapping.pages().huge) == (count, count)


@pytest.mark.needs("pagemap_scan")
@pytest.mark.parametrize("size_pages", [512, 1024, 3000])
def test_counts_agree_with_the_states(size_pages: int) -> None:
    """Every second page written: as many regions as pages, and none is counted twice."""
    with Mapping(Backing.anon(), size_pages * PAGE) as mapping:
        mapping.populate_read()
        for page in range(0, size_pages, 2):
            mapping.touch_write(page * PAGE, PAGE)
        found = mapping.pages()
    assert (found.present, found.zero) == (size_pages, size_pages // 2)
    assert sum(bool(state & PAGE_STATES["zero"]) for state in found.state_bytes) == found.zero


@pytest.mark.needs("pagemap_scan")
@pytest.mark.parametrize("pages", [4, 16])
def test_counts_are_in_system_pages_whatever_their_size(
    pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel answers in addresses: told of pages of 16 or 64 KiB, as many fewer are counted."""
    large = pages * PAGE
    with Mapping(Backing.anon(), 64 * large) as mapping:
        mapping.populate_read(0, 16 * large)
        mapping.populate_write(8 * large, 16 * large)
        monkeypatch.setattr(pagemap, "PAGE_SIZE_BYTES", large)
        found = pagemap.scan(mapping.address, mapping.size_bytes)
    assert (found.present, found.zero, len(found.state_bytes)) == (24, 8, 64)
    assert list(found.states[:24]) == [pagemap.PRESENT | pagemap.ZERO] * 8 + [pagemap.PRESENT] * 16
    assert not found.states[24:].any()


@pytest.mark.parametrize("scan", [True, False])
def test_a_range_that_ends_within_a_page_has_that_page(scan: bool) -> None:
    """Its state is there too, and nothing is written behind the states."""
    with Mapping(Backing.anon(), SIZE) as memory:
        memory.populate_write()
        try:
            states, counts = pagemap.page_states(memory.address, PAGE + 1, scan=scan)
        except OSError:
            pytest.skip("this kernel has no PAGEMAP_SCAN")
        assert (len(states), counts.present, bool(states[1])) == (2, 2, True)


@pytest.mark.needs("wp_async")
def test_entries_show_what_userfaultfd_protects() -> None:
    """Also of a page that is not present."""
    with Mapping(Backing.anon(), 4 * PAGE) as memory:
        memory.touch_write(0, PAGE)
        wanted = ("write-protect", "WP_UNPOPULATED", "WP_ASYNC")
        fd = userfaultfd.begin(*memory.span(), userfaultfd.MODE_WP, *wanted)
        try:
            userfaultfd.write_protect(fd, *memory.span(0, 2 * PAGE), on=True)
            found = pagemap.entries(*memory.span())
        finally:
            os.close(fd)
    assert [bool(each & pagemap.WRITE_PROTECTED) for each in found] == [True, True, False, False]
    assert [bool(each >> 63) for each in found] == [True, False, False, False]


def test_entries_show_guards() -> None:
    """A guard is an entry of its own."""
    if missing := features.guard_regions("anon"):
        pytest.skip(str(missing))
    with Mapping(Backing.anon(), 3 * PAGE) as memory:
        memory.advise("MADV_GUARD_INSTALL", PAGE, PAGE)
        found = pagemap.entries(*memory.span())
    assert [bool(each & pagemap.GUARD) for each in found] == [False, True, False]


def test_guards_are_found_by_scanning() -> None:
    """By number; a page that is only missing is none."""
    if missing := features.guard_regions("anon") or features.guard_scan():
        pytest.skip(str(missing))
    with Mapping(Backing.anon(), 8 * PAGE) as memory:
        memory.populate_write(0, 6 * PAGE)
        memory.advise("MADV_GUARD_INSTALL", PAGE, 2 * PAGE)
        memory.advise("MADV_GUARD_INSTALL", 5 * PAGE, PAGE)
        assert pagemap.guard_pages(*memory.span()) == [1, 2, 5]
        memory.advise("MADV_GUARD_REMOVE")
        assert pagemap.guard_pages(*memory.span()) == []


@pytest.mark.needs("pagemap_scan")
def test_pages_are_counted_in_pieces() -> None:
    """Of any process, by its pagemap: as many as one by one, in several calls."""
    size = 20_000 * PAGE
    with Mapping(Backing.anon(), size) as memory, open("/proc/self/pagemap", "rb") as pagemap_file:
        memory.populate_read(0, 9000 * PAGE)
        memory.populate_write(9000 * PAGE, 3000 * PAGE)
        looking = Looking()
        counts = pagemap.count_pages(pagemap_file.fileno(), memory.address, size, looking)
        assert (counts.present, counts.zero, counts.huge) == (12000, 9000, 0)
        assert looking.calls >= 2
        assert 0 < looking.longest_ns <= looking.elapsed_ns


@pytest.mark.needs("pagemap_scan")
def test_what_is_sparse_is_skipped() -> None:
    """1 TiB of addresses with one page in it: few calls, no byte a page."""
    size = 1 << 40
    flags = (syscalls.MAP[f"MAP_{name}"] for name in ("PRIVATE", "ANONYMOUS", "NORESERVE"))
    address, fence, length = syscalls.map_fenced(
        size, align=PAGE, protection=syscalls.PROTECTION["rw"], flags=sum(flags)
    )
    try:
        with suppress(OSError):  # of a kernel without huge pages
            syscalls.madvise(address, size, "MADV_NOHUGEPAGE")
        syscalls.memory(address + size // 2, 1)[0] = 1
        looking = Looking()
        with open("/proc/self/pagemap", "rb") as fd:
            counts = pagemap.count_pages(fd.fileno(), address, size, looking)
        assert counts.present == 1
        assert looking.calls < 1000
    finally:
        syscalls.unmap(fence, length)


@pytest.mark.needs("pagemap_scan")
@pytest.mark.parametrize("lacking", [False, True])
def test_states_of_another_process(monkeypatch: pytest.MonkeyPatch, lacking: bool) -> None:
    """The same as of oneself, piece by piece, also by the entries of pagemap."""
    monkeypatch.setattr(pagemap, "PIECE_PAGES", 3)
    if lacking:
        original = pagemap.lib

        class Old:
            def __getattr__(self, name: str) -> object:
                if name == "pf_scan_pages":
                    return lambda *_: -errno.ENOTTY
                return getattr(original, name)

        monkeypatch.setattr(pagemap, "lib", Old())
    with Mapping(Backing.anon(), 8 * PAGE) as memory, open("/proc/self/pagemap", "rb") as fd:
        memory.touch_write(2 * PAGE, 3 * PAGE)
        looking = Looking()
        found = pagemap.states_of(fd.fileno(), *memory.span(), looking)
    assert [state & pagemap.PRESENT for state in found.state_bytes] == [0, 0, 1, 1, 1, 0, 0, 0]
    assert found.present == 3
    assert found.zero is None if lacking else found.zero == 0
    assert looking.calls == 3
