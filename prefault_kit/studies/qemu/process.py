"""A QEMU without a machine, asked over QMP to preallocate memory.

It makes a memory backend with ``prealloc=on,prealloc-threads=N``, and answers when all of it is
there. Source: QEMU's qapi/qom.json, MemoryBackendProperties.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prefault_kit.host import Unavailable
from prefault_kit.kernel import smaps
from prefault_kit.studies.qemu.monitor import Disconnected, Monitor, QemuError

MACHINES = {"x86_64": "x86_64", "aarch64": "aarch64", "ppc64le": "ppc64", "s390x": "s390x"}
"""What QEMU's program is called, by this machine's name."""
KINDS = ("ram", "memfd", "file")
"""Of its memory backends, those that are compared: private anonymous memory, a shared memfd, a
shared file."""
IDLE_S = 0.02
"""It is idle when it used no processor for so long."""
QUIT_S = 5
"""So long it may take to end after it was asked to; then it is killed."""
DIES_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
"""What to start a program with that must not outlive this process, however that ends."""
RELEASE_S = 30
"""So long QEMU may take to give a backend's memory back, which it does in another thread."""


def program() -> str | None:
    """The QEMU for this machine, if it is installed."""
    name = MACHINES.get(os.uname().machine)
    return name and shutil.which(f"qemu-system-{name}")


def why_not() -> Unavailable | None:
    """What stops QEMU from running here, None if nothing does."""
    if program() is None:
        return Unavailable("QEMU is not installed", "sudo apt install qemu-system-x86")
    return None


@dataclass(frozen=True)
class Backend:
    """A memory backend that is there, all of it."""

    elapsed_ms: float
    usage: smaps.Usage
    """What QEMU's own smaps says of it, read from outside."""


class Qemu:
    """A QEMU without a machine, which lives as long as this object and this process at most."""

    def __init__(self, *, trace: Path | None = None) -> None:
        """``trace`` is a file for what strace says of madvise and fallocate; it must be there."""
        binary = program()
        if binary is None:
            raise QemuError("QEMU is not installed: sudo apt install qemu-system-x86")
        ours, theirs = socket.socketpair()
        with theirs:
            monitor = f"socket,id=monitor,fd={theirs.fileno()}"
            command = [*DIES_WITH_PARENT, binary, "-machine", "none", "-S", "-nodefaults"]
            command += ["-display", "none", "-chardev", monitor]
            command += ["-mon", "chardev=monitor,mode=control"]
            if trace is not None:
                calls = "trace=madvise,fallocate"
                strace = ["strace", "-f", "-qq", "-o", os.fspath(trace), "-e", calls]
                command = [*DIES_WITH_PARENT, *strace, *command]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                text=True,
            )
        self._monitor: Monitor | None = None
        try:
            self._monitor = Monitor(ours)
            self.version = self._monitor.version
        except Disconnected as error:
            raise self._ended(error) from None
        finally:
            if self._monitor is None:
                self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it; its memory is given back. May be called again."""
        process = self._process
        if self._monitor is not None and process.poll() is None:
            self._monitor.quit()
        try:
            process.wait(QUIT_S if self._monitor is not None else 0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._monitor is not None:
            self._monitor.close()
        if process.stderr is not None:
            process.stderr.close()

    def _ended(self, error: Disconnected) -> QemuError:
        """Why the connection broke: in QEMU's words, if it left any."""
        words = ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(QUIT_S)
            words = self._process.stderr.read().strip() if self._process.stderr else ""
        return QemuError(f"QEMU ended: {words or error}")

    def _ask(self, what: str, **arguments: Any) -> float:
        """Let QEMU do something; milliseconds until it answered."""
        assert self._monitor is not None
        try:
            return self._monitor.ask(what, **arguments)[1]
        except Disconnected as error:
            raise self._ended(error) from None

    @contextlib.contextmanager
    def backend(
        self, kind: str, size_bytes: int, threads: int, directory: str = "."
    ) -> Iterator[Backend]:
        """Preallocate memory of one of :data:`KINDS`; in the end it is given back."""
        words: dict[str, Any] = {
            "qom-type": f"memory-backend-{kind}",
            "id": "memory",
            "size": size_bytes,
            "prealloc": True,
            "prealloc-threads": threads,
        }
        if kind == "file":  # in a directory QEMU makes a file and unlinks it
            if not os.path.isdir(directory):  # anything else it would make into a file
                raise QemuError(f"{directory} is no directory: name one for QEMU's file")
            words |= {"mem-path": os.path.abspath(directory), "share": True}
        elapsed_ms = self._ask("object-add", **words)
        try:
            yield Backend(elapsed_ms, self._usage(size_bytes))
        finally:
            self._ask("object-del", id="memory")
            self._await_release(size_bytes)

    def _ranges(self, size_bytes: int) -> list[int]:
        """Where mappings of this size begin."""
        found = re.findall(
            r"^(\w+)-(\w+) rw", Path(f"/proc/{self._process.pid}/maps").read_text(), re.M
        )
        return [int(low, 16) for low, high in found if int(high, 16) - int(low, 16) == size_bytes]

    def _usage(self, size_bytes: int) -> smaps.Usage:
        ranges = self._ranges(size_bytes)
        return smaps.usage(ranges[0], size_bytes, self._process.pid) if ranges else smaps.Usage()

    def _await_release(self, size_bytes: int) -> None:
        """Wait until the mapping is gone and QEMU is idle: it frees in a thread of its own."""
        deadline = time.monotonic() + RELEASE_S
        before = -1
        while time.monotonic() < deadline:
            spent = self._spent_ns()
            if spent == before and not self._ranges(size_bytes):
                return
            before = spent
            time.sleep(IDLE_S)

    def _spent_ns(self) -> int:
        """Processor time of its threads (Documentation/scheduler/sched-stats.rst)."""
        spent = 0
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that has just ended
                spent += int((task / "schedstat").read_text().split()[0])
        return spent
