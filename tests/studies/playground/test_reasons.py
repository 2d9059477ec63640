"""prefault_kit.studies.playground.reasons: the sentence that fits what was seen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from prefault_kit.measure.worker import Worker
from prefault_kit.studies.playground import Ground, Playing, Step, reasons
from prefault_kit.studies.promises import PROMISES

ANON = ("anon", "private")
SHARED = ("memfd", "shared")
FILE = ("file", "shared")
COPY = ("file", "private")
CASES = [
    (ANON, ["read"], "read-zero-page"),
    (ANON, ["write"], "fault-first-touch"),
    (ANON, ["read", "write"], "write-replaces-zero-page"),
    (ANON, ["MADV_POPULATE_WRITE"], "write-makes-writable"),
    (ANON, ["MADV_POPULATE_READ", "MADV_POPULATE_READ"], "read-makes-readable"),
    (ANON, ["write", "write"], "fault-first-touch"),
    (ANON, ["write", "MADV_DONTNEED"], "discard-dontneed"),
    (ANON, ["write", "fork"], "fork-protects-private"),
    (ANON, ["write", "fork", "write"], "fork-protects-private"),
    (ANON, ["write", "fork", "end child", "write"], "write-after-read"),
    (ANON, ["write", "fork", "MADV_POPULATE_WRITE"], "write-makes-writable"),
    (ANON, ["write", "MADV_FREE", "MADV_PAGEOUT"], "discard-free"),
    (ANON, ["mprotect r", "MADV_POPULATE_WRITE"], "permission-r"),
    (ANON, ["MADV_REMOVE"], "discard-remove"),
    (ANON, ["MADV_WILLNEED"], "willneed-is-a-hint"),
    (SHARED, ["read"], "read-allocates-no-block"),
    (SHARED, ["write"], "write-makes-writable"),
    (SHARED, ["fallocate"], "fallocate-maps-nothing"),
    (SHARED, ["write", "MADV_DONTNEED"], "discard-dontneed"),
    (SHARED, ["write", "punch hole"], "discard-punch-hole"),
    (SHARED, ["MADV_FREE"], "discard-free"),
    (SHARED, ["fork"], "fork-leaves-shared"),
    (SHARED, ["truncate", "MADV_POPULATE_READ"], "error-efault"),
]
ON_DISK = [
    (FILE, ["fallocate"], "fallocate-maps-nothing"),
    (FILE, ["read"], "read-allocates-no-block"),
    (FILE, ["fallocate", "read"], "fault-major"),
    (FILE, ["MADV_POPULATE_WRITE", "msync"], "write-once-until-sync"),
    (FILE, ["MADV_POPULATE_WRITE", "msync", "MADV_POPULATE_WRITE"], "dirty-write"),
    (COPY, ["read", "write"], "dirty-private-keeps-cache"),
]


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One process for all cases."""
    with Worker() as made:
        yield made


def said(worker: Worker, ground: Ground, operations: list[str]) -> reasons.Reason:
    """What is said of the last of some operations on the same pages."""
    playing = Playing(ground, worker)
    before = playing.fresh
    for operation in operations:
        if playing.acts:
            before = playing.acts[-1].strips
        act = playing.do(Step(operation, 4, 8))
    return reasons.why(ground, act, before)


@pytest.mark.parametrize(("kind", "operations", "promise"), CASES, ids=str)
def test_a_step_is_explained_by_its_promise(
    worker: Worker, kind: tuple[str, str], operations: list[str], promise: str
) -> None:
    """One sentence, and the promise that holds it."""
    reason = said(worker, Ground(*kind, pages=64), operations)
    assert reason.promise == promise, reason
    assert reason.text.endswith(".")


@pytest.mark.parametrize(("kind", "operations", "promise"), ON_DISK, ids=str)
def test_a_step_on_a_file_is_explained(
    worker: Worker,
    kind: tuple[str, str],
    operations: list[str],
    promise: str,
    disk_directory: Path,
) -> None:
    """On each file system."""
    ground = Ground(*kind, pages=64, directory=str(disk_directory))
    assert said(worker, ground, operations).promise == promise


