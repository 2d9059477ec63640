"""prefault_kit.measure.trace: the working set, first touches and runs of a trace."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from prefault_kit.kernel import perf
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.trace import BY_KERNEL, MAJOR, MOST_FLAGS, runs
from tests.studies.trace.made import file, mapping, trace

READ, WRITE, UNTOLD = perf.READ, perf.WRITE, perf.UNTOLD
FAULTS = (
    (0, 3, READ),
    (1, 3, WRITE),
    (0, 4, UNTOLD),
    (0, 3, WRITE),
    (0, 9, UNTOLD),
    (0, 4, UNTOLD),
)


def test_the_use_of_each_mapping() -> None:
    """Different pages, by what is known of them; runs; the order of first touches."""
    found = trace(*FAULTS, mappings=(mapping(), mapping(ordinal=2), mapping(ordinal=3)))
    first, second = found.use
    assert (first.index, first.faults, first.pages, first.runs) == (0, 5, 3, 2)
    assert (first.read, first.written, first.unknown) == (1, 1, 2)
    assert first.in_order == 0.5
    assert (first.first_ns, first.last_ns) == (0, 5 * 10**6)
    assert (second.index, second.pages, second.in_order) == (1, 1, 1)
    assert found.first.tolist() == [True, True, True, False, True, False]
    assert found.pages == 4


def test_the_order_is_that_of_time() -> None:
    """Pages that follow each other backwards are in none."""
    assert trace((0, 4, READ), (0, 3, READ), (0, 2, READ)).use[0].in_order == 0


def test_flags() -> None:
    """Major, by the kernel and the access are told apart."""
    found = trace((0, 1, WRITE), (0, 2, READ), flags=numpy.array([MOST_FLAGS, 4], "u1"))
    assert found.major.tolist() == [True, False]
    assert found.by_kernel.tolist() == [True, False]
    assert found.access.tolist() == [WRITE, READ]
    assert (MAJOR, BY_KERNEL) == (1, 2)


def test_growth_ends_with_the_working_set() -> None:
    """And never falls."""
    pages = [count for _, count in trace(*FAULTS, mappings=(mapping(), mapping())).growth(7)]
    assert pages == sorted(pages)
    assert (len(pages), pages[-1]) == (7, 4)


def test_without_faults() -> None:
    """Nothing was used, and nothing fails."""
    found = trace()
    assert (found.use, found.pages, len(found)) == ((), 0, 0)
    assert {count for _, count in found.growth()} == {0}
    assert found.runs("a") == []


def test_runs_of_a_file_end_with_it(tmp_path: Path) -> None:
    """Of all its mappings together; those of another file are not among them."""
    path = tmp_path / "a"
    path.write_bytes(bytes(5 * PAGE + 1))
    mappings = (file(path), file(path, image=0), mapping())
    found = trace((0, 0, READ), (1, 5, READ), (2, 3, READ), mappings=mappings)
    assert found.runs(str(path), 0) == [(0, PAGE), (5 * PAGE, 1)]
    assert found.runs(str(path), 8 * PAGE) == [(0, 5 * PAGE + 1)]
    assert found.runs(str(path) + "b") == []


def test_windows_have_a_size() -> None:
    """ValueError in a sentence."""
    with pytest.raises(ValueError, match="from 0 to 1 GiB"):
        runs(numpy.array([1]), PAGE, -1, None)


def test_keys_of_mappings() -> None:
    """A file is its path, whoever maps it; other memory is what it is and which of several."""
    a, b = mapping(), mapping(ordinal=2)
    assert a.key == mapping(permissions="r--p").key
    assert a.key != b.key
    assert a.key != mapping(size_bytes=PAGE).key
    one, other = (mapping("file", "/a", size_bytes=size, image=size) for size in (1, 2))
    assert one.key == other.key
    assert mapping("heap", "[heap]", size_bytes=1).key == mapping("heap", "[heap]").key
