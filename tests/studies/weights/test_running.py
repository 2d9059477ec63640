"""prefault_kit.studies.weights.running: plans in the worker, each load in a process of its own."""

import errno
import os
import signal
from pathlib import Path

import pytest

from prefault_kit.kernel import cgroup
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import memory_group
from prefault_kit.measure.worker import Worker, WorkerStopped
from prefault_kit.studies.weights import running, tensors
from prefault_kit.studies.weights.plan import Plan
from prefault_kit.studies.weights.running import Progress, run, run_many, why_not
from prefault_kit.studies.weights.ways import AT_ONCE, LAZY, O_DIRECT, PREPARED, READ_IN, WINDOWS

SMALL = {"size_bytes": 64 * PAGE, "tensors": 8, "window_bytes": 16 * PAGE}


@pytest.mark.needs("cachestat")
def test_a_second_process_costs_what_is_not_shared(disk_directory: Path) -> None:
    """A mapping adds nothing, a copy adds itself; each repetition is there, the warm-up is not."""
    plan = Plan(**SMALL, directory=str(disk_directory))
    found = run(plan, (LAZY, READ_IN, O_DIRECT), repeats=2)
    assert found.missing is None
    assert found.size_bytes == 64 * PAGE
    assert [len(each) for each in found.entries.values()] == [2, 2, 2]
    added = [found.second_bytes(way) for way in found.entries]
    assert added == [0, found.used_bytes, 64 * PAGE]
    assert found.load(LAZY).pss == found.load(LAZY).rss  # alone, so far
    seconds = found.entries[LAZY][-1].second
    assert seconds is not None
    assert seconds.pss <= seconds.rss // 2 + PAGE


def test_a_warm_start_waits_for_no_disk(tmp_path: Path) -> None:
    """No major fault, while a cold one has some."""
    plans = [Plan(**SMALL, start=start, directory=str(tmp_path)) for start in ("cold", "warm")]
    cold, warm = run_many(plans, (LAZY,), repeats=1)
    assert cold.load(LAZY).use_major > 0
    assert warm.load(LAZY).use_major == 0


def test_a_part_is_used(tmp_path: Path) -> None:
    """Plans that share a file; no second process where none is asked for."""
    plans = [Plan(**SMALL, used=part, second=False, directory=str(tmp_path)) for part in (0.25, 1)]
    quarter, all_of_it = run_many(plans, (READ_IN,), repeats=1)
    assert quarter.used_bytes < all_of_it.used_bytes / 3
    assert quarter.load(READ_IN).anonymous == quarter.used_bytes
    assert quarter.entries[READ_IN][0].second is None


@pytest.mark.needs("root")
def test_what_memory_cannot_hold(tmp_path: Path) -> None:
    """Under a limit of half the file a copy is killed, and the run goes on; a mapping lives."""
    plan = Plan(size_bytes=64 << 20, limit_bytes=32 << 20, directory=str(tmp_path))
    with Worker() as worker:
        found = run(plan, (PREPARED, WINDOWS), repeats=1, worker=worker)
        mine = f"{memory_group.PREFIX}{worker.pid}-*"
        left = [each for _, level in cgroup.own_directories("memory") for each in level.glob(mine)]
    assert left == []
    assert (found.ended(PREPARED), found.ended(WINDOWS)) == ("SIGKILL", "ok")
    assert found.best_ms(PREPARED) is None
    assert [each.second for each in found.entries[PREPARED]] == [None]  # where nothing is loaded
    assert found.load(WINDOWS).use_major == 0
    assert 0 < found.load(WINDOWS).mapped < found.used_bytes


@pytest.fixture
def slow() -> Plan:
    plan = Plan(**SMALL, wait_us=100)
    if missing := why_not(plan):
        pytest.skip(missing.reason)
    return plan


