"""prefault_kit.studies.playground.strips: what is looked up, page by page."""

import json
import os

from prefault_kit import Backing, Mapping
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.playground import Strips
from prefault_kit.studies.playground.strips import BEYOND, CACHE, STORAGE, TABLE, look


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


def test_a_file_that_is_shorter_ends_in_both_strips() -> None:
    """The page table has no such word: nothing is there."""
    with Mapping(Backing.memfd(), 4 * PAGE, "shared") as memory:
        os.ftruncate(memory.fd, PAGE + 1)  # the second page is the file's as well
        seen = look(memory)
    assert seen.cache == ["not cached"] * 2 + [BEYOND] * 2
    assert seen.storage == ["hole"] * 2 + [BEYOND] * 2
