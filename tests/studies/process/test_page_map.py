"""prefault_kit.studies.process.page_map: each page, or cells of many; bounded."""

import os

import pytest

from prefault_kit.kernel import folios, syscalls
from prefault_kit.kernel.address_space import Region
from prefault_kit.kernel.process import ProcessDirectory
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.process import PageMap, Process, ProcessMapping, page_map


def take(address: int, length: int, **known: int) -> PageMap:
    """The map of a range of this process."""
    region = Region(address, length, "rw-p")
    with ProcessDirectory(os.getpid()) as own:
        return page_map.take(own, ProcessMapping(region, *[None] * 6), **known)


@pytest.mark.needs("pagemap_scan")
def test_each_page_and_cells() -> None:
    """The last cell may have fewer pages."""
    with Mapping(Backing.anon(), 10 * PAGE) as memory:
        memory.touch_write(0, 3 * PAGE)
        memory.populate_read(9 * PAGE, PAGE)
        found = take(*memory.span(), cells=3)
    assert found.pages_per_cell == 4
    assert [(each.present, each.zero) for each in found.cells] == [(3, 0), (0, 0), (1, 1)]
    assert found.pages is not None
    assert found.pages.present == 4


@pytest.mark.needs("pagemap_scan")
def test_a_terabyte_in_cells() -> None:
    """No byte a page, and the one page is in its cell."""
    size = 1 << 40
    flags = (syscalls.MAP[f"MAP_{name}"] for name in ("PRIVATE", "ANONYMOUS", "NORESERVE"))
    address, fence, length = syscalls.map_fenced(
        size, align=PAGE, protection=syscalls.PROTECTION["rw"], flags=sum(flags)
    )
    try:
        syscalls.madvise(address, size, "MADV_NOHUGEPAGE")
        syscalls.memory(address + size // 4, 1)[0] = 1
        found = take(address, size, cells=64)
    finally:
        syscalls.unmap(fence, length)
    assert found.pages is None
    assert found.folios is None
    assert [at for at, each in enumerate(found.cells) if each.present] == [16]


def test_folios_as_far_as_they_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many of each size; None for who may not see frame numbers."""
    with Mapping(Backing.anon(), 4 * PAGE) as memory:
        monkeypatch.setattr(folios, "spans", lambda _: [(0, 2), (2, 2)])
        assert take(*memory.span()).folios == {2: 2}
        monkeypatch.setattr(folios, "spans", lambda _: None)
        assert take(*memory.span()).folios is None


@pytest.mark.parametrize("cells", [0, -1, 1 << 20])
def test_cells_are_bounded(cells: int) -> None:
    """In a sentence with the limits."""
    with pytest.raises(ValueError, match="the number of cells is a whole number from 1 to 65536"):
        take(PAGE, PAGE, cells=cells)


@pytest.mark.needs("pagemap_scan")
def test_cells_of_shared_memory_are_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there are too many pages to tell one by one."""
    with Mapping(Backing.memfd(), 8 * PAGE, "shared") as memory:
        memory.touch_write(0, 4 * PAGE)
        for most in (8, 7):
            monkeypatch.setattr(page_map, "MOST_PAGES", most)
            with Process(os.getpid()) as process:
                cells = process.page_map(memory.address, cells=2).cells
            assert [each.file for each in cells] == [4, 0]
