"""prefault_kit.studies.playground.strips: what is looked up, page by page."""

import json
import os
from array import array
from dataclasses import replace

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.host import thp
from prefault_kit.kernel import folios, pagemap
from prefault_kit.kernel.pagemap import SWAPPED
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.playground import Ground, Strips
from prefault_kit.studies.playground.strips import BEYOND, CACHE, STORAGE, TABLE, look, possible


def test_what_is_told_is_read_again() -> None:
    """Through JSON, as the worker sends it."""
    with Mapping(Backing.memfd(), 8 * PAGE, "shared") as memory:
        memory.touch_write(2 * PAGE, 3 * PAGE)
        seen = look(memory)
    assert Strips.of(json.loads(json.dumps(seen.as_dict()))).table == seen.table
    assert seen.table == ["not present"] * 2 + ["of the file"] * 3 + ["not present"] * 3
    assert set(seen.table) <= set(TABLE)
    assert set(seen.cache or []) <= set(CACHE)
    assert set(seen.storage or []) <= set(STORAGE)


def test_what_is_reserved_in_memory_is_told_from_a_hole() -> None:
    """fallocate of a memfd puts pages into the page cache, which SEEK_DATA does not show."""
    with Mapping(Backing.memfd(), 8 * PAGE, "shared") as memory:
        memory.fallocate(0, 3 * PAGE)
        memory.touch_write(PAGE, PAGE)
        seen = look(memory)
    assert seen.storage == ["reserved", "data", "reserved"] + ["hole"] * 5


@pytest.mark.needs("frames", "thp")
def test_pages_of_a_folio_are_told() -> None:
    """Once more after they were sent; none of single pages."""
    huge = thp.size_bytes() or 0
    with Mapping(Backing.anon(), 2 * huge, thp=True) as memory:
        assert look(memory).folios == []
        memory.touch_write(huge, PAGE)
        seen = look(memory)
    assert seen.folios == [(huge // PAGE, huge // PAGE)]
    assert Strips.of(json.loads(json.dumps(seen.as_dict()))).folios == seen.folios


def test_folios_that_may_not_be_known_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for an ordinary user."""
    monkeypatch.setattr(folios, "spans", lambda _: None)
    with Mapping(Backing.anon(), PAGE) as memory:
        assert look(memory).folios is None


def test_what_userfaultfd_marks_is_not_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry for a page that is not there, but is protected, looks as one that is swapped."""
    found = array("Q", [1 << 62 | pagemap.WRITE_PROTECTED, 1 << 62, 0])
    states = bytes([SWAPPED, SWAPPED, 0])
    monkeypatch.setattr(pagemap, "entries", lambda *_: found)
    for swapped_bytes, words in ((0, ["not present", "swapped"]), (PAGE, ["swapped", "swapped"])):
        with Mapping(Backing.anon(), 3 * PAGE) as memory:
            usage = replace(memory.usage(), other={"Swap": swapped_bytes})
            pages = replace(memory.pages(file=True), state_bytes=states)
            monkeypatch.setattr(Mapping, "usage", lambda _, usage=usage: usage)
            monkeypatch.setattr(Mapping, "pages", lambda *_, pages=pages, **__: pages)
            assert look(memory).table == [*words, "not present"]
            monkeypatch.undo()
        monkeypatch.setattr(pagemap, "entries", lambda *_: found)


def test_a_file_that_is_shorter_ends_in_both_strips() -> None:
    """The page table has no such word: nothing is there."""
    with Mapping(Backing.memfd(), 4 * PAGE, "shared") as memory:
        os.ftruncate(memory.fd, PAGE + 1)  # the second page is the file's as well
        seen = look(memory)
    assert seen.cache == ["not cached"] * 2 + [BEYOND] * 2
    assert seen.storage == ["hole"] * 2 + [BEYOND] * 2


@pytest.mark.parametrize(
    ("ground", "words"),
    [
        (Ground("anon", "private"), ("not present", "zero page", "anonymous")),
        (Ground("anon", "shared"), ("not present", "of the file")),
        (Ground("memfd", "shared"), ("not present", "of the file")),
        (Ground("memfd", "private"), ("not present", "anonymous", "of the file")),
        (
            Ground("anon", "private", thp=True),
            ("not present", "zero page", "anonymous", "huge zero page", "huge"),
        ),
    ],
)
def test_what_a_page_may_be_depends_on_its_memory(ground: Ground, words: tuple[str, ...]) -> None:
    """So that a reader is offered what can come."""
    assert possible(ground) == words
