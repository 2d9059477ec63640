"""prefault_kit.studies.trace.prefaulting: the touched pages of files, and no others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prefault_kit.host import features
from prefault_kit.kernel import page_cache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.trace import Trace
from prefault_kit.memory.budget import Budget
from prefault_kit.memory.file_part import FilePart
from prefault_kit.memory.residency import residency
from prefault_kit.studies.trace.prefaulting import bring, look, plans
from tests.studies.trace.made import file, mapping, trace

PAGES = 512
TOUCHED = (3, 4, 200, 201, 202, 400)
needs_cachestat = pytest.mark.needs("cachestat")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of the disk, of which nothing is cached."""
    found = tmp_path / "data"
    with found.open("wb") as out:
        out.write(os.urandom(PAGES * PAGE))
        out.flush()
        os.fsync(out.fileno())
        if features.cachestat() is None:
            page_cache.evict(out.fileno())
    return found


def of(path: Path) -> Trace:
    """A trace of the file, and of other memory."""
    faults = [(0, page, 1) for page in TOUCHED]
    return trace(*faults, (1, 9, 2), mappings=(file(path), mapping()))


def cached(path: Path, first: int, pages: int) -> int:
    """Pages of a part that are in the page cache."""
    whole = FilePart.whole(path)
    part = FilePart(str(path), first * PAGE, pages * PAGE, whole.identity)
    return residency(part).cached or 0


@needs_cachestat
def test_what_was_touched_is_brought(path: Path) -> None:
    """In runs; looking brings nothing; a second time there is nothing to bring."""
    [plan] = plans(of(path), 0)
    assert (plan.touched_bytes, plan.size_bytes) == (6 * PAGE, 6 * PAGE)
    assert [(each.offset_bytes // PAGE, each.size_bytes // PAGE) for each in plan.parts] == [
        (3, 2), (200, 3), (400, 1),
    ]  # fmt: skip
    assert (look(plan).there_before_bytes, look(plan).brought_bytes) == (0, 0)
    assert cached(path, 0, PAGES) == 0
    told: list[int] = []
    found = bring(plan, on_progress=told.append)
    assert (found.there_before_bytes, found.brought_bytes) == (0, 6 * PAGE)
    assert (found.done_bytes, found.runs, found.note) == (6 * PAGE, 3, None)
    assert told == [2 * PAGE, 5 * PAGE, 6 * PAGE]
    assert cached(path, 3, 2) + cached(path, 200, 3) + cached(path, 400, 1) == 6
    assert cached(path, 0, PAGES) < PAGES // 2
    assert bring(plan).brought_bytes == 0


def test_windows_of_pages(path: Path) -> None:
    """What fault-around may have mapped is brought, too; a trace has no part twice."""
    [plan] = plans(of(path), 16 * PAGE)
    assert [(each.offset_bytes // PAGE, each.size_bytes // PAGE) for each in plan.parts] == [
        (0, 16), (192, 16), (400, 16),
    ]  # fmt: skip


def test_a_file_that_has_changed_is_told(path: Path) -> None:
    """What of it is there still is brought; never a page behind its end."""
    known = of(path)
    os.truncate(path, 201 * PAGE)
    [plan] = plans(known, 0)
    assert plan.changed is not None
    assert "size, time of modification" in plan.changed
    assert sum(each.size_bytes for each in plan.parts) == 4 * PAGE - PAGE
    found = bring(plan)
    assert found.done_bytes == plan.size_bytes
    assert found.note == plan.changed


@pytest.mark.parametrize("kind", ["gone", "directory", "pipe", "unknown"])
def test_a_file_that_cannot_be_had_is_skipped(path: Path, kind: str) -> None:
    """And told, with the reason; nothing is waited for."""
    known = of(path)
    if kind == "unknown":
        known = trace((0, 1, 1), mappings=(file(path, file=None),))
    else:
        path.unlink()
    if kind == "directory":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    [plan] = plans(known)
    assert plan.changed is not None
    assert "skipped" in plan.changed
    found = bring(plan)
    assert (found.done_bytes, found.runs) == (0, 0)


@needs_cachestat
def test_a_budget_ends_it(path: Path) -> None:
    """After so many bytes that were not there."""
    [plan] = plans(of(path), 0)
    found = bring(plan, Budget.of(at_most_bytes=2 * PAGE))
    assert found.done_bytes == found.brought_bytes == 2 * PAGE


def test_a_file_is_not_written(path: Path) -> None:
    """It need not even be writable, nor is its time changed."""
    path.chmod(0o400)
    before = path.stat()
    [plan] = plans(of(path))
    bring(plan)
    assert path.stat() == before or path.stat().st_mtime_ns == before.st_mtime_ns


def test_a_trace_without_files() -> None:
    """There is nothing to bring."""
    assert plans(trace((0, 1, 2))) == []
