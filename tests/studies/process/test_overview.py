"""prefault_kit.studies.process.overview: what is found of real mappings, and what is left out."""

import os
from pathlib import Path

import pytest

from prefault_kit.kernel import pagemap
from prefault_kit.kernel.address_space import Region
from prefault_kit.kernel.looking import Looking
from prefault_kit.kernel.process import ProcessDirectory
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.process import Overview, Process, ProcessMapping
from prefault_kit.studies.process import overview as overviews

PAGES = 64
SIZE = PAGES * PAGE


def look(**known: object) -> Overview:
    """At this process, however long that takes where others are at work."""
    with ProcessDirectory(os.getpid()) as own:
        return overviews.take(own, **{"longest_ms": 1e4} | known)  # type: ignore[arg-type]


def seen(memory: Mapping, **known: object) -> ProcessMapping:
    """What is found of a mapping."""
    return look(**known).at(memory.address)


@pytest.mark.needs("pagemap_scan")
def test_anonymous_memory() -> None:
    """Present, zero and own pages, flags, and nothing of a file."""
    with Mapping(Backing.anon(), SIZE) as memory:
        memory.populate_read(0, 16 * PAGE)
        memory.populate_write(16 * PAGE, 16 * PAGE)
        found = seen(memory)
    assert (found.head.length, found.kind, found.head.permissions) == (SIZE, "anonymous", "rw-p")
    assert found.pages is not None
    assert (found.pages.present, found.pages.zero, found.anonymous_pages) == (32, 16, 16)
    assert found.usage is not None
    assert found.usage.rss == found.usage.private_dirty == 16 * PAGE
    assert (found.page_size_bytes, found.file) == (PAGE, None)
    assert "MADV_NOHUGEPAGE" in found.advice


def test_locked_and_advised(memlock: int) -> None:
    """As the kernel has it in its flags."""
    with Mapping(Backing.anon(), min(SIZE, memlock)) as memory:
        memory.mlock()
        found = seen(memory)
        assert "locked" in found.advice
        assert found.usage is not None
        assert found.usage.locked == memory.size_bytes


@pytest.mark.needs("pagemap_scan")
def test_the_kernels_pages_are_not_its_own() -> None:
    """[vdso] has pages, and smaps counts none of them as anonymous."""
    with Process(os.getpid()) as process:
        now = process.overview(files=False, longest_ms=1e4)
        found = [each for each in now.mappings if each.head.name == "[vdso]"]
        for each in found:
            assert each.pages
            assert each.usage
            assert each.anonymous_pages == (each.usage.anonymous or 0) // PAGE
            cells = process.page_map(each).cells
            assert [cell.file for cell in cells] == [cell.present for cell in cells]
    if not found:
        pytest.skip("needs a vdso")


@pytest.mark.needs("pagemap_scan")
@pytest.mark.needs("cachestat")
def test_a_private_file_mapping(tmp_path: Path) -> None:
    """Its own copies beside the file's pages, and what of the part mapped is cached."""
    with Mapping(Backing.file(str(tmp_path)), SIZE, "private") as memory:
        memory.fallocate()
        memory.populate_read()
        memory.populate_write(0, 8 * PAGE)
        found = seen(memory)
    assert found.pages is not None
    assert (found.pages.present, found.pages.file, found.anonymous_pages) == (PAGES, PAGES - 8, 8)
    if os.geteuid() == 0:  # the file has no name
        assert found.file is not None
        assert found.file.cached == PAGES


@pytest.mark.needs("pagemap_scan")
@pytest.mark.needs("root")
def test_a_dirty_file(disk_directory: Path) -> None:
    """Shared: what is written is dirty in the file behind."""
    with Mapping(Backing.file(str(disk_directory)), SIZE, "shared") as memory:
        memory.touch_write(0, 4 * PAGE)
        found = seen(memory)
    assert found.file is not None
    assert found.file.dirty == 4
    assert found.pages is not None
    assert found.pages.file == found.pages.present
    assert found.anonymous_pages == 0


