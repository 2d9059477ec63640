"""The charts of a process: rows, places in them, parts that add up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
from prefault_kit.screens.process import figures
from prefault_kit.screens.process.model import Seen
from prefault_kit.studies.process import Overview, Process
from tests.studies.process.made import mapping

PAGES = 64


@pytest.fixture(scope="module")
def memory() -> Iterator[Mapping]:
    """A quarter written, a quarter read, the rest untouched."""
    with Mapping(Backing.anon(), PAGES * PAGE_SIZE_BYTES) as mapping:
        mapping.touch_write(0, PAGES // 4 * PAGE_SIZE_BYTES)
        mapping.touch_read(PAGES // 4 * PAGE_SIZE_BYTES, PAGES // 4 * PAGE_SIZE_BYTES)
        yield mapping


@pytest.fixture(scope="module")
def seen(memory: Mapping) -> Overview:
    """This process."""
    with Process(os.getpid()) as process:
        return process.overview(files=False)


def test_rows_are_the_largest_and_the_rest(seen: Overview) -> None:
    """Each address has its row: of a mapping with its place in it, of the rest, of none."""
    rows = figures.Rows(seen)
    assert len(rows.mappings) == figures.ROWS
    assert rows.labels[-2:] == [figures.OTHERS, figures.GONE]
    first, small = rows.mappings[0], rows.rest[-1]
    assert rows.place(first.address) == -0.4
    assert rows.place(first.address + first.size_bytes // 2) == pytest.approx(0)
    assert rows.place(small.address) == figures.ROWS
    assert rows.place(PAGE_SIZE_BYTES) == figures.ROWS + 1


def test_parts_are_counted_once(seen: Overview, memory: Mapping) -> None:
    """They add up to what is resident; the zero page is not anonymous."""
    found = figures._parts(seen.at(memory.address))
    quarter = PAGES // 4 * PAGE_SIZE_BYTES
    assert found == {"anonymous": quarter, "zero page": quarter, "huge": 0, "of a file": 0}
    for each in seen.mappings:
        assert sum(figures._parts(each).values()) == (each.resident_bytes or 0)


def test_parts_of_one_file_are_told_apart() -> None:
    """By their permissions; a name that is there once has none."""
    parts = [
        mapping(1, address=at * PAGE_SIZE_BYTES, name=name, permissions=permissions)
        for at, (name, permissions) in enumerate(
            [("/lib/libc.so.6", "r-xp"), ("/lib/libc.so.6", "rw-p"), ("/lib/libm.so.6", "r--p")]
        )
    ]
    told = figures.labels(parts)
    assert told == ["/lib/libc.so.6 r-xp", "/lib/libc.so.6 rw-p", "/lib/libm.so.6"]


def test_a_click_chooses_the_mapping_of_its_row(seen: Overview) -> None:
    """And beside the bars nothing."""
    chosen: list[int] = []
    sizes = figures.Sizes(chosen.append)
    sizes.update(seen, seen.largest[1].address)
    for y in (1.2, -3, 99, figures.ROWS):
        sizes._tapped(SimpleNamespace(y=y))
    assert chosen == [seen.largest[1].address]
    lines = dict(zip(sizes.bars.data["y"], sizes.bars.data["line"], strict=True))
    assert lines[1] == figures.VERMILLION
    assert lines[0] != figures.VERMILLION


def test_faults_are_points_in_the_rows(seen: Overview) -> None:
    """When, where, and whether a disk was waited for."""
    stream = figures.Stream()
    begin = seen.largest[2].address
    stream.update(seen, [Seen(8, begin, False), Seen(9.5, 1, True)], 10)
    data = stream.points.data
    assert data["x"] == [-2, -0.5]
    assert data["y"] == [1.6, len(figures.Rows(seen).labels) - 1]
    assert data["color"] == [figures.FAULTS["minor"], figures.FAULTS["major"]]
    assert data["tip"] == [f"minor fault at 0x{begin:x}", "major fault at 0x1"]


def test_pages_are_cells(memory: Mapping) -> None:
    """A colour each; a cell of several pages says how many are present."""
    pages = figures.Pages()
    with Process(os.getpid()) as process:
        pages.update(process.page_map(memory.address))
        own = [figures.COLOURS["anonymous"]] * 16 + [figures.COLOURS["zero page"]] * 16
        assert pages.cells.data["color"][:32] == own
        assert set(pages.cells.data["color"][32:]) == {figures.COLOURS["not present"]}
        found = process.page_map(memory.address, cells=2)
    pages.update(found)
    assert pages.cells.data["tip"][0].endswith("32 of 32 pages are present")
    assert pages.cells.data["color"] == ["#a4cee6", figures.COLOURS["not present"]]
    assert "a cell is 32 pages, pale" in figures.legend_of(found)
    pages.update(None)
    assert pages.cells.data["x"] == []
