"""How another thread ends a trial: what runs at that moment is killed, and nothing more begins."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence


class Stopped(Exception):
    """The trial was ended on request."""


class Stop:
    """Asked for by any thread, once and for all; nobody has to look whether it was.

    >>> stop = Stop()
    >>> with stop.ending(lambda: print("ended")):
    ...     stop.ask()
    Traceback (most recent call last):
        ...
    prefault_kit.studies.trial.stop.Stopped: stopped on request
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[Callable[[], object]] = []
        self._asked = False

    @property
    def asked(self) -> bool:
        """Whether it was asked for."""
        return self._asked

    def ask(self) -> None:
        """End what runs, and whatever would begin."""
        with self._lock:
            self._asked = True
            for each in self._ends:
                each()

    def check(self) -> None:
        """Raise Stopped if it was asked for."""
        if self._asked:
            raise Stopped("stopped on request")

    @contextlib.contextmanager
    def ending(self, end: Callable[[], object]) -> Iterator[None]:
        """What runs within is ended by ``end``, which may be called by any thread, at any time.

        Raises Stopped if it was asked for, in place of whatever comes of that.
        """
        with self._lock:
            self.check()
            self._ends.append(end)
        try:
            yield
        except Exception:
            self.check()
            raise
        finally:
            with self._lock:
                self._ends.remove(end)
        self.check()

    def run(
        self,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        timeout_s: float,
        stdout: int = subprocess.PIPE,
        end_by: int = signal.SIGKILL,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, and return its status and what it said.

        A stop, the timeout (``subprocess.TimeoutExpired``) and Ctrl-C send ``end_by`` to it and to
        the processes that it began, and wait for its end. OSError as exec says.
        """
        self.check()
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            process_group=0,
        ) as process:

            def end() -> None:
                if process.returncode is None:  # its number is not another's before it is reaped
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, end_by)

            try:
                with self.ending(end):
                    out, err = process.communicate(stdin, timeout=timeout_s)
            except BaseException:
                end()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)
