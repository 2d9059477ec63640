"""prefault_kit.studies.review.replay: the accesses of a trace as a workload."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from prefault_kit import Backing
from prefault_kit.kernel import perf
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import trace_file
from prefault_kit.measure.trace import Trace
from prefault_kit.studies.review import Review, Workload, replay, running
from prefault_kit.studies.review.trial import TrialRun, perform
from tests.studies.trace.made import mapping, trace

READ, WRITE, UNTOLD = perf.READ, perf.WRITE, perf.UNTOLD
FAULTS = ((0, 7, READ), (0, 3, UNTOLD), (0, 7, WRITE), (1, 14, UNTOLD), (1, 12, READ), (2, 1, READ))
MAPPINGS = (
    mapping(),
    mapping("file", "/data/a", size_bytes=8 * PAGE, first_page=10, permissions="r--s"),
    mapping("special", "[vdso]"),
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A saved trace."""
    trace_file.save(trace(*FAULTS, mappings=MAPPINGS), tmp_path / "trace")
    return str(tmp_path / "trace")


def plan(case: Workload) -> tuple[list[int], list[int]]:
    """The pages of a case, and whether each is written."""
    assert case.replay is not None
    found = case.replay.plan(case.backing.page_size_bytes)
    return found.pages.tolist(), found.writes.tolist()


def test_memory_is_accessed_as_it_was(path: str) -> None:
    """The same size, the same order; what is not known of memory is replayed as a write."""
    case = Workload.of_trace(path)
    assert (case.backing, case.sharing, case.size_bytes) == (Backing.anon(), "private", 64 * PAGE)
    assert (case.content, case.pattern) == ("hole", "trace")
    assert (case.read, case.write) == (1 / 64, 2 / 64)
    assert plan(case) == ([7, 3, 7], [0, 1, 1])
    assert case.replay is not None
    assert "of 1 it is not known whether they read or wrote" in case.replay.sentence
    assert "replayed as writes" in case.replay.sentence


def test_a_file_is_accessed_as_it_was(path: str) -> None:
    """From its first page that was mapped on; what is not known of a file is a read."""
    case = Workload.of_trace(path, 2)
    assert case.backing.kind == "file"
    assert (case.sharing, case.content, case.size_bytes) == ("shared", "large-chunks", 8 * PAGE)
    assert plan(case) == ([4, 2], [0, 0])
    assert case.write == 0
    other = Workload.of_trace(path, 2, Backing.memfd(), content="hole", repeats=3)
    assert (other.backing.kind, other.content, other.repeats) == ("memfd", "hole", 3)


def test_pages_of_another_size(tmp_path: Path) -> None:
    """A trace of larger pages begins at the same bytes; huge pages are met as a whole."""
    large = trace(
        *FAULTS[:3], mappings=(mapping(size_bytes=64 * 4 * PAGE),), page_size_bytes=4 * PAGE
    )
    trace_file.save(large, tmp_path / "large")
    case = Workload.of_trace(tmp_path / "large")
    assert case.size_bytes == 64 * 4 * PAGE
    assert plan(case)[0] == [28, 12, 28]
    found, use, of = replay.chosen(large, "a", 1)
    assert found.kind == "anonymous"
    assert replay._plan(large, use, of, 16 * PAGE).pages.tolist() == [1, 0, 1]


def test_a_case_is_the_same_after_a_round_trip(path: str) -> None:
    """As it goes to the worker."""
    case = Workload.of_trace(path)
    assert Workload.from_dict(case.as_dict()) == case


@pytest.mark.parametrize(
    ("number", "said"),
    [(3, "is special, and cannot be replayed"), (4, "mappings 1 to 3, and no 4"), (0, "no 0")],
)
def test_a_mapping_that_cannot_be_replayed(path: str, number: int, said: str) -> None:
    """ValueError in a sentence."""
    with pytest.raises(ValueError, match=said):
        Workload.of_trace(path, number)


def test_a_trace_without_faults(tmp_path: Path) -> None:
    """There is nothing to replay."""
    trace_file.save(trace(), tmp_path / "empty")
    with pytest.raises(ValueError, match="it has no faults"):
        Workload.of_trace(tmp_path / "empty")


def test_the_pattern_of_a_trace_needs_one(path: str) -> None:
    """And a trace has no other."""
    with pytest.raises(ValueError, match="pattern is one of"):
        Workload(Backing.anon(), "private", 64 * PAGE, pattern="trace")
    with pytest.raises(ValueError, match="pattern is one of"):
        Workload.of_trace(path, pattern="random")


def test_the_accesses_are_carried_out(path: str) -> None:
    """On real memory: faults of these pages alone, and of a page that is read first a second."""
    case = Workload.of_trace(path, repeats=2)
    runs = TrialRun(case)
    try:
        found = runs.trial("nothing", runs.plan(case.write))
    finally:
        runs.content.close()
    assert found.minor_faults == 3
    assert found.bytes_dirtied_by_program == 2 * PAGE
    assert sum(found.first_touch_bins) == 2


@pytest.mark.parametrize("other", [trace(), trace((0, 1, READ), mappings=MAPPINGS), None])
def test_a_trace_that_is_another_one_by_now(path: str, other: Trace | None) -> None:
    """A sentence, and never other accesses."""
    case = Workload.of_trace(path, repeats=2)
    Path(path).unlink()
    if other is not None:
        trace_file.save(other, path)
    events = list(perform({"workload": case.as_dict(), "cases": [("nothing", case.write)]}))
    assert "the accesses are not known any more" in events[-1]["fatal"]


def test_a_review_of_a_trace_is_not_swept(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written is the trace's; the notes say what it is of."""
    asked: list[dict[str, Any]] = []

    def listen(_: object, payload: dict[str, Any], *__: object) -> Iterator[object]:
        asked.append(payload)
        return iter(())

    monkeypatch.setattr(running, "listen", listen)
    case = Workload.of_trace(path)
    found = running.run(case, methods=("nothing", "POPULATE_READ"))
    assert [each for each, _ in asked[0]["cases"]] == ["nothing", "POPULATE_READ"]
    assert path in found.notes[0]
    assert f"--trace {path} --mapping 1" in found.command
    assert isinstance(found, Review)


def test_memory_of_a_plan_is_counted(tmp_path: Path) -> None:
    """Loading a trace and making the plan takes no more than is said beforehand."""
    count = 1 << 17
    big = trace(
        time_ns=numpy.arange(count) * 1000, mapping=numpy.zeros(count, "u4"),
        page=numpy.random.default_rng(1).permutation(count).astype("i8"),
        thread=numpy.zeros(count, "u4"), flags=numpy.full(count, 8, "u1"),
        mappings=(mapping(size_bytes=count * PAGE),),
    )  # fmt: skip
    trace_file.save(big, tmp_path / "big")
    case = Workload.of_trace(tmp_path / "big")
    assert case.replay is not None
    tracemalloc.start()
    case.replay.plan(PAGE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= case.replay.memory_bytes()
