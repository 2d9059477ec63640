"""prefault_kit.studies.trace.comparison: coverage and waste."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.trace.comparison import compare
from tests.studies.trace.made import file, mapping, trace


def test_coverage_and_waste(tmp_path: Path) -> None:
    """By pages of a file, and by pages of other memory."""
    path = tmp_path / "a"
    path.write_bytes(bytes(64 * PAGE))
    mappings = (file(path), mapping())
    earlier = trace((0, 0, 1), (0, 1, 1), (0, 40, 1), (1, 5, 2), mappings=mappings)
    now = trace((0, 1, 1), (0, 41, 1), (1, 5, 2), (1, 6, 2), mappings=mappings)
    found = compare(now, earlier, 0)
    assert (found.files.coverage, found.files.waste) == (0.5, pytest.approx(2 / 3))
    assert (found.memory.coverage, found.memory.waste) == (0.5, 0)
    wide = compare(now, earlier, 16 * PAGE)
    assert (wide.files.coverage, wide.files.waste) == (1, 0)
    assert wide.files.now == 2 * 16 * PAGE
    assert (wide.memory.coverage, wide.memory.now) == (0.5, 2 * PAGE)  # which has no windows
    assert [each.title for each in wide.by_file] == [str(path)]
    assert wide.as_dict()["files"]["coverage"] == 1


def test_nothing_to_compare() -> None:
    """None, and never a division by 0."""
    found = compare(trace(), trace())
    assert (found.files.coverage, found.files.waste, found.by_file) == (None, None, ())
    one = compare(trace((0, 1, 1)), trace())
    assert (one.memory.coverage, one.memory.waste) == (0, None)


def test_pages_of_another_size() -> None:
    """ValueError in a sentence, as for windows that are no size."""
    with pytest.raises(ValueError, match="from 0 to 1 GiB"):
        compare(trace(), trace(), -1)
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(trace(), trace(page_size_bytes=2 * PAGE))
