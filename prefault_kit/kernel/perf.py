"""perf_event_open(2): events that count page faults, and the buffers into which they record them.

What is counted are faults that a trap brought to the kernel. Pages that a populate, mlock or
MAP_POPULATE brings inside a call take none, and getrusage(2) counts them all the same: on Linux
6.18 a populate of 64 pages is 64 minor faults of getrusage and 0 of perf. What the kernel takes for
the program, in a read(2) into a fresh buffer for one, is counted where the event includes the
kernel.

Sources: include/uapi/linux/perf_event.h, mm_account_fault in mm/memory.c, perf_event_open(2).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from prefault_kit.kernel.errors import check
from prefault_kit.kernel.native import ffi, lib
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES, unmap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from prefault_kit.kernel.native import DrainedPointer

RECORD, STACKS, TASKS = lib.PF_PERF_RECORD, lib.PF_PERF_STACKS, lib.PF_PERF_TASKS
INHERIT, THREADS, USER_ONLY = lib.PF_PERF_INHERIT, lib.PF_PERF_THREADS, lib.PF_PERF_USER_ONLY
DISABLED, ON_EXEC, TRAP = lib.PF_PERF_DISABLED, lib.PF_PERF_ON_EXEC, lib.PF_PERF_TRAP
FORKS, BEGINS = lib.PF_PERF_FORKS, lib.PF_PERF_BEGINS
"""Options of an event: see ``constants.h``."""

FAULT_DTYPE = [
    ("time_ns", "i8"),
    ("address", "u8"),
    ("ip", "u8"),
    ("pid", "u4"),
    ("tid", "u4"),
    ("depth", "u4"),
    ("major", "?"),
    ("in_kernel", "?"),
    ("access", "u2"),
]
"""A recorded fault, as numpy has it; a test holds it against the C."""
UNTOLD, READ, WRITE = 0, lib.PF_ACCESS_READ, lib.PF_ACCESS_WRITE
"""What an access was; a page fault alone does not tell."""
MINOR, MAJOR, TRAPS = 0, 1, lib.PF_PERF_TRAPS
"""What a buffer of events holds."""
TASK_KINDS = {
    lib.PERF_RECORD_MMAP2: "mmap",
    lib.PERF_RECORD_COMM: "comm",
    lib.PERF_RECORD_FORK: "fork",
    lib.PERF_RECORD_EXIT: "exit",
}
REFUSED = (errno.EACCES, errno.EPERM)
"""What perf_event_open says where it is forbidden."""
USER_PARANOID = 2
"""The highest kernel.perf_event_paranoid with which users may observe programs of their own."""
PARANOID = "/proc/sys/kernel/perf_event_paranoid"
MLOCK_KB = "/proc/sys/kernel/perf_event_mlock_kb"
CHUNK_FAULTS, CHUNK_IPS, CHUNK_TASKS, CHUNK_NAMES = 1 << 14, 1 << 16, 1 << 10, 1 << 17
"""What is taken out of a buffer at a time; a single record has less of each."""


class TaskEvent(NamedTuple):
    """Something that threads did beside faulting: ``mmap``, ``comm``, ``fork`` or ``exit``.

    An ``mmap`` is a mapping that came to be or changed its protection; a ``comm`` a new name, with
    ``flags`` 1 where execve(2) gave it; a ``fork`` a thread or a process that ``parent_tid`` made.
    """

    kind: str
    time_ns: int
    pid: int
    tid: int
    parent_pid: int = 0
    parent_tid: int = 0
    address: int = 0
    length: int = 0
    offset: int = 0
    device: tuple[int, int] = (0, 0)
    inode: int = 0
    protection: int = 0
    flags: int = 0
    name: str = ""


def open_event(
    tid: int, cpu: int = -1, *, major: bool, options: int = 0, watermark_bytes: int = 0
) -> int:
    """A descriptor of an event that counts the faults of a thread (0: the caller's).

    OSError: EACCES or EPERM where it is forbidden, ESRCH without such a thread, EINVAL where this
    kernel does not know an option, EMFILE without descriptors, ENODEV for an offline processor.
    """
    return check(
        lib.pf_perf_faults(tid, cpu, major, options, watermark_bytes),
        f"perf_event_open(page faults of thread {tid or 'this'})",
    )


def open_trap(
    tid: int, cpu: int, tracepoint: int, *, options: int = 0, watermark_bytes: int = 0
) -> int:
    """As :func:`open_event`, of a tracepoint by its number (:mod:`prefault_kit.kernel.traps`)."""
    return check(
        lib.pf_perf_traps(tid, cpu, tracepoint, options, watermark_bytes),
        f"perf_event_open(tracepoint {tracepoint} of thread {tid or 'this'})",
    )


def redirect(fd: int, to: int) -> None:
    """Let the records of an event go to the buffer of another one."""
    check(lib.pf_perf_redirect(fd, to), "PERF_EVENT_IOC_SET_OUTPUT")


class Switch:
    """Starts and stops events, with nothing to be allocated meanwhile."""

    def __init__(self, fds: Sequence[int]) -> None:
        self._fds = ffi.new("int[]", fds)
        self._count = len(fds)

    def set(self, on: bool) -> None:
        """Start or stop them, wherever they were inherited to."""
        check(lib.pf_perf_switch(self._fds, self._count, on), "PERF_EVENT_IOC_ENABLE")


def refresh(fd: int, records: int) -> None:
    """Start an event that stops by itself after so many records; EINVAL for an inherited one."""
    check(lib.pf_perf_refresh(fd, records), "PERF_EVENT_IOC_REFRESH")


def count(fds: Sequence[int]) -> int:
    """What events have counted together, also in threads that have ended."""
    total = ffi.new("int64_t *")
    check(lib.pf_perf_count(ffi.new("int[]", fds), len(fds), total), "read of a perf event")
    return int(total[0])


def paranoid() -> int | None:
    """The sysctl kernel.perf_event_paranoid; None where it cannot be read."""
    try:
        with open(PARANOID, "rb") as value:
            return int(value.read())
    except (OSError, ValueError):
        return None


def buffer_allowance() -> int | None:
    """Bytes of a buffer that a user may have on each processor beside RLIMIT_MEMLOCK."""
    try:
        with open(MLOCK_KB, "rb") as value:
            return int(value.read()) * 1024 - PAGE_SIZE_BYTES
    except (OSError, ValueError):
        return None


class Drained(NamedTuple):
    """What was taken out of a buffer, in the order of a processor."""

    faults: NDArray[np.void]
    """Of :data:`FAULT_DTYPE`, shape (n,)."""
    ips: NDArray[np.uint64]
    """The stacks, one after the other: each is as long as its fault's ``depth``."""
    tasks: list[TaskEvent]
    lost: int
    """Records for which there had been no room."""
    left: bool
    """Whether there is more."""


class BufferRefused(OSError):
    """No more memory may be locked for buffers: by this user, or by this process."""


class Buffer:
    """The ring buffer of an event: one reader, which does not disturb who is recorded.

    Major faults have buffers of their own. Records in one buffer could be told apart by the
    identity of their event, but where two streams watch a thread the records of both get that of
    one event (observed on Linux 6.18).
    """

    def __init__(self, fd: int, length: int, *, kind: int = MINOR) -> None:
        """Map ``length`` bytes, a power of two of pages; BufferRefused where that is too much."""
        address = ffi.new("uintptr_t *")
        try:
            check(lib.pf_perf_map(fd, length, address), f"mmap(perf buffer of {length} bytes)")
        except OSError as error:
            if error.errno in (errno.EPERM, errno.ENOMEM):
                raise BufferRefused(*error.args) from None
            raise
        self.address: int = address[0]
        self.length = length
        self.kind = kind
        self._owner = os.getpid()
        self._room: tuple[NDArray[np.void], NDArray[np.uint64], Any, Any] | None = None

    @property
    def is_mine(self) -> bool:
        """Whether it is mapped here: a forked child does not get it."""
        return self.address != 0 and self._owner == os.getpid()

    def drain(self, stacks: bool) -> Drained:
        """Take records out, at most a chunk of them.

        OSError EIO for a record that cannot be one.
        """
        import numpy  # here, so that importing the kit stays quick

        if not self.is_mine:
            raise ValueError("the buffer is closed, or of the process that forked this one")
        if self._room is None:  # once: fresh memory each time would fault, and be recorded
            self._room = (
                numpy.empty(CHUNK_FAULTS, FAULT_DTYPE),
                numpy.empty(CHUNK_IPS if stacks else 0, "u8"),
                ffi.new("pf_task[]", CHUNK_TASKS),
                ffi.new("char[]", CHUNK_NAMES),
            )
        faults, ips, tasks, names = self._room
        got = cast("DrainedPointer", ffi.new("pf_drained *"))
        result = check(
            lib.pf_perf_drain(
                self.address,
                self.kind,
                stacks,
                ffi.from_buffer("pf_fault[]", faults.data),
                CHUNK_FAULTS,
                ffi.from_buffer("uint64_t[]", ips.data),
                len(ips),
                tasks,
                CHUNK_TASKS,
                names,
                CHUNK_NAMES,
                got,
            ),
            "a perf buffer",
        )
        return Drained(
            faults[: got.faults].copy(),
            ips[: got.ips].copy(),
            [_task(tasks[at], names) for at in range(got.tasks)],
            got.lost,
            bool(result),
        )

    def close(self) -> None:
        """Unmap it; a second time does nothing."""
        if self.is_mine:
            unmap(self.address, PAGE_SIZE_BYTES + self.length)
        self.address, self._room = 0, None


def _task(native: Any, names: Any) -> TaskEvent:
    name = bytes(ffi.buffer(names + native.name_at, native.name_length))
    return TaskEvent(
        TASK_KINDS[native.kind],
        native.time_ns,
        native.pid,
        native.tid,
        native.parent_pid,
        native.parent_tid,
        native.address,
        native.length,
        native.offset,
        (native.device_major, native.device_minor),
        native.inode,
        native.protection,
        native.flags,
        os.fsdecode(name),
    )
