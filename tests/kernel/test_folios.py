"""prefault_kit.kernel.folios: which pages belong together, where it may be known."""

import os
from pathlib import Path

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.host import thp
from prefault_kit.kernel import folios, pagemap
from prefault_kit.kernel.folios import HEAD, PRESENT, TAIL
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE

AT = 1000
"""A frame."""


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([0, 0, 0, 0], []),
        ([HEAD, TAIL, TAIL, TAIL], [(0, 4)]),
        ([HEAD, TAIL, HEAD, TAIL], [(0, 2), (2, 2)]),
        ([0, HEAD, TAIL, 0], [(1, 2)]),
        ([TAIL, TAIL, HEAD, TAIL], [(0, 2), (2, 2)]),  # it has begun before the range
    ],
)
def test_a_folio_begins_at_its_head(
    flags: list[int], expected: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on with its tails."""
    monkeypatch.setattr(folios, "_flags", lambda _: flags)
    assert folios.spans([PRESENT | AT + page for page in range(len(flags))]) == expected


def test_frames_that_do_not_follow_one_another_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of two folios side by side in the page table."""
    monkeypatch.setattr(folios, "_flags", lambda _: [HEAD, TAIL, TAIL, TAIL])
    frames = [AT, AT + 1, AT + 7, AT + 8]
    assert folios.spans([PRESENT | frame for frame in frames]) == [(0, 2), (2, 2)]


def test_what_may_not_be_known_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the privilege the kernel tells every frame as 0; kpageflags may be missing."""
    assert folios.spans([PRESENT, PRESENT]) is None

    def missing(_: object) -> list[int]:
        raise FileNotFoundError(2, "no kpageflags")

    monkeypatch.setattr(folios, "_flags", missing)
    assert folios.spans([PRESENT | AT]) is None


@pytest.mark.needs("frames")
def test_what_a_file_was_written_in_is_what_it_is_kept_in(disk_directory: Path) -> None:
    """A file that was written page by page has small folios; in one chunk, it may have large ones:
    then they are as many pages as lie together."""
    with Mapping(Backing.file(disk_directory), 64 * PAGE, "shared") as memory:
        for page in range(64):
            os.pwrite(memory.fd, b"x" * PAGE, page * PAGE)
        memory.populate_read()
        small = folios.spans(pagemap.entries(*memory.span()))
    with Mapping(Backing.file(disk_directory), 64 * PAGE, "shared") as memory:
        os.pwrite(memory.fd, b"x" * 64 * PAGE, 0)
        memory.populate_read()
        large = folios.spans(pagemap.entries(*memory.span()))
        memory.advise("MADV_DONTNEED")
        assert folios.spans(pagemap.entries(*memory.span())) == []
    assert small == []
    assert large is not None
    assert all(count > 1 for _, count in large)
    assert sum(count for _, count in large) <= 64


@pytest.mark.needs("frames", "thp")
def test_a_huge_page_is_one_folio() -> None:
    """As many pages as it has."""
    huge = thp.size_bytes()
    assert huge
    with Mapping(Backing.anon(), 2 * huge, thp=True) as memory:
        memory.touch_write()
        found = folios.spans(pagemap.entries(*memory.span()))
    each = huge // PAGE
    assert found == [(0, each), (each, each)]
