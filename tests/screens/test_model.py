"""prefault_kit.screens.model: one job at a time, followed, stopped, and reported in words."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from prefault_kit.measure.limits import MOST_REPEATS
from prefault_kit.measure.worker import Worker, WorkerBusy, WorkerDied, WorkerStopped, listen
from prefault_kit.screens.explorer.model import Explorer
from prefault_kit.screens.job import Job
from prefault_kit.screens.model import ScreenModel
from tests.measure import tasks

WAIT_S = 30


@dataclass(frozen=True)
class Quarter:
    """Progress: a quarter is done."""

    part: float = 0.25


@dataclass
class Waiting(Job[Quarter]):
    """Waits until it may go on, then ends as it was told to."""

    ending: Exception | None = None
    go: threading.Event = field(default_factory=threading.Event)
    result: str = ""

    def measure(self, worker: Worker, on_progress: Callable[[Quarter], None]) -> None:
        on_progress(Quarter())
        assert self.go.wait(WAIT_S)
        if self.ending:
            raise self.ending
        self.result = "here"

    def activity(self) -> str:
        return "Waiting"


class Keeping(ScreenModel[Waiting]):
    """Keeps what a job produced."""

    kept = ""

    def _finish(self, job: Waiting) -> None:
        self.kept = job.result


@pytest.fixture
def model() -> Iterator[Keeping]:
    made = Keeping()
    yield made
    made.close()


def test_a_job_runs_beside_and_alone(model: Keeping) -> None:
    """The caller goes on; a second job does not begin; its part is shown."""
    job, second = Waiting(), Waiting()
    shown = threading.Event()
    model.observe(lambda change: change["new"] == 0.25 and shown.set(), "fraction")
    model._start(job, "Waiting ...")
    assert model.running
    model._start(second, "never")
    assert shown.wait(WAIT_S)
    job.go.set()
    assert model.wait(WAIT_S)
    assert (model.kept, model.running, model.failed) == ("here", False, False)


@pytest.mark.parametrize(
    ("ending", "failed", "status"),
    [
        (WorkerStopped(), False, "Stopped after"),
        (OSError(28, "No space left on device"), True, "[Errno 28] No space left on device."),
        (ValueError("no such thing"), True, "No such thing."),
        (WorkerBusy("an experiment is running"), True, "An experiment is running."),
        (WorkerDied("the worker was killed"), True, "The worker was killed."),
    ],
)
def test_how_a_job_ends_is_reported(
    model: Keeping, ending: Exception, failed: bool, status: str
) -> None:
    """A stop is no failure; an error is one sentence; the next job runs."""
    job = Waiting(ending=ending)
    job.go.set()
    model._start(job, "Waiting ...")
    assert model.wait(WAIT_S)
    assert model.failed == failed
    assert model.status.startswith(status)
    again = Waiting()
    again.go.set()
    model._start(again, "Waiting ...")
    assert model.wait(WAIT_S)
    assert (model.kept, model.failed) == ("here", False)


def test_an_observer_that_fails_leaves_the_screen_usable(
    model: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in a chart is reported by its thread; the next job runs."""
    reported: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: reported.append(args.exc_type))

    def fail(_: object) -> None:
        raise KeyError("a chart")

    model.observe(fail, "changed")
    for _ in range(2):
        job = Waiting()
        job.go.set()
        model._start(job, "Waiting ...")
        assert model.wait(WAIT_S)
        assert not model.running
    assert reported == [KeyError, KeyError]


def test_two_screens_take_turns_with_one_worker() -> None:
    """While one measures, the other says that the worker is busy, and can run afterwards."""
    with Worker() as worker:
        first, second = (Explorer(worker, repeats=repeats) for repeats in (MOST_REPEATS, 2))
        live = threading.Event()
        first.observe(lambda change: change["new"] and live.set(), "live")
        first.run()
        assert live.wait(WAIT_S)
        second.run()
        assert second.wait(WAIT_S)
        assert second.failed
        assert second.status == "An experiment is running; wait for it or stop it first."
        first.stop()
        assert first.wait(WAIT_S)
        second.run()
        assert second.wait(WAIT_S)
        assert len(second.kept) == 1


class Sleeping(Job[Quarter]):
    """The worker reports once and then nothing, as during one long system call."""

    def measure(self, worker: Worker, on_progress: Callable[[Quarter], None]) -> None:
        listen(tasks.sleep, {}, lambda _: on_progress(Quarter()), worker)

    def activity(self) -> str:
        return "Sleeping"


def test_stop_does_not_wait_for_the_worker_to_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is gone, and its memory with it, although it reported nothing meanwhile."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))

    class Sleeper(ScreenModel[Sleeping]):
        def _finish(self, job: Sleeping) -> None:
            assert job.stopped

    model = Sleeper()
    reported = threading.Event()
    model.observe(lambda change: change["new"] == 0.25 and reported.set(), "fraction")
    model._start(Sleeping(), "Sleeping ...")
    assert reported.wait(WAIT_S)
    pid = model.worker_pid
    model.stop()
    assert model.wait(WAIT_S / 2)
    assert not Path(f"/proc/{pid}").exists()
    assert model.status.endswith("the memory has been released.")
    model.close()