def reason_of(worker: Worker, ground: Ground, *steps: Step) -> str:
    """What is said of the last of some steps."""
    playing = Playing(ground, worker)
    playing.do_all(steps)
    last = playing.acts[-1]
    before = playing.acts[-2].of(last.step.process) if len(playing.acts) > 1 else playing.fresh
    assert before is not None
    return reasons.why(ground, last, before).text


def test_a_fork_of_a_file_copies_no_entries(worker: Worker, disk_directory: Path) -> None:
    """Private or not: what a fault can bring again is left out."""
    ground = Ground("file", pages=64, content="data", directory=str(disk_directory))
    assert "page table is empty" in reason_of(worker, ground, Step("read", 0, 8), Step("fork"))


def test_shared_memory_is_never_copied(worker: Worker) -> None:
    """A child that writes to it gets no copy."""
    ground = Ground("memfd", "shared", 64)
    steps = (Step("write", 0, 4), Step("fork"), Step("read", 0, 4, "child"))
    assert "copy" not in reason_of(worker, ground, *steps, Step("write", 0, 4, "child"))


def test_what_stays_in_memory_stays_for_its_own_reason(
    worker: Worker, disk_directory: Path
) -> None:
    """Mapped, or in memory that is the storage; where nothing is cached nothing stays."""
    disk = Ground("file", "shared", 64, directory=str(disk_directory))
    memory = Ground("memfd", "shared", 64)
    evict = Step("evict", 0, 8)
    assert "Mapped pages stay" in reason_of(worker, disk, Step("write", 0, 8), evict)
    assert "nowhere to evict" in reason_of(worker, memory, Step("fallocate", 0, 8), evict)
    assert "Nothing has changed" in reason_of(worker, disk, evict)


def test_a_lock_elsewhere_is_no_reason(worker: Worker) -> None:
    """Of the pages that were asked for, locked ones alone are."""
    ground = Ground("memfd", "shared", 64)
    locked, near, far = Step("mlock", 60), Step("MADV_REMOVE", 60), Step("MADV_FREE", 2)
    if Playing(ground, worker).do(locked).outcome.error is None:
        assert "Locked pages" in reason_of(worker, ground, locked, near)
    assert "private anonymous memory alone" in reason_of(worker, ground, locked, far)


@pytest.mark.needs("thp")
def test_huge_pages_of_one_s_own_are_no_file_s(worker: Worker, huge_page_bytes: int) -> None:
    """Written, and given back: the data is lost."""
    pages = huge_page_bytes // Ground().size_bytes * Ground().pages
    ground = Ground(pages=pages, thp=True)
    every = [Step(name, 0, pages) for name in ("MADV_HUGEPAGE", "write", "MADV_DONTNEED")]
    playing = Playing(ground, worker)
    playing.do_all(every[:2])
    if "huge" not in playing.strips.table:
        pytest.skip("no huge page was to be had")
    assert "one fault brings a huge page" in reason_of(worker, ground, *every[:2])
    assert "discarded for good" in reason_of(worker, ground, *every)


def test_every_promise_that_is_named_is_there() -> None:
    """``check`` knows each."""
    named = {rule.promise for rule in reasons.RULES if rule.promise}
    assert named <= set(PROMISES)


def test_every_rule_can_be_said() -> None:
    """The last fits anything, and none before it is the same."""
    texts = [rule.says for rule in reasons.RULES]
    assert len(set(texts)) == len(texts)


def test_what_the_kernel_refuses_is_said_in_its_words(worker: Worker) -> None:
    """Where no rule knows better."""
    ground = Ground(kind="memfd", sharing="shared", pages=64)
    playing = Playing(ground, worker)
    act = playing.do(Step("write", 0, 1, "child"))
    reason = reasons.why(ground, act, playing.fresh)
    assert reason.text == "The kernel refused: there is no child: fork first."


def test_deaths_are_told_apart() -> None:
    """SIGBUS beyond the end, SIGSEGV at a protection."""
    ground = Ground(kind="memfd", sharing="shared", pages=64)
    with Worker() as own:
        assert said(own, ground, ["truncate", "read"]).promise == "prefix-same-as-touching"
    with Worker() as own:
        assert "forbids this access" in said(own, ground, ["mprotect none", "read"]).text
