"""Another process, held fast: what is read is of that one, or fails, also after its id is reused.

A descriptor of ``/proc/PID`` stays with its process: once that has ended, whatever is opened below
it is ESRCH. Sources: proc_pid_stat(5), proc_pid_status(5), proc_pid_limits(5), pidfd_open(2).
"""

from __future__ import annotations

import os
import select
from types import TracebackType
from typing import NamedTuple, Self

from prefault_kit.kernel import proc
from prefault_kit.kernel.address_space import Region, parse
from prefault_kit.kernel.errors import whole

MOST_PID = 1 << 22
"""Linux gives no higher one (PID_MAX_LIMIT)."""
READ_BYTES = 1 << 16
ZOMBIES = ("Z", "X")
"""States of a process that has ended and was not waited for."""
PF_KTHREAD = 0x00200000
"""The flag of the kernel's own threads (include/linux/sched.h)."""


class Stat(NamedTuple):
    """What /proc/PID/stat counts."""

    command: str
    """The name that it gave itself, or the first 15 bytes of its file's; it may hold anything."""
    state: str
    minor_faults: int
    """Since it started, of all its threads."""
    major_faults: int
    threads: int
    start_ticks: int
    """When it started, in clock ticks since the machine did: with the id, its identity."""
    of_kernel: bool
    """Whether it is a thread of the kernel, which never had memory of its own."""


def parse_stat(data: bytes) -> Stat:
    """Read /proc/PID/stat; the name in it may have blanks and brackets of its own.

    >>> parse_stat(b"7 (a) b) S 1 1 1 0 -1 0 5 0 2 0 0 0 0 0 20 0 3 0 99 0").command
    'a) b'
    """
    _, _, after = data.partition(b"(")
    name, _, rest = after.rpartition(b")")
    words = rest.split()
    return Stat(
        os.fsdecode(name),
        words[0].decode(),
        int(words[7]),
        int(words[9]),
        int(words[17]),
        int(words[19]),
        bool(int(words[6]) & PF_KTHREAD),
    )


def parse_limits(text: str) -> dict[str, int | None]:
    """The soft limits of /proc/PID/limits under the kernel's names; None is unlimited.

    >>> text = "Limit      Soft Limit  Hard Limit  Units\\nMax locked memory  65536  65536 bytes\\n"
    >>> parse_limits(text)
    {'Max locked memory': 65536}
    """
    found: dict[str, int | None] = {}
    for line in text.splitlines()[1:]:
        name, _, rest = line.partition("  ")
        words = rest.split()
        if words:
            found[name] = None if words[0] == "unlimited" else int(words[0])
    return found


class ProcessDirectory:
    """``/proc/PID`` and a pidfd of one process; close it, or use it as a context."""

    def __init__(self, pid: int) -> None:
        """ProcessLookupError (or FileNotFoundError) where there is none that may be seen.

        The id of a thread leads to its process, for all threads have one memory.
        """
        whole("a process id", pid, 1, MOST_PID)
        directory = _open_directory(f"/proc/{pid}")
        self.pidfd = -1
        self._directories = [directory]
        try:
            self.asked_pid = pid
            """The id that was given, which may be a thread's."""
            self.pid = int(proc.parse_status(self.text("status"))["Tgid"])
            if self.pid != pid:
                self._directories.append(_open_directory(f"/proc/{self.pid}"))
            self.pidfd = os.pidfd_open(self.pid)
            started = self.stat()
            if self.pid == pid or self._is_thread(directory):
                self.start_ticks = started.start_ticks
            else:  # the process ended in between, and its id is another's
                raise ProcessLookupError(3, os.strerror(3))
            self._lead()
        except BaseException:
            self.close()
            raise

    def _is_thread(self, directory: int) -> bool:
        with open(os.open("status", os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)) as status:
            return proc.parse_status(status.read())["Tgid"] == str(self.pid)

    def _lead(self) -> None:
        """Look through another thread where the first has ended and others go on."""
        stat = self.stat()
        if stat.state not in ZOMBIES or stat.threads < 2:
            return
        tasks = self.open("task", os.O_RDONLY | os.O_DIRECTORY)
        try:
            names = os.listdir(tasks)
        finally:
            os.close(tasks)
        for task in names:
            thread = _open_directory(f"/proc/{self.pid}/task/{task}")
            self._directories.append(thread)
            if self.stat().state not in ZOMBIES:
                return
            os.close(self._directories.pop())

    @property
    def fd(self) -> int:
        """The descriptor that paths below /proc/PID start from."""
        return self._directories[-1]

    def open(self, name: str, flags: int = os.O_RDONLY) -> int:
        """Open a file of the process; ProcessLookupError once it has ended."""
        return os.open(name, flags | os.O_CLOEXEC, dir_fd=self.fd)

    def bytes(self, name: str) -> bytes:
        """All of a file of the process."""
        fd = self.open(name)
        try:
            parts = []
            while part := os.read(fd, READ_BYTES):
                parts.append(part)
        finally:
            os.close(fd)
        return b"".join(parts)

    def text(self, name: str) -> str:
        """The same, decoded as the names of files are."""
        return os.fsdecode(self.bytes(name))

    def stat(self) -> Stat:
        """Its counters now."""
        return parse_stat(self.bytes("stat"))

    def status(self) -> dict[str, str]:
        """/proc/PID/status, as it stands."""
        return proc.parse_status(self.text("status"))

    def limits(self) -> dict[str, int | None]:
        """Its soft limits; None is unlimited."""
        return parse_limits(self.text("limits"))

    def regions(self) -> list[Region]:
        """Its mappings, ascending; since Linux 6.17 it waits for nobody who reads them."""
        return parse(self.text("maps").split("\n")[:-1])  # a name may hold other line ends

    def ended(self) -> bool:
        """Whether it has ended, waited for or not."""
        return bool(select.select([self.pidfd], [], [], 0)[0])

    def close(self) -> None:
        """Give the descriptors back."""
        for each in (*self._directories, self.pidfd):
            if each >= 0:
                os.close(each)
        self._directories, self.pidfd = [], -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _open_directory(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
