"""The model of a screen, without widgets: it runs one job at a time and says how the job is doing.

:meth:`ScreenModel.run` returns at once. One thread talks to the worker process; another, the only
one that sets traits while a job runs, publishes what was reported at most 20 times a second.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import traitlets

from prefault_kit.measure.worker import Worker, WorkerBusy, WorkerDied, WorkerStopped
from prefault_kit.screens.job import Job
from prefault_kit.show.sentences import sentence

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

UPDATE_S = 0.05
"""The shortest time between two updates."""
TICK_S = 0.5
"""The longest time between two updates while a job runs."""

JobT = TypeVar("JobT", bound=Job[Any])
DataclassT = TypeVar("DataclassT", bound="DataclassInstance")


@contextlib.contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let an error of writing a new file be a ValueError: a sentence that says what to do."""
    try:
        yield
    except FileExistsError as error:
        name = error.filename or path
        raise ValueError(f"a file {name} exists already: choose another name") from None
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}; choose another place") from None


class StatusModel(traitlets.HasTraits):
    """A model that says how it goes; every trait may be set and observed from a script."""

    failed = traitlets.Bool(False, help="Whether status is about something that went wrong.")
    status = traitlets.Unicode("Ready.")
    command = traitlets.Unicode("", help="The command that would help, or empty.")
    changed = traitlets.Int(help="Goes up when there is something new to draw.")

    def _fail(self, text: str, command: str | None = None) -> None:
        self.failed = True
        self.status = sentence(text)
        self.command = command or ""

    def _succeed(self, text: str) -> None:
        self.failed, self.command, self.status = False, "", text

    def _exported(
        self, path: str | os.PathLike[str], save: Callable[[Path], object], ending: str = ".md"
    ) -> bool:
        """Write a page and a file beside it; False if that fails, and status says why."""
        try:
            target = Path(path).expanduser()
            with writing(path):
                save(target)
        except (
            ValueError,
            RuntimeError,
        ) as error:  # a home that cannot be determined is the latter
            self._fail(str(error))
            return False
        self._succeed(f"Wrote {target} and {target.with_suffix(ending).name} beside it.")
        return True


class ScreenModel(StatusModel, Generic[JobT]):
    """A model that runs one job at a time."""

    running = traitlets.Bool(False)
    fraction = traitlets.Float(0.0, help="The part of the job that is done, 0 to 1.")

    def __init__(self, worker: Worker | None = None, **values: Any) -> None:
        self._worker = worker or Worker()
        self._lock = threading.Lock()
        self._choosing = threading.RLock()
        """Held while controls correct one another: JupyterLab's subshells let the messages of
        several widgets be handled at the same time, each in a thread of its own."""
        self._news = threading.Event()
        self._stop_requested = False
        self._job: JobT | None = None
        self._publisher: threading.Thread | None = None
        super().__init__(**values)

    def run(self) -> None:
        """Start the chosen job; returns at once."""
        raise NotImplementedError

    def stop(self) -> None:
        """Kill what runs, which releases its memory at once. Returns before that."""
        with self._lock:
            if not self.running:
                return
            self._stop_requested = True
            job = self._job
        self._news.set()
        assert job is not None
        threading.Thread(
            target=job.stop, args=(self._worker,), name="screen-stop", daemon=True
        ).start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing runs; False if ``timeout_s`` passed before that."""
        publisher = self._publisher
        if publisher is not None:
            publisher.join(timeout_s)
            return not publisher.is_alive()
        return True

    @property
    def worker_pid(self) -> int | None:
        """The process that measures; None while there is none."""
        return self._worker.pid

    def close(self) -> None:
        """Stop what runs and end the worker."""
        self.stop()
        self.wait()
        self._worker.close()

    def _correct(self, before: DataclassT, after: DataclassT) -> None:
        """Set the traits that differ between two forms, and no others: the user may be changing
        those meanwhile."""
        for each in fields(after):
            if getattr(after, each.name) != getattr(before, each.name):
                self.set_trait(each.name, getattr(after, each.name))

    def _start(self, job: JobT, status: str) -> None:
        """Start a job, unless one runs."""
        with self._lock:
            if self.running:
                return
            self._stop_requested = False
            self._job = job
            self.running = True
        self._succeed(status)
        self.fraction = 0.0
        publish, measure = (
            threading.Thread(target=target, args=(job,), name=f"screen-{name}", daemon=True)
            for name, target in (("publish", self._publish), ("measure", self._measure))
        )
        self._publisher = publish
        publish.start()
        measure.start()

    def _measure(self, job: JobT) -> None:
        """Thread: let the worker do the job."""

        def record(progress: Any) -> None:
            job.record(progress)
            if self._stop_requested:  # stop() came before there was a worker to stop
                job.stop(self._worker)
            self._news.set()

        try:
            job.measure(self._worker, record)
        except WorkerStopped:
            job.stopped = True
        except (OSError, ValueError, RuntimeError, WorkerBusy, WorkerDied) as error:
            job.error = str(error)
        finally:
            job.done = True
            self._news.set()

    def _publish(self, job: JobT) -> None:
        """Thread: the only one that updates the traits of a running job."""
        try:
            self._follow(job)
            self._finish(job)
            self.changed += 1
        finally:  # also when an observer failed: the screen must stay usable
            self.running = False

    def _follow(self, job: JobT) -> None:
        """Publish what a job does until it is done, and how it ended."""
        while True:
            self._news.wait(TICK_S)
            self._news.clear()
            if job.done:
                break
            self.fraction = job.fraction
            self.status = "Stopping ..." if self._stop_requested else job.status()
            self._show(job)
            time.sleep(UPDATE_S)
        if job.stopped:
            self.status = f"Stopped after {job.elapsed_s:.1f} s; {job.stopped_words}."
        elif job.error is not None:
            self._fail(job.error)

    def _show(self, job: JobT) -> None:
        """Publish what there is of a running job."""

    def _finish(self, job: JobT) -> None:
        """Take over what a job has produced; one that was stopped or failed has no result."""
        raise NotImplementedError
