"""prefault_kit.measure.worker: a process that may die, told in words."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.host import accounts
from prefault_kit.kernel import proc
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.running import run
from prefault_kit.measure.worker import Worker, WorkerBusy, WorkerDied, WorkerStopped, listen
from prefault_kit.memory.backing import Backing
from tests.measure import tasks


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with Worker() as worker:
        yield worker


def has_ended(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def ended(pid: int) -> bool:
    """Whether a process has ended, waiting a moment for it."""
    deadline = time.monotonic() + 60
    while not has_ended(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return has_ended(pid)


def test_events_come_in_order_from_another_process(worker: Worker) -> None:
    """What the generator yields arrives, and it ran elsewhere."""
    events = list(worker.stream(tasks.count, {"to": 100}))
    assert [event["number"] for event in events] == list(range(100))
    assert {event["pid"] for event in events} == {worker.pid} != {os.getpid()}


def test_the_child_is_reused(worker: Worker) -> None:
    """A second request goes to the same process."""
    first = list(worker.stream(tasks.count, {"to": 1}))
    assert list(worker.stream(tasks.count, {"to": 1})) == first


@pytest.mark.parametrize("number", [signal.SIGBUS, signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM])
def test_death_is_told_in_words_and_the_next_run_works(worker: Worker, number: int) -> None:
    """A child killed by a signal is reported by the signal's name; then a new one serves."""
    with pytest.raises(WorkerDied, match=f"killed by {signal.Signals(number).name}") as caught:
        list(worker.stream(tasks.die, {"signal": number}))
    assert caught.value.signal == signal.Signals(number).name
    assert len(list(worker.stream(tasks.count, {"to": 3}))) == 3


def test_an_exception_is_told_with_its_place(worker: Worker) -> None:
    """A mistake in the code that runs there comes back with its traceback."""
    with pytest.raises(WorkerDied, match=r"(?s)in fail.*KeyError: 'lost'"):
        list(worker.stream(tasks.fail, {}))
    assert len(list(worker.stream(tasks.count, {"to": 3}))) == 3


def test_what_it_said_last_is_told(worker: Worker) -> None:
    """A child that ends by itself: its status, and the last line of its standard error."""
    with pytest.raises(WorkerDied, match="status 3 before its answer: no such thing") as caught:
        list(worker.stream(tasks.leave, {"said": ["at first", "no such thing"]}))
    assert caught.value.signal is None
    list(worker.stream(tasks.chatter, {}))  # what was said for another request is not told
    with pytest.raises(WorkerDied, match=r"status 3 before its answer$"):
        list(worker.stream(tasks.leave, {"said": []}))
    assert len(list(worker.stream(tasks.count, {"to": 3}))) == 3


def test_who_listens_hears_each_event(worker: Worker) -> None:
    """In order; an exception of who listens ends the child and comes through."""
    heard: list[int] = []
    listen(tasks.count, {"to": 3}, lambda event: heard.append(event["number"]), worker)
    assert heard == [0, 1, 2]
    pid = worker.pid
    assert pid is not None

    def refuse(event: dict[str, Any]) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        listen(tasks.sleep, {}, refuse, worker)
    assert ended(pid)
    listen(tasks.count, {"to": 1}, lambda event: heard.append(event["number"]), worker)
    assert heard == [0, 1, 2, 0]


def test_stop_from_another_thread(worker: Worker) -> None:
    """Stop ends a child in the middle of its work; the stream says so; the next run works."""
    seen = threading.Event()
    outcome: list[str] = []

    def consume() -> None:
        try:
            for _ in worker.stream(tasks.sleep, {}):
                seen.set()
        except WorkerStopped as stopped:
            outcome.append(str(stopped))

    thread = threading.Thread(target=consume)
    thread.start()
    assert seen.wait(60)
    pid = worker.pid
    assert pid is not None
    worker.stop()
    assert ended(pid)
    thread.join(60)
    assert outcome and "stopped" in outcome[0]
    assert len(list(worker.stream(tasks.count, {"to": 3}))) == 3


def test_one_at_a_time(worker: Worker) -> None:
    """A second stream while one is open is refused, not mixed in."""
    stream = worker.stream(tasks.sleep, {})
    next(stream)
    with pytest.raises(WorkerBusy, match="stop it first"):
        next(worker.stream(tasks.count, {"to": 1}))
    stream.close()  # type: ignore[attr-defined]


def test_leaving_the_loop_ends_the_child(worker: Worker) -> None:
    """Who breaks out of the loop (or presses Ctrl-C in it) leaves no child at work."""
    stream = worker.stream(tasks.sleep, {})
    next(stream)
    pid = worker.pid
    assert pid is not None
    stream.close()  # type: ignore[attr-defined]
    assert ended(pid)


def test_prints_do_not_mix_with_messages(worker: Worker) -> None:
    """Output of the code that runs there never breaks the stream."""
    assert list(worker.stream(tasks.chatter, {})) == [{"fine": True}]


def test_shadowing_modules_are_not_imported(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A json.py in the user's directory does not reach the worker."""
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    assert len(list(worker.stream(tasks.count, {"to": 2}))) == 2


def test_kill_9_of_the_parent_ends_the_child() -> None:
    """When the parent is killed with -9 the child goes too, in the middle of a long madvise."""
    code = """
import sys
from prefault_kit import Backing, Experiment, run
from prefault_kit.measure import worker
worker.shared().start()
print(worker.shared().pid, flush=True)
run(Experiment(Backing.anon(), "private", "POPULATE_WRITE", 1 << 30, repeats=10000))
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.3)
    assert not has_ended(pid)
    parent.kill()
    parent.wait(timeout=60)
    parent.stdout.close()
    assert ended(pid)


def test_exit_of_the_parent_ends_the_child() -> None:
    """An ordinary end of the parent leaves no child either."""
    code = "from prefault_kit.measure import worker; w = worker.shared(); w.start(); print(w.pid)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended(int(done.stdout))


def test_the_worker_is_the_first_victim(worker: Worker) -> None:
    """The OOM killer is told to take the worker before the user's notebook."""
    worker.start()
    list(worker.stream(tasks.count, {"to": 1}))
    assert Path(f"/proc/{worker.pid}/oom_score_adj").read_text().strip() == "1000"


def test_the_worker_takes_no_more_than_is_counted() -> None:
    """After every view of a mapping, its own memory is within what the host's accounts keep."""
    with Worker() as worker:
        cell = Experiment(Backing.memfd(), "shared", "Write", 64 * PAGE_SIZE_BYTES, follow_up=True)
        assert run(cell, worker=worker).outcome == "ok"
        status = proc.parse_status(Path(f"/proc/{worker.pid}/status").read_text())
    assert int(status["RssAnon"].removesuffix("kB")) * 1024 <= accounts.WORKER_BYTES


def test_a_fork_does_not_touch_the_childs_parent(worker: Worker) -> None:
    """A forked copy of the worker's owner cannot kill the child that it does not own."""
    list(worker.stream(tasks.count, {"to": 1}))
    pid = os.fork()
    if pid == 0:
        worker.stop()
        os._exit(0)
    os.waitpid(pid, 0)
    assert worker.pid is not None
    os.kill(worker.pid, 0)
    assert len(list(worker.stream(tasks.count, {"to": 3}))) == 3
