"""prefault_kit.notebook.views: several views of one mapping side by side."""

import os

import pytest

from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
from prefault_kit.host import features
from prefault_kit.notebook.views import Answers, Layers, answers, layers

PAGES = 64
SIZE = PAGES * PAGE_SIZE_BYTES


@pytest.mark.skipif(features.cachestat() is not None, reason="needs cachestat")
def test_blocks_cache_and_page_table_are_told_apart() -> None:
    """fallocate gives a memfd its pages, populating maps them."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        assert layers(memory) == Layers(blocks=False, cached=0, dirty=0, mapped=0)
        memory.fallocate()
        assert layers(memory) == Layers(blocks=True, cached=PAGES, dirty=0, mapped=0)
        memory.populate_read()
        assert layers(memory) == Layers(blocks=True, cached=PAGES, dirty=0, mapped=PAGES)


def test_anonymous_memory_has_no_layers() -> None:
    """Without a file there is neither storage nor a page cache."""
    with Mapping(Backing.anon(), SIZE) as memory, pytest.raises(ValueError, match="no file"):
        layers(memory)


def test_three_answers_about_the_zero_page() -> None:
    """The page table and mincore count it, Rss does not."""
    with Mapping(Backing.anon(), SIZE) as memory:
        memory.populate_read()
        assert answers(memory) == Answers(page_table=PAGES, mincore=PAGES, rss=0)
        memory.populate_write()
        assert answers(memory) == Answers(page_table=PAGES, mincore=PAGES, rss=PAGES)


def test_three_answers_about_the_page_cache() -> None:
    """Only mincore sees what is in memory and not mapped."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        os.pwrite(memory.fd, bytes(SIZE // 2), 0)
        assert answers(memory) == Answers(page_table=0, mincore=PAGES // 2, rss=0)
