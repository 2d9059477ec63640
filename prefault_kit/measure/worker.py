"""A process that may die: it runs generator functions of the kit and streams what they yield.

Whatever can be killed by SIGBUS, by the OOM killer or by a user's Stop runs here, not in the
notebook's kernel. One child is started when it is first needed, and reused; it dies with its
parent, whatever ends that. Parent and child exchange JSON, one message per line.

What the child is to do is given as a function, so that whoever asks imports whoever answers.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import select
import signal
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prefault_kit.host import accounts
from prefault_kit.kernel import proc
from prefault_kit.measure.worker_handle import WorkerProcess

Event = dict[str, Any]
"""What a task yields: a JSON object."""
Task = Callable[[dict[str, Any]], Iterator[Event]]
"""What the child can do: a function of a module, whose argument and yields are JSON objects."""


class WorkerDied(Exception):
    """The worker ended before its answer. ``signal`` names what killed it, if a signal did."""

    def __init__(self, message: str, signal_name: str | None = None) -> None:
        super().__init__(message)
        self.signal = signal_name


class WorkerStopped(Exception):
    """The worker was stopped on request."""


class WorkerBusy(Exception):
    """The worker is already running an experiment."""


class Worker:
    """One child process. ``stream`` may be called by one thread at a time, the rest by any."""

    def __init__(self) -> None:
        self._child: WorkerProcess | None = None
        self._busy = threading.Lock()
        _living.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the child; None while there is none."""
        child = self._child
        return child.pid if child else None

    def start(self) -> None:
        """Start the child unless it lives; what :meth:`stream` does by itself."""
        with _changing:
            before = self._child
            if before is not None:
                if before.alive:
                    return
                before.release()
            self._child = WorkerProcess(__name__, owner=self)

    def stream(self, task: Task, payload: dict[str, Any]) -> Iterator[Event]:
        """Yield what ``task(payload)`` yields in the child.

        Raises :class:`WorkerDied`, :class:`WorkerStopped`, and :class:`WorkerBusy` when an answer
        is under way. Leaving the loop early, also by Ctrl-C, ends the child.
        """
        busy = self._busy  # in a fork the worker has another one
        if not busy.acquire(blocking=False):
            raise WorkerBusy("an experiment is running; wait for it or stop it first")
        finished, child = False, None
        try:
            oom_kills = proc.oom_kills()
            with _changing:
                self.start()
                child = self._child
                assert child
                child.reading = True
            child.send({"module": task.__module__, "task": task.__name__, "payload": payload})
            for message in child.messages():
                if "crash" in message:
                    raise WorkerDied(f"the worker failed: {message['crash']}")
                if "end" in message:
                    finished = True
                    child.answered()
                    return
                yield message["event"]
            status = child.wait()
            if child.stopped:
                raise WorkerStopped("stopped; the worker's memory has been released")
            raise _death(status, oom_kills, child.last_words())
        finally:
            if child is not None:
                if not finished:
                    child.kill()
                with _changing:
                    child.reading = False
                    if not child.alive:
                        child.release()
            busy.release()

    def stop(self) -> None:
        """Kill the child at once, from any thread; its memory is released when this returns."""
        with _changing:
            child = self._child
        if child is not None:
            child.kill(stopped=True)

    def close(self) -> None:
        """End the child and release its pipes. The next :meth:`stream` starts a new one.

        An answer that another thread is reading ends as by :meth:`stop`.
        """
        with _changing:
            child, self._child = self._child, None
        if child is not None:
            child.kill(stopped=True)
            with _changing:
                child.release()

    def _forget(self) -> None:
        """In a fork: begin without a child, and with a lock that no other thread holds."""
        self._busy = threading.Lock()
        child, self._child = self._child, None
        if child is not None:
            child.forget()


_living: weakref.WeakSet[Worker] = weakref.WeakSet()
_changing = threading.RLock()
"""Held while a child is started or its pipes are closed, and while the program forks: a fork then
knows of every descriptor that it must let go. A signal's handler may stop what it interrupts."""


def _after_fork() -> None:
    for worker in list(_living):
        worker._forget()
    _changing.release()


os.register_at_fork(
    before=_changing.acquire, after_in_parent=_changing.release, after_in_child=_after_fork
)


def _death(status: int, oom_kills_before: int, last_words: str) -> WorkerDied:
    """Say in words how the child ended."""
    if status >= 0:
        said = f": {last_words}" if last_words else ""
        return WorkerDied(f"the worker ended with status {status} before its answer{said}")
    name = signal.Signals(-status).name
    why = {
        "SIGBUS": "an access found no page: the file is shorter, or its storage is full",
        "SIGSEGV": "an access was not permitted",
        "SIGKILL": (
            "the OOM killer took it: choose a smaller size or free memory"
            if proc.oom_kills() > oom_kills_before
            else "another process ended it"
        ),
    }.get(name, "another process ended it")
    return WorkerDied(
        f"the worker was killed by {name}: {why}; the next run starts a new one", name
    )


_shared: Worker | None = None


def shared() -> Worker:
    """The worker that this process uses by default."""
    global _shared
    if _shared is None:
        _shared = Worker()
    return _shared


def listen(
    task: Task,
    payload: dict[str, Any],
    hear: Callable[[Event], object],
    worker: Worker | None = None,
) -> None:
    """Let ``worker``, or the shared one, do ``task(payload)``; call ``hear`` with each event.

    The one loop over a worker's answer. An exception of ``hear``, or Ctrl-C, ends the child.
    Raises WorkerDied, WorkerStopped and WorkerBusy as :meth:`Worker.stream` does.
    """
    stream = (worker or shared()).stream(task, payload)
    with contextlib.closing(stream):  # type: ignore[type-var]  # a generator
        for event in stream:
            hear(event)


def _die_with_parent(lifeline: int) -> None:
    """Let the kernel end this process when the last writer of the pipe is gone.

    Nothing is ever written to the pipe, so SIGIO comes when its other end closes; its default
    action ends the process, also inside a long madvise. No thread has to watch for it.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(lifeline)
    if poll.poll(0):  # it was gone before SIGIO was armed
        os._exit(1)


def serve(lifeline: int) -> None:
    """Answer requests until standard input ends."""
    _die_with_parent(lifeline)
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what code prints by accident must not mix with the messages

    def send(message: dict[str, Any]) -> None:
        out.write(json.dumps(message).encode() + b"\n")

    def crash(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        send({"crash": "".join(traceback.format_exception(kind, value, trace))})

    sys.excepthook = crash
    accounts.worker_is_here()
    # If memory runs out all the same, this process goes first, not the user's work.
    Path("/proc/self/oom_score_adj").write_text("1000")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        task = getattr(importlib.import_module(request["module"]), request["task"])
        for event in task(request["payload"]):
            send({"event": event})
        send({"end": True})