@pytest.mark.needs("pagemap_scan")
def test_what_would_take_too_long_is_left_out_and_told() -> None:
    """smaps ends before it; page tables are counted all the same; the command is named."""
    with Mapping(Backing.anon(), SIZE) as memory:
        memory.populate_write()
        quick = look(longest_ms=0)
        assert quick.at(memory.address).usage is None
        pages = quick.at(memory.address).pages
        assert pages is not None
        assert pages.present == PAGES
        [missing] = [each for each in quick.missing if "smaps was read up to" in each.reason]
        assert missing.command is not None
        assert missing.command.startswith(f"prefault-kit attach {os.getpid()} --longest-ms ")
        assert look(longest_ms=1000).at(memory.address).usage is not None


def test_before_pagemap_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page tables hold is not known, which is not 0, and smaps is read."""

    def lacking(*_: object, **__: object) -> None:
        raise OSError(25, "no such ioctl")

    monkeypatch.setattr(pagemap, "count_pages", lacking)
    with Mapping(Backing.anon(), SIZE) as memory:
        memory.touch_write()
        found = look()
        own = found.at(memory.address)
    assert own.pages is None
    assert own.resident_bytes == SIZE
    assert any("PAGEMAP_SCAN" in each.reason for each in found.missing)


def test_a_page_cache_that_is_hidden_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As to an ordinary user, of libraries: not known, not 0, and who would see it."""
    monkeypatch.setattr(overviews.mapped_file, "cache", lambda *_: None)
    found = look()
    assert any(each.file and each.file.size_bytes for each in found.mappings)
    assert all(each.file is None or each.file.cached is None for each in found.mappings)
    [missing] = [each for each in found.missing if "may not write them" in each.reason]
    assert (missing.command or "").startswith("sudo ")


def test_totals_and_cost() -> None:
    """Sizes of the status in bytes, None for what no kernel has; each look is counted."""
    found = look(files=False)
    assert (found.status_bytes("VmRSS") or 0) > 0
    assert found.status_bytes("VmNothing") is None
    assert found.looking.calls > len(found.mappings)
    assert 0 < found.looking.longest_ns <= found.looking.elapsed_ns
    assert all(each.file is None for each in found.mappings)
    assert found.largest[0].resident_bytes == max(
        each.resident_bytes or 0 for each in found.mappings
    )
    with pytest.raises(ValueError, match="no mapping at 0x1"):
        found.at(1)


def test_progress_may_stop_it() -> None:
    """What it raises comes out, and no descriptor stays open."""

    def stop(part: float, words: str) -> None:
        if words == "files":
            raise KeyboardInterrupt

    before = os.listdir("/proc/self/fd")
    with pytest.raises(KeyboardInterrupt):
        look(on_progress=stop)
    assert os.listdir("/proc/self/fd") == before


def test_nodes_where_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read then, unless that would take too long."""
    if not os.path.exists("/proc/self/numa_maps"):
        pytest.skip("needs a kernel with NUMA")
    monkeypatch.setattr(overviews.numa_maps, "online_nodes", lambda: 2)
    with Mapping(Backing.anon(), SIZE) as memory:
        memory.touch_write()
        assert seen(memory).nodes == {0: SIZE}
        quick = look(longest_ms=0)
        assert quick.at(memory.address).nodes is None
        assert any("NUMA" in each.reason for each in quick.missing)


def test_huge_pages_are_quickly_walked() -> None:
    """smaps looks at one entry for each, and may walk them where as many small ones take long."""
    head = Region(1 << 30, 1 << 30, "rw-p")
    for huge, may in ((15_000, True), (0, False)):
        counts = {head.address: pagemap.PageCounts(15_000, 0, huge, 0, 0)}
        pace = overviews._Pace([head], counts, Looking(), longest_ms=1)
        assert pace.may_walk(0) is may


def test_files_are_asked_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is told, and is not 0."""
    monkeypatch.setattr(overviews, "FILES_S", -1)
    found = look()
    assert all(each.file is None for each in found.mappings)
    assert any("smallest files was not asked" in each.reason for each in found.missing)


def test_a_capability_lifts_the_limit_of_locked_memory() -> None:
    """CAP_IPC_LOCK, and none beside it."""
    with ProcessDirectory(os.getpid()) as own:
        limit = own.limits()["Max locked memory"]
        assert overviews._memlock(own, {"CapEff": "4000"}) is None
        assert overviews._memlock(own, {"CapEff": "bfff"}) == limit
