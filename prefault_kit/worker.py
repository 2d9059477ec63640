"""A process that may die: it runs generator functions of the kit and streams what they yield.

Whatever can be killed by SIGBUS, by the OOM killer or by a user's Stop runs here, not in the
notebook's kernel. One child is started when it is first needed, and reused; it dies with its
parent, whatever ends that. Parent and child speak JSON, a line a message.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self


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
        read_end, self._lifeline = os.pipe()
        package_root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
        try:
            self._child = subprocess.Popen(
                # -P: modules in the user's directory must not shadow the standard library's
                [sys.executable, "-P", "-m", "prefault_kit.worker", str(read_end)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(read_end,),
                process_group=0,  # a Ctrl-C is the parent's to handle
                env=os.environ | {"PYTHONPATH": path},
            )
        finally:
            os.close(read_end)

    def stream(self, target: str, payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield what ``target`` (``module:generator_function``) yields in the child.

        Raises :class:`WorkerDied`, :class:`WorkerStopped`, and :class:`WorkerBusy` when an answer
        is under way. Leaving the loop early, also by Ctrl-C, ends the child.
        """
        if not self._busy.acquire(blocking=False):
            raise WorkerBusy("an experiment is running; wait for it or stop it first")
        finished = False
        try:
            self._stopped = False
            oom_kills = _oom_kills()
            self.start()
            child = self._child
            assert child and child.stdin and child.stdout
            with contextlib.suppress(BrokenPipeError):  # it died: reading will say of what
                child.stdin.write(json.dumps({"target": target, "payload": payload}).encode())
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
            raise _death(child.wait(), oom_kills)
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
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _kill(self) -> None:
        if self._child is not None and self._owner == os.getpid():
            self._child.kill()
            self._child.wait()


def _oom_kills() -> int:
    """How often this machine's OOM killer has acted, memory cgroups included."""
    found = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.M)
    return int(found[1]) if found else 0


def _death(status: int, oom_kills_before: int) -> WorkerDied:
    """Say in words how the child ended."""
    if status >= 0:
        return WorkerDied(f"the worker ended with status {status} before its answer")
    name = signal.Signals(-status).name
    why = {
        "SIGBUS": "an access found no page: the file is shorter, or its storage is full",
        "SIGSEGV": "an access was not permitted",
        "SIGKILL": (
            "the OOM killer took it: choose a smaller size or free memory"
            if _oom_kills() > oom_kills_before
            else "somebody ended it"
        ),
    }.get(name, "somebody ended it")
    return WorkerDied(f"the worker was killed by {name}: {why}; the next run starts anew", name)


_shared: Worker | None = None


def shared() -> Worker:
    """The worker that this process uses unless told otherwise."""
    global _shared
    if _shared is None or _shared._owner != os.getpid():  # a fork does not own its parent's child
        _shared = Worker()
    return _shared


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


def _serve(lifeline: int) -> None:
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
        module, _, name = request["target"].partition(":")
        for event in getattr(importlib.import_module(module), name)(request["payload"]):
            send({"event": event})
        send({"end": True})


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
