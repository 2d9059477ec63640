"""A screen without its widgets: what it offers, and what it lets the worker do meanwhile.

:meth:`Bench._start` returns at once. One thread talks to the worker process; another, the only one
that sets the traits of a job under way, publishes what came in at most 20 times a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import traitlets

from prefault_kit.measure.worker import Worker, WorkerStopped

UPDATE_S = 0.05
"""The shortest time between two updates."""
TICK_S = 0.5
"""The longest time between two updates while something runs."""
ESTIMATE_AFTER_S = 2.0
"""No time left is named before: the first repetitions tell little."""


@dataclass(frozen=True)
class Option:
    """One value that a control offers. ``reason`` is None when this host can run it."""

    value: str
    reason: str | None = None
    command: str | None = None


@dataclass(frozen=True)
class Problem:
    """Why a choice cannot run: one sentence, and the command that would help, if there is one."""

    reason: str
    command: str | None = None


def sentence(text: str | None) -> str:
    """Begin with a capital, end with a full stop; of a traceback, its last line."""
    text = (text or "").strip()
    if not text:
        return ""
    text = text.splitlines()[-1]
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


@dataclass(kw_only=True)
class Job:
    """What the worker does. The measuring thread writes, the publishing thread reads."""

    began_s: float = field(default_factory=time.monotonic)
    stopped: bool = False
    error: str | None = None
    done: bool = False
    latest: Any = None
    """What the worker said last."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began_s

    @property
    def fraction(self) -> float:
        """The part that is done, 0 to 1: ``part`` of what the worker said last."""
        return float(self.latest.part) if self.latest else 0.0

    def measure(self, worker: Worker, on_progress: Callable[[Any], None]) -> None:
        """Let the worker do it all; call ``on_progress`` with whatever it says."""
        raise NotImplementedError

    def note(self, progress: Any) -> None:
        """Take in what the worker says."""
        self.latest = progress

    def doing(self) -> str:
        """What it does at this moment."""
        raise NotImplementedError

    def words(self) -> str:
        """What it does, for how long, and how long that may still take."""
        text, elapsed_s, fraction = self.doing(), self.elapsed_s, self.fraction
        if elapsed_s >= 1:
            text += f", {elapsed_s:.0f} s so far"
        if elapsed_s >= ESTIMATE_AFTER_S and 0 < fraction < 1:
            left_s = elapsed_s * (1 - fraction) / fraction
            text += f", about {max(1, round(left_s))} s left"
        return f"{text}."


class Bench(traitlets.HasTraits):
    """A model that runs one job at a time; every trait may be set and observed from a script."""

    running = traitlets.Bool(False)
    failed = traitlets.Bool(False, help="Whether status tells of something that went wrong.")
    status = traitlets.Unicode("Ready.")
    command = traitlets.Unicode("", help="The command that would help, or empty.")
    fraction = traitlets.Float(0.0, help="The part of a job that is done, 0 to 1.")
    changed = traitlets.Int(help="Goes up when what a job came to has been set.")

    def __init__(self, worker: Worker | None = None, **values: Any) -> None:
        self._worker = worker or Worker()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stop_wanted = False
        self._publisher: threading.Thread | None = None
        super().__init__(**values)

    def run(self) -> None:
        """Begin the job that is chosen; returns at once."""
        raise NotImplementedError

    def stop(self) -> None:
        """Kill what runs; its memory is released at once. Returns before that."""
        with self._lock:
            if not self.running:
                return
            self._stop_wanted = True
        self._news.set()
        threading.Thread(target=self._worker.stop, name="bench-stop", daemon=True).start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing runs; False when ``timeout_s`` passed before that."""
        publisher = self._publisher
        if publisher is not None:
            publisher.join(timeout_s)
            return not publisher.is_alive()
        return True

    @property
    def worker_pid(self) -> int | None:
        """The process that runs experiments; None while there is none."""
        return self._worker.pid

    def close(self) -> None:
        """Stop what runs and end the worker."""
        self.stop()
        self.wait()
        self._worker.close()

    def _fail(self, text: str, command: str | None = None) -> None:
        self.failed = True
        self.status = sentence(text)
        self.command = command or ""

    def _tell(self, text: str) -> None:
        self.failed, self.command, self.status = False, "", text

    def _start(self, job: Job, status: str) -> None:
        """Begin a job, unless one runs."""
        with self._lock:
            if self.running:
                return
            self._stop_wanted = False
            self.running = True
        self._tell(status)
        self.fraction = 0.0
        publish, measure = (
            threading.Thread(target=target, args=(job,), name=f"bench-{name}", daemon=True)
            for name, target in (("publish", self._publish), ("measure", self._measure))
        )
        self._publisher = publish
        publish.start()
        measure.start()

    def _measure(self, job: Job) -> None:
        """Thread: let the worker do the job."""

        def note(progress: Any) -> None:
            job.note(progress)
            if self._stop_wanted:  # stop() came before there was a worker to stop
                self._worker.stop()
            self._news.set()

        try:
            job.measure(self._worker, note)
        except WorkerStopped:
            job.stopped = True
        except (OSError, ValueError, RuntimeError) as error:
            job.error = str(error)
        finally:
            job.done = True
            self._news.set()

    def _publish(self, job: Job) -> None:
        """Thread: the one updater."""
        while True:
            self._news.wait(TICK_S)
            self._news.clear()
            if job.done:
                break
            self.fraction = job.fraction
            self.status = "Stopping ..." if self._stop_wanted else job.words()
            self._show(job)
            time.sleep(UPDATE_S)
        if job.stopped:
            self.status = f"Stopped after {job.elapsed_s:.1f} s; the memory is given back."
        elif job.error is not None:
            self._fail(job.error)
        self._finish(job)
        self.changed += 1
        self.running = False

    def _show(self, job: Any) -> None:
        """Show what there is of a job under way."""

    def _finish(self, job: Any) -> None:
        """Take what a job that is over came to; of one that was stopped or failed, nothing."""
        raise NotImplementedError
