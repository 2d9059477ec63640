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
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prefault_kit.kernel import proc

Event = dict[str, Any]
"""What the child says: a JSON object."""
Task = Callable[[dict[str, Any]], Iterator[Event]]
"""What the child can do: a function of a module, whose argument and yields are JSON objects."""
LAST_BYTES = 4096
"""As much of the child's standard error is read for its last line."""


class WorkerDied(Exception):
    """The worker ended before its answer. ``signal`` names what killed it, if a signal did."""

    def __init__(self, message: str, signal_name: str | None = None) -> None:
        super().__init__(message)
        self.signal = signal_name


class WorkerStopped(Exception):
    """The worker was stopped on request."""


class WorkerBusy(Exception):
    """The worker has an answer under way already."""


class Worker:
    """One child process. ``stream`` may be called by one thread at a time, ``stop`` by any."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._owner = os.getpid()
        self._busy = threading.Lock()
        self._stopped = False
        self._errors = -1
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
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start the child unless it lives; what :meth:`stream` does by itself."""
        if self._child is not None and self._child.poll() is None:
            return
        self.close()
        read_end, self._lifeline = _pipe()
        self._errors = os.memfd_create("prefault-kit-worker-stderr", os.MFD_CLOEXEC)
        package_root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
        # a user's filter that makes an error of each warning must not end the child
        environment = {
            name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"
        }
        try:
            self._child = subprocess.Popen(
                # -P: modules in the user's directory must not shadow the standard library's
                [sys.executable, "-P", "-c", f"from {__name__} import serve; serve({read_end})"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                pass_fds=(read_end,),
                process_group=0,  # a Ctrl-C is the parent's to handle
                env=environment | {"PYTHONPATH": path},
            )
        finally:
            os.close(read_end)

    def stream(self, task: Task, payload: dict[str, Any]) -> Iterator[Event]:
        """Yield what ``task(payload)`` yields in the child.

        Raises :class:`WorkerDied`, :class:`WorkerStopped`, and :class:`WorkerBusy` when an answer
        is under way. Leaving the loop early, also by Ctrl-C, ends the child.
        """
        if not self._busy.acquire(blocking=False):
            raise WorkerBusy("an experiment is running; wait for it or stop it first")
        finished = False
        try:
            self._stopped = False
            oom_kills = proc.oom_kills()
            self.start()
            child = self._child
            assert child and child.stdin and child.stdout
            said_bytes = self._said_bytes()  # for earlier requests
            with contextlib.suppress(BrokenPipeError):  # it died: reading will say of what
                request = {"module": task.__module__, "task": task.__name__, "payload": payload}
                child.stdin.write(json.dumps(request).encode())
                child.stdin.write(b"\n")
                child.stdin.flush()
            for line in child.stdout:
                message = json.loads(line)
                if "crash" in message:
                    raise WorkerDied(f"the worker failed: {message['crash']}")
                if "end" in message:
                    finished = True
                    return
                yield message["event"]
            if self._stopped:
                raise WorkerStopped("stopped; the worker's memory has been released")
            raise _death(child.wait(), oom_kills, self._last_words(said_bytes))
        finally:
            if not finished:
                self._kill()
            self._busy.release()

    def stop(self) -> None:
        """Kill the child at once, from any thread; its memory is released when this returns."""
        self._stopped = True
        self._kill()

    def close(self) -> None:
        """End the child and release its pipes. The next :meth:`stream` starts a new one."""
        self._kill()
        child, self._child = self._child, None
        if child is not None and child.stdin and child.stdout:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
            child.stdout.close()
        self._close_own()

    def _close_own(self) -> None:
        for fd in (self._lifeline, self._errors):
            if fd >= 0:
                os.close(fd)
        self._lifeline = self._errors = -1

    def _kill(self) -> None:
        child = self._child  # close() may run in another thread
        if child is not None and self._owner == os.getpid():
            child.kill()
            child.wait()

    def _said_bytes(self) -> int:
        """How much the child has written to its standard error."""
        return os.fstat(self._errors).st_size if self._errors >= 0 else 0

    def _last_words(self, since: int) -> str:
        """The last line that the child wrote to its standard error from there on, or nothing."""
        size = self._said_bytes()
        if size <= since:  # also where another thread has closed it
            return ""
        words = os.pread(self._errors, LAST_BYTES, max(since, size - LAST_BYTES))
        return words.decode(errors="replace").strip().rpartition("\n")[2]

    def _forget(self) -> None:
        """In a forked child: let go of the parent's worker, or it would outlive the parent."""
        self._busy = threading.Lock()
        child, self._child = self._child, None
        if child is not None:
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.raw.close()  # type: ignore[attr-defined]  # without the buffer's lock
            child.returncode = 0  # or its finalizer would wait for a process that is not ours
        self._close_own()


_living: weakref.WeakSet[Worker] = weakref.WeakSet()


def _forget_all() -> None:
    for worker in list(_living):
        worker._forget()


os.register_at_fork(after_in_child=_forget_all)


def _pipe() -> tuple[int, int]:
    """A pipe beyond the first three descriptors, which a program may have closed."""
    ends = os.pipe()
    reader, writer = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3) for end in ends)
    for end in ends:
        os.close(end)
    return reader, writer


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
    return WorkerDied(f"the worker was killed by {name}: {why}; the next run starts anew", name)


_shared: Worker | None = None


def shared() -> Worker:
    """The worker that this process uses unless told otherwise."""
    global _shared
    if _shared is None or _shared._owner != os.getpid():  # a fork does not own its parent's child
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
    # If memory runs out all the same, this process goes first, not the user's work.
    Path("/proc/self/oom_score_adj").write_text("1000")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        task = getattr(importlib.import_module(request["module"]), request["task"])
        for event in task(request["payload"]):
            send({"event": event})
        send({"end": True})
