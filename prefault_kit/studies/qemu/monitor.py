"""QEMU's monitor over a socket, for a program that is not asynchronous: qemu.qmp in a thread.

A thread of its own, since a notebook's kernel runs an event loop in its main thread already.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class QemuError(RuntimeError):
    """QEMU did not do what it was asked for; in its own words."""


class Disconnected(QemuError):
    """The connection broke: QEMU has ended, or is about to."""


class Monitor:
    """A connection to QEMU's monitor; Disconnected where it breaks."""

    def __init__(self, connection: socket.socket) -> None:
        """Take ``connection`` over, and agree on capabilities."""
        from qemu import qmp  # here: only this study needs it

        self._errors = qmp.QMPError
        self._refusals = qmp.ExecuteError
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="qmp", daemon=True)
        self._thread.start()
        self._client = qmp.QMPClient()
        self.version = ""
        try:
            self._wait(self._client.connect(connection))
            version = self.ask("query-version")[0]["qemu"]
            self.version = ".".join(str(version[part]) for part in ("major", "minor", "micro"))
        except BaseException:
            self.close()
            connection.close()
            raise

    def ask(self, command: str, **arguments: Any) -> tuple[Any, float]:
        """What QEMU answers, and the milliseconds from the command to the answer; QemuError where
        it refuses."""
        return self._wait(self._timed(command, arguments))

    async def _timed(self, command: str, arguments: dict[str, Any]) -> tuple[Any, float]:
        # read in the thread that sends and receives, so that no change of threads is in it
        began_ns = time.monotonic_ns()
        answer = await self._client.execute(command, arguments)
        return answer, (time.monotonic_ns() - began_ns) / 1e6

    def quit(self) -> None:
        """Ask QEMU to end, which it does after what it is doing; does not wait for that."""
        asyncio.run_coroutine_threadsafe(self._client.execute("quit"), self._loop)

    def close(self) -> None:
        """Close the connection and end the thread. May be called again."""
        if not self._thread.is_alive():
            return
        with contextlib.suppress(QemuError):
            self._wait(self._client.disconnect())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
        except self._refusals as error:
            raise QemuError(f"QEMU {self.version} says: {error}") from None
        except (self._errors, EOFError, OSError) as error:
            raise Disconnected(str(error) or "the connection was closed") from None
