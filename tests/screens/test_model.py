"""prefault_kit.screens.model: one job at a time, watched, stopped, and told of in words."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from prefault_kit.measure.worker import Worker, WorkerStopped
from prefault_kit.screens.model import Bench, Job, sentence

WAIT_S = 30


@dataclass
class Waiting(Job):
    """Waits until it may go on, then ends as it is told."""

    ending: Exception | None = None
    go: threading.Event = field(default_factory=threading.Event)
    result: str = ""
    done_part: float = 0.25

    @property
    def fraction(self) -> float:
        return self.done_part

    def measure(self, worker: Worker, on_progress: Callable[[object], None]) -> None:
        on_progress("waiting")
        assert self.go.wait(WAIT_S)
        if self.ending:
            raise self.ending
        self.result = "here"

    def doing(self) -> str:
        return "Waiting"


class Keeping(Bench):
    """Keeps what a job came to."""

    kept = ""

    def _finish(self, job: Waiting) -> None:
        self.kept = job.result


@pytest.fixture
def bench() -> Iterator[Keeping]:
    made = Keeping()
    yield made
    made.close()


def test_a_job_runs_beside_and_alone(bench: Keeping) -> None:
    """The caller goes on; a second job does not begin; its part is shown."""
    job, second = Waiting(), Waiting()
    shown = threading.Event()
    bench.observe(lambda change: change["new"] == 0.25 and shown.set(), "fraction")
    bench._start(job, "Waiting ...")
    assert bench.running
    bench._start(second, "never")
    assert shown.wait(WAIT_S)
    job.go.set()
    assert bench.wait(WAIT_S)
    assert (bench.kept, bench.running, bench.failed) == ("here", False, False)


@pytest.mark.parametrize(
    ("ending", "failed", "status"),
    [
        (WorkerStopped(), False, "Stopped after"),
        (OSError(28, "No space left on device"), True, "[Errno 28] No space left on device."),
        (ValueError("no such thing"), True, "No such thing."),
    ],
)
def test_how_a_job_ends_is_told(
    bench: Keeping, ending: Exception, failed: bool, status: str
) -> None:
    """A stop is no failure; an error is one sentence; the next job runs."""
    job = Waiting(ending=ending)
    job.go.set()
    bench._start(job, "Waiting ...")
    assert bench.wait(WAIT_S)
    assert bench.failed == failed
    assert bench.status.startswith(status)
    again = Waiting()
    again.go.set()
    bench._start(again, "Waiting ...")
    assert bench.wait(WAIT_S)
    assert (bench.kept, bench.failed) == ("here", False)


def test_the_time_left_is_told_late() -> None:
    """Not within the first seconds; then by the part that is done."""
    job = Waiting()
    assert job.words() == "Waiting."
    job.began_s -= 3
    assert job.words() == "Waiting, 3 s so far, about 9 s left."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no room", "No room."),
        ("Done.", "Done."),
        ("why?", "Why?"),
        ("", ""),
        (None, ""),
        ("Traceback:\n  line\nValueError: no", "ValueError: no."),
    ],
)
def test_sentences(text: str | None, said: str) -> None:
    """A capital, a full stop; the last line of a traceback."""
    assert sentence(text) == said
