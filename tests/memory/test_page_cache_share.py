"""prefault_kit.memory.page_cache_share: what the page cache has of a part of a file."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefault_kit.kernel import page_cache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory import page_cache_share
from prefault_kit.memory.page_cache_share import (
    Cache,
    cache_of,
    cached_pages,
    is_blind,
    is_in_memory,
    mapped,
)

PAGES = 16


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    """A file of cached pages, open for reading."""
    (tmp_path / "data").write_bytes(bytes(PAGES * PAGE))
    fd = os.open(tmp_path / "data", os.O_RDONLY)
    yield fd
    os.close(fd)


def test_two_ways_agree(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """cachestat(2), and mincore(2) where the kernel lacks it or it is blind."""
    if not is_blind(fd):
        assert cache_of(fd, 0, PAGES * PAGE, blind=False).cached == PAGES
    assert cache_of(fd, PAGE, 3 * PAGE, blind=True) == Cache(3)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, "cachestat")

    monkeypatch.setattr(page_cache, "cachestat", refuse)
    assert cache_of(fd, PAGE, 3 * PAGE, blind=False) == Cache(3)
    assert cache_of(fd, 0, 0, blind=False) == Cache(0, 0)


def test_hugetlbfs_tells_nothing(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """There mincore(2) would speak of page tables."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "cachestat")

    monkeypatch.setattr(page_cache, "cachestat", refuse)
    assert cache_of(fd, 0, PAGE, blind=False) == Cache(None)


def test_beyond_the_end_nothing_is_cached(fd: int) -> None:
    """A file that is shorter than was asked for."""
    found = cached_pages(fd, (PAGES - 1) * PAGE + 1, 3 * PAGE)
    assert found == bytearray([1, 0, 0, 0])


def test_what_may_be_a_lie_is_not_known(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of somebody else's file mincore(2) says that all is there; one page less, and it is true."""
    monkeypatch.setattr(page_cache_share, "_may_ask", lambda _: False)
    assert cached_pages(fd, 0, PAGES * PAGE) is None
    assert cache_of(fd, 0, PAGES * PAGE, blind=True) == Cache(None)
    monkeypatch.setattr(page_cache_share.syscalls, "mincore", lambda *_: bytearray([1, 0]))
    assert cached_pages(fd, 0, 2 * PAGE) == bytearray([1, 0])


def test_a_mapping_is_gone_afterwards(fd: int) -> None:
    """Also after an error."""
    known = []
    with contextlib.suppress(KeyError), mapped(fd, PAGE, 5) as (address, size):
        assert size == PAGE
        known = [f"{address:x}-" in Path("/proc/self/maps").read_text()]
        raise KeyError
    known.append(f"{address:x}-" in Path("/proc/self/maps").read_text())
    assert known == [True, False]


def test_memory_and_nothing_else() -> None:
    """A memfd is, by its name."""
    fd = os.memfd_create("x")
    assert is_in_memory(fd)
    assert not is_blind(fd)
    os.close(fd)