def test_storage_that_waits(slow: Plan) -> None:
    """A file of FUSE is evicted, mapped, read, and read past the page cache like any other."""
    before = Path("/proc/self/mountinfo").read_text()
    found = run(slow, (AT_ONCE, READ_IN, O_DIRECT), repeats=1)
    assert [found.ended(way) for way in found.entries] == ["ok"] * 3
    assert found.load(AT_ONCE).load_major > 0
    assert found.load(O_DIRECT).anonymous == 64 * PAGE
    assert Path("/proc/self/mountinfo").read_text() == before


def test_a_file_of_one_s_own_is_only_read(tmp_path: Path) -> None:
    """Neither its bytes nor its times change; its end is no whole page."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(tensors.header([4 * PAGE, 16], PAGE) + os.urandom(4 * PAGE + 16))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    found = run(Plan(path=str(path)), (LAZY, O_DIRECT), repeats=1)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert (found.size_bytes, found.used_bytes) == (5 * PAGE + 16, 5 * PAGE)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}"],
    ids=["empty", "another format", "no tensor"],
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    """Neither format, and a file without a tensor: a sentence."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"neither a safetensors|nothing to load"):
        run(Plan(path=str(path)), (LAZY,), repeats=1)


def test_a_file_that_is_in_use_cannot_start_cold(tmp_path: Path) -> None:
    """EBUSY says so."""
    import mmap

    path = tmp_path / "model.safetensors"
    path.write_bytes(tensors.header([3 * PAGE], PAGE) + bytes(3 * PAGE))
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert len(mapped[:]) == 4 * PAGE
        with pytest.raises(OSError, match="cannot start cold") as caught:
            run(Plan(path=str(path)), (LAZY,), repeats=1)
    assert caught.value.errno == errno.EBUSY


def test_a_way_that_there_is_not() -> None:
    """Before a file is made."""
    with pytest.raises(ValueError, match="choose from mmap, lazy"):
        run(Plan(), ("fast",))
    with pytest.raises(ValueError, match="repeats is a whole number"):
        run(Plan(), repeats=0)


def test_no_room_is_told(tmp_path: Path) -> None:
    """A file beyond the disk and two copies beyond memory: what is missing, and nothing runs."""
    found = run(Plan(size_bytes=1 << 40, directory=str(tmp_path)), (LAZY,))
    assert found.missing is not None
    assert found.entries == {}
    nowhere = run(Plan(**SMALL, directory=str(tmp_path / "no")), (LAZY,))
    assert nowhere.missing is not None and "does not exist" in nowhere.missing.reason


def test_what_this_user_may_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A plan whose cgroup cannot be made is told; the one beside it runs."""
    monkeypatch.setattr(memory_group.os, "access", lambda *words, **other: False)
    monkeypatch.setattr(running.host, "why_not", lambda **words: None)
    plans = [Plan(**SMALL, limit_bytes=1 << 20), Plan(**SMALL, directory=str(tmp_path))]
    lacking, there = run_many(plans, (LAZY,), repeats=1)
    assert lacking.missing is not None and "may not make a memory cgroup" in lacking.missing.reason
    assert there.ended(LAZY) == "ok"


def test_progress_and_stop(tmp_path: Path) -> None:
    """Each load is reported; a stop ends the run, and leaves no file and no process."""
    reports: list[Progress] = []
    with Worker() as worker:

        def hear(progress: Progress) -> None:
            reports.append(progress)
            if progress.done == 2:
                worker.stop()

        plan = Plan(**SMALL, directory=str(tmp_path))
        with pytest.raises(WorkerStopped):
            run(plan, (LAZY,), repeats=100, worker=worker, on_progress=hear)
        assert [(each.done, each.of) for each in reports] == [(0, 101), (1, 101), (2, 101)]
        assert os.listdir(tmp_path) == []

        def kill(_: Progress) -> None:
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)

        with pytest.raises(OSError, match="SIGKILL"):
            run(plan, (LAZY,), repeats=100, worker=worker, on_progress=kill)
