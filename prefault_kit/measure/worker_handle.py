"""The worker's process as its parent sees it: started, given work, listened to, killed, let go."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Message = dict[str, Any]
"""A JSON object."""
LAST_BYTES = 4096
"""As much of the process's standard error is read for its last words."""


class WorkerProcess:
    """One process that runs ``serve`` of a module, with its pipes and its lifeline.

    It ends at the latest with its ``owner``, an object, or with the program. In a fork of the
    program it is not ours: nothing here then reaches the process.
    """

    def __init__(self, module: str, owner: object) -> None:
        self._parent = os.getpid()
        self.stopped = False
        """Whether it was killed on request."""
        self.reading = False
        """Whether an answer is being read, so that its pipes stay open."""
        self._answered_bytes = 0
        self._errors = os.memfd_create("prefault-kit-worker-stderr", os.MFD_CLOEXEC)
        read_end, self._lifeline = _pipe()
        try:
            self._popen = subprocess.Popen(
                # -P: modules in the user's directory must not shadow the standard library's
                [sys.executable, "-P", "-c", f"from {module} import serve; serve({read_end})"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                pass_fds=(read_end,),
                process_group=0,  # a Ctrl-C is the parent's to handle
                env=_environment(),
            )
        except BaseException:
            self._close_own()
            raise
        finally:
            os.close(read_end)
        self._finalizer = weakref.finalize(owner, self._end)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it can be given work."""
        return self._popen.poll() is None

    def send(self, request: Message) -> None:
        """Give it work. If it has died, reading from it will say why."""
        assert self._popen.stdin
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.write(json.dumps(request).encode() + b"\n")
            self._popen.stdin.flush()

    def messages(self) -> Iterator[Message]:
        """What it says, until it ends; a message cut short by a kill is left out."""
        assert self._popen.stdout
        for line in self._popen.stdout:
            if line.endswith(b"\n"):
                yield json.loads(line)

    def answered(self) -> None:
        """A request is done: what was written so far is not about the next one."""
        self._answered_bytes = self._said_bytes()

    def wait(self) -> int:
        """Its exit status, or the negative number of the signal that killed it."""
        return self._popen.wait()

    def kill(self, *, stopped: bool = False) -> None:
        """Kill it, for good: its memory is released when this returns."""
        if self._parent == os.getpid():
            self.stopped = self.stopped or stopped
            self._popen.kill()
            self._popen.wait()

    def release(self) -> None:
        """Close its pipes, unless an answer is being read; may be called again."""
        if self._parent != os.getpid() or self.reading:
            return
        self._finalizer.detach()
        for pipe in (self._popen.stdin, self._popen.stdout):
            assert pipe
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._close_own()

    def _end(self) -> None:
        self.kill(stopped=True)
        self.release()

    def forget(self) -> None:
        """In a fork: let go of what is the parent's, or the process would outlive the parent."""
        self._finalizer.detach()
        for pipe in (self._popen.stdin, self._popen.stdout):
            assert pipe
            pipe.raw.close()  # type: ignore[attr-defined]  # without the buffer's lock
        self._popen.returncode = 0  # or its finalizer would wait for a process that is not ours
        self._close_own()

    def last_words(self) -> str:
        """The last line that it wrote to standard error for this request, or nothing.

        Where Python could not start, its error and not the list of threads below it.
        """
        size = self._said_bytes()
        text = os.pread(self._errors, LAST_BYTES, max(self._answered_bytes, size - LAST_BYTES))
        said, _, _ = text.decode(errors="replace").partition("\nCurrent thread 0x")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def _said_bytes(self) -> int:
        return os.fstat(self._errors).st_size

    def _close_own(self) -> None:
        for fd in (self._lifeline, self._errors):
            if fd >= 0:
                os.close(fd)
        self._lifeline = self._errors = -1


def _environment() -> dict[str, str]:
    """The user's environment, in which the process finds this package."""
    package_root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    # a user's filter that makes an error of each warning must not end the process
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    return kept | {"PYTHONPATH": path}


def _pipe() -> tuple[int, int]:
    """A pipe beyond the first three descriptors, which a program may have closed."""
    ends = os.pipe()
    reader, writer = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3) for end in ends)
    for end in ends:
        os.close(end)
    return reader, writer
