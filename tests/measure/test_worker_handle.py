"""prefault_kit.measure.worker_handle: forks, threads and odd surroundings of the worker."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.measure.worker import Worker, WorkerDied, WorkerStopped
from tests.measure import tasks
from tests.measure.test_worker import ended, has_ended

PATIENCE_S = 180
ROOT = str(Path(__file__).parents[2])


def program(code: str, **known: Any) -> subprocess.Popen[str]:
    """Start a program in which a ResourceWarning is told on standard error."""
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": ROOT},
        start_new_session=True,
        **known,
    )


def outcome(code: str, **known: Any) -> tuple[int, str, str]:
    """Exit status, output and errors of a program; fails if it does not end."""
    with program(code, **known) as done:
        try:
            output, errors = done.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(done.pid, signal.SIGKILL)
            raise
    return done.returncode, output, errors


FORKED = """
import os, signal, sys
from prefault_kit import Backing, Experiment, run
from prefault_kit.measure import worker
cell = Experiment(Backing.anon(), "private", "POPULATE_WRITE", 64 << 20, repeats=5000)
run(Experiment(Backing.anon(), "private", "Read", 1 << 20, repeats=1))
child = os.fork()
if child == 0:
    signal.pause()
told = []
def tell(progress):
    if not told:
        told.append(progress)
        print(child, worker.shared().pid, flush=True)
run(cell, on_progress=tell)
"""


def test_a_fork_does_not_keep_the_worker_alive() -> None:
    """kill -9 of a program ends its worker, though a child that it forked lives on."""
    with program(FORKED) as parent:
        assert parent.stdout
        fork, worker = map(int, parent.stdout.readline().split())
        try:
            assert not has_ended(worker)
            parent.kill()
            assert ended(worker)
            assert not has_ended(fork)
        finally:
            os.kill(fork, signal.SIGKILL)


FORKS_THAT_RUN = """
import multiprocessing
from prefault_kit import Backing, Experiment, run
from prefault_kit.measure import worker
cell = Experiment(Backing.anon(), "private", "Write", 1 << 20, repeats=2)

def task(name):
    return run(cell).outcome, worker.shared().pid

first = task("parent")
with multiprocessing.get_context("fork").Pool(2) as pool:
    found = pool.map(task, "abcd", chunksize=1)
last = task("parent")
print(*{each[0] for each in (first, *found, last)}, first == last, first in found)
"""


def test_forks_run_experiments_of_their_own() -> None:
    """multiprocessing's children start workers of their own, and the parent keeps its one."""
    assert outcome(FORKS_THAT_RUN) == (0, "ok True False\n", "")


FORK_WHILE_READING = """
import os, sys, threading
from prefault_kit.measure.worker import Worker, WorkerStopped
from tests.measure import tasks

worker, begun = Worker(), threading.Event()

def read():
    try:
        for _ in worker.stream(tasks.sleep, {}):
            begun.set()
    except WorkerStopped:
        print("stopped", flush=True)

thread = threading.Thread(target=read)
thread.start()
begun.wait()
for _ in range(10):
    child = os.fork()
    if child == 0:
        assert worker.pid is None
        assert len(list(worker.stream(tasks.count, {"to": 3}))) == 3
        worker.close()
        sys.exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert thread.is_alive()
worker.stop()
thread.join()
worker.close()
"""


def test_a_fork_while_another_thread_reads() -> None:
    """The fork uses the worker at once, and ends without waiting for the other's lock."""
    assert outcome(FORK_WHILE_READING) == (0, "stopped\n", "")


FORK_IN_THE_LOOP = """
import os, sys
from prefault_kit.measure.worker import Worker, listen
from tests.measure import tasks

def hear(event):
    if event["number"] == 1:
        child = os.fork()
        if child == 0:
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

with Worker() as worker:
    listen(tasks.count, {"to": 3}, hear, worker)
    listen(tasks.count, {"to": 1}, print, worker)
"""


def test_a_fork_in_the_middle_of_an_answer() -> None:
    """The fork leaves the loop without an error, and the parent's answer goes on."""
    status, output, errors = outcome(FORK_IN_THE_LOOP)
    assert (status, output[:2], errors) == (0, "7\n", "")
    assert "'number': 0" in output


THREADS = """
import random, sys, threading, time
from prefault_kit.measure.worker import Worker, WorkerBusy, WorkerStopped
from tests.measure import tasks

worker, over, seen = Worker(), time.monotonic() + 2, set()

def stream():
    while time.monotonic() < over:
        try:
            assert len(list(worker.stream(tasks.count, {"to": 500}))) == 500
            seen.add("answer")
        except (WorkerStopped, WorkerBusy) as ended:
            seen.add(type(ended).__name__)

def disturb(what):
    while time.monotonic() < over:
        what()
        time.sleep(random.random() / 5)

jobs = [(stream,), (stream,), (disturb, worker.stop), (disturb, worker.close),
        (disturb, worker.start)]
threads = [threading.Thread(target=job[0], args=job[1:]) for job in jobs]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(list(worker.stream(tasks.count, {"to": 3}))) == 3
worker.close()
print(*sorted(seen))
"""


def test_threads_that_stream_stop_and_close_at_once() -> None:
    """Whatever comes first: an answer, a stop or a refusal, never another error or a deadlock."""
    status, output, errors = outcome(THREADS)
    assert (status, errors) == (0, "")
    assert set(output.split()) <= {"answer", "WorkerStopped", "WorkerBusy"}
    assert "WorkerStopped" in output


def test_a_close_between_two_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads an answer then learns of a stop, not of a closed file."""
    monkeypatch.setenv("PYTHONPATH", ROOT)
    worker = Worker()
    stream = worker.stream(tasks.count, {"to": 100_000})
    next(stream)
    worker.close()
    with pytest.raises(WorkerStopped):
        list(stream)
    assert len(list(worker.stream(tasks.count, {"to": 3}))) == 3
    worker.close()


def test_a_worker_that_is_forgotten_leaves_nothing() -> None:
    """Without a close: no process, no descriptor, no ResourceWarning."""
    code = """
import gc, os
from prefault_kit.measure.worker import Worker
before = len(os.listdir("/proc/self/fd"))
worker = Worker()
worker.start()
print(worker.pid, flush=True)
del worker
gc.collect()
assert len(os.listdir("/proc/self/fd")) == before
"""
    status, output, errors = outcome(code)
    assert (status, errors) == (0, "")
    assert ended(int(output))


def test_a_filter_of_warnings_does_not_reach_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTHONWARNINGS=error makes an error of every warning, in the user's program alone."""
    monkeypatch.setenv("PYTHONPATH", ROOT)
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    with Worker() as worker:
        assert list(worker.stream(tasks.warn, {})) == [{"fine": True}]


def test_a_worker_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last words are told, as of a Python that does not find its own modules."""
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    with Worker() as worker, pytest.raises(WorkerDied) as caught:
        list(worker.stream(tasks.count, {"to": 1}))
    assert "status 1 before its answer: ModuleNotFoundError: No module named 'encodings'" in str(
        caught.value
    )


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_closed_standard_streams_do_not_matter(closed: tuple[int, ...]) -> None:
    """Descriptors 0 to 2 may be closed; the worker's pipes then take other numbers."""
    code = f"""
import os, sys
answer = os.fdopen(os.dup(1), "w")
for fd in {closed}:
    os.close(fd)
from prefault_kit import Backing, Experiment, run
print(run(Experiment(Backing.memfd(), "shared", "Write", 1 << 20, repeats=1)).outcome, file=answer)
answer.flush()
os._exit(0)
"""
    assert outcome(code)[1] == "ok\n"
