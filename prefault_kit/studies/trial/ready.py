"""When a program is ready: by a pattern in what it says, or by a port that answers."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import socket
import threading
import time
from dataclasses import dataclass

TAIL_BYTES = 8192
"""How much of what it says is kept: for messages, and for a pattern that comes in parts."""
PAUSE_S = 0.002
"""Between two attempts to reach a port."""
MOST_WAITING = 16
"""Parts of what it says that are read and not searched yet: then it waits, as for a full pipe."""


@dataclass(frozen=True)
class Ready:
    """What says that a program is ready: exactly one of the two.

    >>> Ready("ready to accept").pattern
    'ready to accept'
    >>> Ready()
    Traceback (most recent call last):
        ...
    ValueError: a program is ready by a pattern or by a port: give one of them
    """

    pattern: str | None = None
    """A regular expression, searched for in standard output and error."""
    port: int | None = None
    """A TCP port of this machine that accepts a connection."""

    def __post_init__(self) -> None:
        if (self.pattern is None) == (self.port is None):
            raise ValueError("a program is ready by a pattern or by a port: give one of them")
        if self.pattern is not None:
            try:
                re.compile(self.pattern.encode())
            except re.error as error:
                raise ValueError(
                    f"{self.pattern!r} is no regular expression: {error.msg}"
                ) from None
        if self.port is not None and not 0 < self.port < 65536:
            raise ValueError(f"a port is from 1 to 65535, not {self.port}")


def answers(port: int) -> bool:
    """Whether something accepts connections at a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Listener:
    """Reads what a program says, in a thread of its own, and notices when it is ready.

    ``fd`` is the writing end for the program; a context manager. The pattern is searched for in
    :meth:`wait`: of a pattern that takes forever Ctrl-C is heard by the main thread alone.
    """

    def __init__(self, ready: Ready | None) -> None:
        self._ready = ready
        self._pattern = re.compile(ready.pattern.encode()) if ready and ready.pattern else None
        self._reader, self.fd = os.pipe2(os.O_CLOEXEC)
        self._tail = b""
        self._parts: queue.Queue[tuple[int, bytes]] = queue.Queue(MOST_WAITING)
        self._over = threading.Event()
        self._came = threading.Event()
        self.ready_ns: int | None = None
        """When it was (CLOCK_MONOTONIC)."""
        self._threads = [threading.Thread(target=self._read, daemon=True)]
        if ready and ready.port:
            self._threads.append(threading.Thread(target=self._knock, daemon=True))

    def __enter__(self) -> Listener:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.close_writer()
        for each in self._threads:
            each.join(5)
        if not self._threads[0].is_alive():
            os.close(self._reader)

    def close_writer(self) -> None:
        """Close this process's copy of the writing end, when the program has its own."""
        if self.fd != -1:
            os.close(self.fd)
            self.fd = -1

    def wait(self, timeout_s: float) -> bool:
        """Wait until the program is ready; whether it is."""
        if self._pattern is None:
            return self._came.wait(timeout_s)
        deadline = time.monotonic() + timeout_s
        while self.ready_ns is None:
            try:
                now, text = self._parts.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return False
            if self._pattern.search(text):
                self._note(now)
        return True

    @property
    def tail(self) -> str:
        """The last that it said."""
        return self._tail.decode("utf-8", "replace")

    def _note(self, now_ns: int) -> None:
        if self.ready_ns is None:
            self.ready_ns = now_ns
            self._came.set()

    def _read(self) -> None:
        while data := os.read(self._reader, 1 << 16):
            now = time.monotonic_ns()
            text = self._tail + data
            self._tail = text[-TAIL_BYTES:]
            while self._pattern and self.ready_ns is None and not self._over.is_set():
                with contextlib.suppress(queue.Full):
                    self._parts.put((now, text), timeout=0.05)
                    break

    def _knock(self) -> None:
        assert self._ready and self._ready.port
        while not self._over.is_set():
            if answers(self._ready.port):
                self._note(time.monotonic_ns())
                return
            time.sleep(PAUSE_S)
