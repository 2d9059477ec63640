"""prefault_kit.show.page_map: the states of pages in words and colours."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import prefault_kit
from prefault_kit import Backing, Mapping
from prefault_kit.host import features
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.file_part import FilePart
from prefault_kit.show import plot
from prefault_kit.show.page_map import COLOURS, page_map, states

PAGES = 128


def test_words_count_the_states() -> None:
    """The text says of each row how many pages are in which state."""
    with Mapping(Backing.anon(), PAGES * PAGE) as memory:
        fresh = memory.pages()
        memory.touch_write(0, 5 * PAGE)
        drawn = page_map({"before": fresh, "five written": memory.pages()})
    assert repr(drawn) == (
        "before        128 pages: 128 not present\n"
        "five written  128 pages: 123 not present, 5 present"
    )


@pytest.mark.skipif(features.pagemap_scan() is not None, reason="needs PAGEMAP_SCAN")
def test_own_pages_and_the_file_s_are_told_apart() -> None:
    """A private file mapping: pages read are the file's, pages written are anonymous."""
    with Mapping(Backing.memfd(), PAGES * PAGE) as memory:
        memory.populate_read()
        memory.touch_write(0, 3 * PAGE)
        said = states(memory.pages(file=True), file=True)
    assert said == ["anonymous"] * 3 + ["of the file"] * (PAGES - 3)


@pytest.mark.skipif(features.pagemap_scan() is not None, reason="needs PAGEMAP_SCAN")
def test_the_zero_page_has_its_state() -> None:
    """Anonymous memory that was read is the zero page."""
    with Mapping(Backing.anon(), PAGES * PAGE) as memory:
        memory.populate_read()
        assert set(states(memory.pages())) == {"zero page"}


def test_a_picture_shows_its_colours() -> None:
    """The PNG has the colours of the states that are there, and not of others."""
    png = page_map({"a row": ["not present"] * 64 + ["anonymous"] * 64})._repr_png_()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    colours = {colour for _, colour in image.getcolors(1 << 20) or []}

    def rgb(name: str) -> tuple[int, ...]:
        return tuple(bytes.fromhex(COLOURS[name][1:]))

    assert {rgb("not present"), rgb("anonymous")} <= colours
    assert rgb("huge") not in colours


def test_a_large_range_fits() -> None:
    """Many pages share a cell, and the picture stays small."""
    png = page_map({"large": ["present"] * 262144})._repr_png_()
    assert len(png) < 50_000
    assert Image.open(io.BytesIO(png)).height < 600


def test_a_word_without_a_colour() -> None:
    """A state that has no colour is refused in words."""
    with pytest.raises(ValueError, match="no colour for molten"):
        page_map({"row": ["molten"]})


@pytest.mark.parametrize("pages", [0, 1, 63, 64, 65, 1023, 1024, 1025, 100_001])
def test_any_number_of_pages_is_drawn(pages: int) -> None:
    """No page at all, one, a line that is not full, several pages a cell with a rest."""
    drawn = page_map({"range": ["present"] * pages})
    assert f"{pages:,} page" in repr(drawn)
    assert Image.open(io.BytesIO(drawn._repr_png_())).width > 100


@pytest.mark.parametrize("row", [5, "present", None])
def test_what_are_no_pages(row: Any) -> None:
    """Is named with its title: text would be taken for a word a letter."""
    with pytest.raises(ValueError, match="the pages of 'a row' are what"):
        page_map({"a row": row})
    with pytest.raises(ValueError, match="no colour for 5"):
        page_map({"a row": [5]})


def test_no_range_is_refused() -> None:
    """In a sentence, before anything is drawn."""
    with pytest.raises(ValueError, match="no range to draw"):
        page_map({})


@pytest.mark.skipif(features.pagemap_scan() is not None, reason="needs PAGEMAP_SCAN")
def test_memory_of_one_s_own() -> None:
    """A buffer: copies and a file's pages told apart; of shared memory all are of a file."""
    with Mapping(Backing.memfd(), PAGES * PAGE) as memory:
        memory.populate_read()
        memory.touch_write(0, 3 * PAGE)
        assert repr(page_map(memory)) == "memory  128 pages: 3 anonymous, 125 of the file"
    with Mapping(Backing.memfd(), PAGES * PAGE, "shared") as memory:
        memory.touch_write(0, PAGE)
        assert repr(page_map(memory)) == "memory  128 pages: 127 not present, 1 of the file"
    assert repr(page_map(bytes(b"x" * 5))) in (
        "memory  1 page: 1 anonymous",
        "memory  1 page: 1 huge",
    )


def test_a_path_is_its_page_cache(tmp_path: Path) -> None:
    """Page by page; a part of it too."""
    (tmp_path / "data").write_bytes(bytes(4 * PAGE))
    assert repr(page_map(tmp_path / "data")) == "memory  4 pages: 4 in the page cache"
    whole = FilePart.whole(tmp_path / "data")
    part = FilePart(whole.path, PAGE, PAGE, whole.identity)
    assert repr(page_map(part)) == "memory  1 page: 1 in the page cache"


def test_it_is_a_name_of_the_kit() -> None:
    """Loaded when it is asked for."""
    assert prefault_kit.page_map is page_map
    with pytest.raises(AttributeError, match="no attribute 'page_maps'"):
        prefault_kit.page_maps  # noqa: B018


def test_a_cached_page_has_not_the_colour_of_a_dirty_one() -> None:
    """A state has one colour in maps, strips and charts, and no other state has it beside it."""
    assert COLOURS["in the page cache"] == plot.COUNT_COLORS["cached"]
    assert COLOURS["in the page cache"] != plot.COUNT_COLORS["dirty"]
