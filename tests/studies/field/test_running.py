"""prefault_kit.studies.field.running: a row is tried as it says."""

import dataclasses

import pytest

from prefault_kit import PAGE_SIZE_BYTES as PAGE
from prefault_kit import Mapping, PrefaultError, Work
from prefault_kit.host import Unavailable, features, thp
from prefault_kit.studies import field
from prefault_kit.studies.field import Case, Memory, Way, running
from prefault_kit.studies.field.claims import Failure, Seen
from prefault_kit.studies.field.steps import Range

SMALL = Memory(size_bytes=16 * PAGE)


def case(*ways: Way, memory: Memory = SMALL, looks: tuple[str, ...] = ("pages present",)) -> Case:
    return Case("id", "W", "a program", "2021", "T", (), "", ways, (), memory, looks, repeats=2)


def test_only_the_steps_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A way's time is the sum of the Works of its steps: what comes before and what is counted
    afterwards are not in it."""
    done: list[tuple[str, Work]] = []
    do = running.steps.do

    def record(memory: Mapping, step: str, threads: int) -> Work:
        work = do(memory, step, threads)
        done.append((str(step), work))
        return work

    monkeypatch.setattr(running.steps, "do", record)
    way = Way("a", ("touch_read", "populate_write"), before=("MADV_RANDOM",))
    found = running.run(case(way))
    assert [step for step, _ in done] == 3 * ["MADV_RANDOM", "touch_read", "populate_write"]
    times = [work.elapsed_ns for _, work in done]
    sums = [sum(times[turn + 1 : turn + 3]) for turn in (3, 6)]  # the first turn warms up
    assert [work.elapsed_ns for work in found.contest.entries["a"].works] == sums
    assert found.seen == {"a": {"pages present": Seen(16, 16)}}


def test_each_way_gets_its_own_memory() -> None:
    """Or that of the case."""
    shared = Memory("memfd", "shared", size_bytes=8 * PAGE)
    found = running.run(
        case(Way("a", (Range("touch_write", end=0.5),)), Way("b", ("touch_write",), memory=shared))
    )
    assert {name: each["pages present"] for name, each in found.seen.items()} == {
        "a": Seen(8, 16),
        "b": Seen(8, 8),
    }


@pytest.mark.needs("own_mounts")
def test_an_error_is_a_result() -> None:
    """With the part that was populated; in each repetition there is as much room again."""
    full = Memory("tmpfs", "shared", size_bytes=64 * PAGE, limit_bytes=16 * PAGE)
    found = running.run(
        case(Way("asks", ("populate_write",)), Way("maps", ("map_populate",)), memory=full)
    )
    assert found.failures == {"asks": Failure("EFAULT", 0.25)}
    assert {name: each["pages present"] for name, each in found.seen.items()} == {
        "asks": Seen(16, 64),
        "maps": Seen(16, 64),
    }


def test_a_failed_step_counts_as_far_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its work is in the time."""

    def fail(memory: Mapping, step: str, threads: int) -> Work:
        raise PrefaultError(14, "as asked", page=4, work=Work(elapsed_ns=7, done_bytes=4 * PAGE))

    monkeypatch.setattr(running.steps, "do", fail)
    found = running.run(case(Way("a", ("touch_read",))))
    assert found.contest.entries["a"].works[-1].elapsed_ns == 7
    assert found.failures == {"a": Failure("EFAULT", 0.25)}


def test_what_a_host_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is tried: huge pages, mounts, cachestat, room for locked memory."""
    lacking = Unavailable("it is not here")
    monkeypatch.setattr(thp, "why_not", lambda: lacking)
    monkeypatch.setattr(features, "own_mounts", lambda: lacking)
    monkeypatch.setattr(features, "cachestat_in", lambda directory: lacking)
    for memory in (Memory(thp=True), Memory("tmpfs", "shared", limit_bytes=PAGE)):
        assert running.run(case(Way("a", ()), memory=memory)).missing is lacking
    assert running.why_not(case(Way("a", ()), looks=("pages cached",))) is lacking
    assert running.why_not(case(Way("a", ()))) is None
    large = Memory(size_bytes=1 << 50)
    assert running.why_not(case(Way("a", ()), memory=large)) is not None


def test_locked_memory_needs_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for as MLOCK."""
    asked: list[str] = []
    monkeypatch.setattr(running.host, "why_not", lambda method, **_: asked.append(method))
    running.why_not(case(Way("a", ()), Way("b", (), before=("mlock_on_fault",))))
    assert asked == ["Write", "MLOCK"]


@pytest.mark.parametrize("name", ["cloud-hypervisor", "openjdk"])
def test_a_case_runs_by_its_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every claim about counts has a verdict, and where one differs a reason."""
    once = dataclasses.replace(field.CASES[name], repeats=1)
    monkeypatch.setitem(field.CASES, name, once)
    found = field.run(name)
    verdicts = found.verdicts(timed=False)
    assert verdicts
    assert all(each.verdict == field.HOLDS or each.reason for each in verdicts)
