"""prefault_kit.studies.weights.loading: what a way leaves behind, counted in this process."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefault_kit.host import features
from prefault_kit.kernel import page_cache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.timed import Work
from prefault_kit.measure import steps
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.weights import tensors
from prefault_kit.studies.weights.loading import Load, load
from prefault_kit.studies.weights.tensors import Span
from prefault_kit.studies.weights.ways import (
    AT_ONCE,
    BY_TENSOR,
    DIRECT,
    LAZY,
    LET_GO,
    MAPPED,
    O_DIRECT,
    PREPARED,
    READ_IN,
    THREADS,
    WAYS,
    Way,
)

PAGES = 64
TENSORS = 8
UNLOCKED = [name for name in WAYS if name != "mlock"]


@pytest.fixture
def weights(disk_directory: Path) -> Iterator[int]:
    """A file of weights on disk."""
    fd = tensors.made(str(disk_directory), PAGES * PAGE, TENSORS)
    yield fd
    os.close(fd)


def loaded(way: Way, fd: int, spans: list[Span] | None = None, **options: int) -> Load:
    if spans is None:
        spans = [tensors.span(each) for each in tensors.of_file(fd)]
    told: list[Load] = []
    options = {"window_bytes": 16 * PAGE, "threads": 2} | options
    load(way, fd, spans, tell=told.append, **options)
    assert len(told) == 1
    return told[0]


@pytest.mark.needs("cachestat")
@pytest.mark.parametrize("name", UNLOCKED)
def test_where_the_weights_are(weights: int, name: str) -> None:
    """Mapped from the page cache, or its own; O_DIRECT leaves the page cache as it was."""
    way = WAYS[name]
    spans = [tensors.span(each) for each in tensors.of_file(weights)]
    used = sum(each.length for each in spans)
    assert page_cache.evict(weights) == 0
    found = loaded(way, weights, spans)
    assert found.ended == "ok"
    assert 0 < found.first_ms <= found.last_ms
    if way.into == MAPPED:
        assert found.anonymous == 0
        # what was let go leaves what a fault has mapped around it, before the first tensor
        assert found.mapped <= spans[0].offset if way.let_go else found.mapped >= used
    else:
        assert found.mapped == 0
        assert found.anonymous >= used
    assert found.cached == 0 if way.into == DIRECT else (found.cached or 0) >= used


@pytest.mark.parametrize("name", [name for name in UNLOCKED if WAYS[name].prefaults])
def test_what_was_populated_is_used_without_a_fault(weights: int, name: str) -> None:
    """WILLNEED alone brings in pages, and no entries of the page table."""
    found = loaded(WAYS[name], weights)
    faults = found.use_minor + found.use_major
    assert faults > 0 if WAYS[name].steps == ("MADV_WILLNEED",) else faults == 0


def test_prepared_memory_is_read_into_without_a_fault(weights: int) -> None:
    """The faults are those of populating: one a page. Unprepared, reading takes them."""
    prepared, plain = loaded(WAYS[PREPARED], weights), loaded(WAYS[READ_IN], weights)
    unprepared = PAGES - tensors.of_file(weights)[0].offset // PAGE
    assert (prepared.load_minor, plain.load_minor) == (PAGES, unprepared)
    assert prepared.use_minor == plain.use_minor == 0


def test_the_first_use_is_of_the_first_tensor(weights: int) -> None:
    """Not of the last one; of a single one both are the same."""
    found = loaded(WAYS[READ_IN], weights)
    assert found.first_ms < found.last_ms
    spans = [tensors.span(each) for each in tensors.of_file(weights)]
    found = loaded(WAYS[READ_IN], weights, spans[:1])
    assert found.first_ms == found.last_ms


@pytest.mark.parametrize(("name", "threads"), [(AT_ONCE, 1), (THREADS, 2)])
def test_threads_where_the_way_has_them(
    weights: int, name: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the plan says, and one for every other way."""
    asked: list[int] = []
    real = steps.do

    def do(memory: Mapping, step: str, number: int) -> Work:
        asked.append(number)
        return real(memory, step, number)

    monkeypatch.setattr(steps, "do", do)
    assert loaded(WAYS[name], weights).ended == "ok"
    assert asked == [threads]


def test_what_was_let_go_faults_again(weights: int) -> None:
    """It is in the page cache still, so no fault waits for the disk."""
    found = loaded(WAYS[LET_GO], weights)
    assert found.again_minor > 0
    assert found.again_major == 0


def test_only_what_is_used_is_populated(tmp_path: Path) -> None:
    """By tensor, and what the page cache keeps together with it; at once, all of the file is."""
    size_bytes = tensors.whole_pages(16 << 20)  # larger than any folio
    fd = tensors.made(str(tmp_path), size_bytes, TENSORS)
    last = tensors.span(tensors.of_file(fd)[-1])
    assert loaded(WAYS[BY_TENSOR], fd, [last]).mapped < size_bytes
    assert loaded(WAYS[AT_ONCE], fd, [last]).mapped == size_bytes
    os.close(fd)


def test_what_is_read_is_the_file(weights: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page of the memory, read in any way, has the bytes of its page of the file."""
    content = os.pread(weights, PAGES * PAGE, 0)
    begin = tensors.of_file(weights)[0].offset
    seen: dict[str, bytes] = {}
    from prefault_kit.studies.weights import loading

    told = loading._told
    for name in (LAZY, READ_IN, O_DIRECT):

        def look(memory: object, *words: object, name: str = name) -> Load:
            seen[name] = memory.read(begin, PAGES * PAGE - begin)
            return told(memory, *words)

        monkeypatch.setattr(loading, "_told", look)
        loaded(WAYS[name], weights)
    assert set(seen.values()) == {content[begin:]}


def test_the_end_of_a_file_is_no_whole_block(tmp_path: Path) -> None:
    """O_DIRECT ends where the file does, and asks for nothing behind."""
    path = tmp_path / "weights"
    path.write_bytes(os.urandom(3 * PAGE + 100))
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    spans = [tensors.span(each) for each in tensors.slices(3 * PAGE + 100, 2)]
    for name in (O_DIRECT, READ_IN, AT_ONCE):
        assert loaded(WAYS[name], fd, spans).ended == "ok"
    os.close(fd)


def test_a_file_that_shrinks_is_an_error(weights: int) -> None:
    """What is mapped beyond its end is EFAULT, no SIGBUS."""
    spans = [Span(0, 2 * PAGES * PAGE)]
    size = os.fstat(weights).st_size
    os.ftruncate(weights, 2 * size)
    way = dataclasses.replace(WAYS[LAZY], steps=("populate_read",))
    real = os.fstat(weights)
    assert real.st_size == 2 * size
    assert loaded(way, weights, spans).ended == "ok"  # a hole, so far

    def fstat(fd: int) -> os.stat_result:
        return real

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("prefault_kit.studies.weights.loading.os.fstat", fstat)
        os.ftruncate(weights, size)
        assert [loaded(each, weights, spans).ended for each in (WAYS[LAZY], way)] == ["EFAULT"] * 2


def test_locked_memory_beyond_its_limit_is_told(weights: int) -> None:
    """The errno of mlock, as for any way that fails; whoever may lock it all ends well."""
    assert loaded(WAYS["mlock"], weights).ended in (
        ("ok",) if features.mlock() is None else ("ENOMEM", "EPERM")
    )
