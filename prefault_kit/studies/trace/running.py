"""Run a program and record each of its page faults, from its first instruction on.

Nothing of it is changed; a recorded fault takes it longer. Its threads and the processes that it
starts are recorded as well, until the program itself ends.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from prefault_kit import host
from prefault_kit.host import accounts
from prefault_kit.kernel import address_space, fault_around, perf
from prefault_kit.kernel.address_space import AddressSpace, AddressSpaces
from prefault_kit.kernel.faults import FaultStream
from prefault_kit.kernel.perf import TaskEvent
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.traps import MOUNT, TrapStream, accesses
from prefault_kit.measure import program, signals
from prefault_kit.measure.trace import (
    ACCESS_SHIFT,
    BY_KERNEL,
    FILE,
    MAJOR,
    MOST_FAULTS,
    FileState,
    Lack,
    Thread,
    Trace,
    TracedMapping,
)
from prefault_kit.studies.trace.placing import Placed, Placer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOOK_S = 0.1
"""Between two readings of the stream, at most."""
FAULT_BYTES = 256
"""Of memory, while faults are recorded and placed, each with its trap: 231 were measured."""
KEPT = ["time_ns", "address", "pid", "tid", "major", "in_kernel", "access"]
"""Of a record."""
MOST_LOOKED_FOR = 1000
"""Faults of a reading outside of what was recorded, for which /proc/PID/maps is asked."""
MOST_TASKS = 1 << 20


class NothingSeen(Exception):
    """Not one fault was to be seen: the program runs as another user (setuid)."""


class _Recording:
    """What is taken out of the streams while the program runs."""

    def __init__(self, faults: FaultStream, traps: TrapStream | None, most: int) -> None:
        self._faults, self._traps = faults, traps
        self._most = most
        self._spaces = AddressSpaces()
        self._count = 0
        self._parts: list[NDArray[np.void]] = []
        self._trapped: list[NDArray[np.void]] = []
        self.tasks: list[TaskEvent] = []
        self.living: set[int] = set()
        self.full = False

    @property
    def count(self) -> int:
        """Faults so far."""
        return self._count

    def look(self) -> None:
        """Take in what has happened since."""
        if self._traps is not None:
            found = self._traps.read().records
            if not self.full:
                self._trapped.append(_kept(found))
        batch = self._faults.read()
        for task in batch.tasks:
            self._learn(task)
        room = self._most - self._count
        records = _kept(batch.records)[:room]
        self.full |= len(batch) > room or len(self.tasks) >= MOST_TASKS
        if len(records):
            self._count += len(records)
            self._parts.append(records)
            self._look_for(records)

    def look_again(self) -> None:
        """As :meth:`look`, a moment later."""
        self.look()
        time.sleep(LOOK_S / 10)

    def _learn(self, task: TaskEvent) -> None:
        if len(self.tasks) < MOST_TASKS:
            self.tasks.append(task)
        self._spaces.learn(task)
        if task.kind in ("comm", "fork") and task.pid != task.parent_pid:
            self.living.add(task.pid)
        elif task.kind == "exit" and task.tid == task.pid:
            self.living.discard(task.pid)

    def _look_for(self, records: NDArray[np.void]) -> None:
        """Ask /proc about faults where nothing was recorded: mremap(2) makes such mappings."""
        import numpy  # here, so that importing the kit stays quick

        for pid in numpy.unique(records["pid"]).tolist():
            space = self._spaces.of(pid)
            mine = records[records["pid"] == pid]
            lost = _outside(mine["address"], space)
            if pid not in self.living or not lost.any():
                continue
            with contextlib.suppress(OSError):
                there = address_space.of(pid)
                for address, when in zip(
                    mine["address"][lost][:MOST_LOOKED_FOR].tolist(),
                    mine["time_ns"][lost][:MOST_LOOKED_FOR].tolist(),
                    strict=True,
                ):
                    region = there.find(address)
                    if region is None or region.name.startswith("[stack") or space.find(address):
                        continue
                    space.add(region)
                    bits = zip("rwx", (1, 2, 4), strict=True)
                    self.tasks.append(
                        TaskEvent(
                            "mmap", when, pid, pid,
                            address=region.address, length=region.length, offset=region.offset,
                            device=region.device, inode=region.inode,
                            protection=sum(bit for name, bit in bits if name in region.permissions),
                            flags=1 if region.permissions.endswith("s") else 2,
                            name=region.name or "//anon",
                        )
                    )  # fmt: skip

    def ended_ns(self, pid: int) -> int | None:
        """When a process ended; None where that was not recorded."""
        ends = (each for each in reversed(self.tasks) if each.kind == "exit")
        return next((each.time_ns for each in ends if each.pid == each.tid == pid), None)

    def faults(self) -> NDArray[np.void]:
        """All of them, in the order of time."""
        return _in_order(self._parts)

    def traps(self) -> NDArray[np.void]:
        """What the traps said, if they were to be seen."""
        return _in_order(self._trapped)


def _kept(records: NDArray[np.void]) -> NDArray[np.void]:
    import numpy

    packed = numpy.empty(len(records), [(name, records.dtype[name]) for name in KEPT])
    for name in KEPT:
        packed[name] = records[name]
    return packed


def _in_order(parts: list[NDArray[np.void]]) -> NDArray[np.void]:
    import numpy

    if not parts:
        return _kept(numpy.empty(0, perf.FAULT_DTYPE))
    every = numpy.concatenate(parts)
    parts.clear()
    return every[numpy.argsort(every["time_ns"], kind="stable")]


def _outside(addresses: NDArray[np.uint64], space: AddressSpace) -> NDArray[np.bool_]:
    """Which addresses lie in no mapping that is known."""
    import numpy

    regions = list(space)
    if not regions:
        return numpy.ones(len(addresses), bool)
    starts = numpy.array([each.address for each in regions], "u8")
    ends = numpy.array([each.end for each in regions], "u8")
    at = numpy.searchsorted(starts, addresses, "right").astype("i8") - 1
    outside: NDArray[np.bool_] = (at < 0) | (addresses >= ends[at])
    return outside


def run(
    command: Sequence[str],
    *,
    duration_s: float | None = None,
    outputs: tuple[int, int] = (1, 2),
    most_faults: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Trace:
    """Run a program and record its faults until it ends, or for so many seconds.

    It gets SIGTERM then, and SIGKILL after 5 s more. KeyboardInterrupt ends it likewise, and what
    was recorded until then is the trace, which says that it was ``stopped``; a second one gives up,
    and so does the first where the program had not taken a fault yet.
    ``most_faults``: without it as many as there is memory for, and 8 million at most; the trace is
    ``full`` then. ``outputs``: the descriptors to which its output and its errors go.
    ``on_progress`` is told the number of faults, ten times a second.

    ValueError for a time that is none; OSError where the program cannot be started, or as of
    :class:`~prefault_kit.kernel.faults.FaultStream` where faults cannot be observed (``filename``
    is None then); NothingSeen of a program that runs as another user.
    """
    if duration_s is not None and not 0 < duration_s < float("inf"):
        raise ValueError(f"duration is a number of seconds over 0, not {duration_s!r}")
    with contextlib.ExitStack() as stack:
        faults = stack.enter_context(FaultStream.of_program())
        traps, why = _traps(stack)
        most = _most_faults() if most_faults is None else most_faults
        recording = _Recording(faults, traps, most)
        began_ns = time.monotonic_ns()
        running = interrupt = None
        try:
            with signals.later():
                running = stack.enter_context(program.started(command, outputs))
            stopped = _follow(running, recording, faults, duration_s, on_progress)
        except KeyboardInterrupt as error:
            if running is None:
                raise
            stopped, interrupt = True, error
        if stopped:
            program.end(running, recording.living, recording.look_again)
        status = running.wait()
        faults.stop()
        recording.look()
        ended_ns = recording.ended_ns(running.pid) or time.monotonic_ns()
        if not sum(faults.counts()):
            raise interrupt or NothingSeen
        lack = Lack(
            faults.lost + (traps.lost if traps else 0),
            not faults.kernel_included,
            why,
            recording.full,
            len(_still_there(recording.living - {running.pid})),
        )
        return _trace(tuple(command), recording, lack, began_ns, ended_ns, status, stopped)


def _traps(stack: contextlib.ExitStack) -> tuple[TrapStream | None, str]:
    """The stream of traps, or why there is none."""
    try:
        return stack.enter_context(TrapStream.of_program()), ""
    except OSError as error:
        return None, _no_traps(error)


def _most_faults() -> int:
    """How many may be held, so that this machine or a memory cgroup does not run out of memory."""
    return min(MOST_FAULTS, accounts.tightest().usable_bytes // FAULT_BYTES)


def _no_traps(error: OSError) -> str:
    if os.geteuid() != 0 and error.errno != errno.ENOENT:
        return "its tracepoints are root's to see (sudo prefault-kit trace)"
    if error.errno == errno.ENODEV:
        return f"tracefs is not mounted ({MOUNT})"
    if error.errno == errno.ENOENT:
        return "this kernel has no tracepoints exceptions:page_fault_user as of x86"
    return f"the tracepoints of page faults are refused ({error.strerror})"


def _still_there(pids: set[int]) -> set[int]:
    return {pid for pid in pids if os.path.exists(f"/proc/{pid}")}


def _follow(
    running: subprocess.Popen[bytes],
    recording: _Recording,
    stream: FaultStream,
    duration_s: float | None,
    on_progress: Callable[[int], None] | None,
) -> bool:
    """Until the program has ended, or is to be ended: True then."""
    deadline = None if duration_s is None else time.monotonic() + duration_s
    poll = select.poll()
    with _pidfd(running.pid) as pidfd:
        for fd in (pidfd, *stream.descriptors()):
            poll.register(fd, select.POLLIN)
        while True:
            left = LOOK_S if deadline is None else min(LOOK_S, deadline - time.monotonic())
            if left <= 0:
                return True
            found = dict(poll.poll(left * 1000))
            for fd, what in found.items():
                if fd != pidfd and not what & select.POLLIN:
                    poll.unregister(fd)
            recording.look()
            if on_progress:
                on_progress(recording.count)
            if pidfd in found:
                return False


@contextlib.contextmanager
def _pidfd(pid: int) -> Iterator[int]:
    fd = os.pidfd_open(pid)
    try:
        yield fd
    finally:
        os.close(fd)


def _trace(
    command: tuple[str, ...],
    recording: _Recording,
    lack: Lack,
    began_ns: int,
    ended_ns: int,
    status: int,
    stopped: bool,
) -> Trace:
    """What was recorded, with addresses as mappings and pages."""
    import numpy

    faults = recording.faults()
    tasks = sorted(recording.tasks, key=lambda each: each.time_ns)
    placed = Placer().place(faults, tasks, os.path.basename(command[0]))
    first = next((each.time_ns for each in tasks if each.kind == "comm" and each.flags), began_ns)
    access = accesses(faults, recording.traps())
    access[(access == perf.UNTOLD) & placed.read_only] = perf.READ
    flags = (access << ACCESS_SHIFT).astype("u1")
    flags |= numpy.where(faults["major"], MAJOR, 0).astype("u1")
    flags |= numpy.where(faults["in_kernel"], BY_KERNEL, 0).astype("u1")
    threads, numbers = numpy.unique(faults[["pid", "tid"]], return_inverse=True)
    known = [
        Thread(int(each["pid"]), int(each["tid"]), placed.names.get(int(each["tid"]), ""))
        for each in threads
    ]
    return Trace(
        command,
        PAGE_SIZE_BYTES,
        max(0, ended_ns - first),
        status,
        stopped,
        placed.images,
        tuple(known),
        _with_files(placed),
        numpy.maximum(faults["time_ns"] - first, 0),
        placed.mapping,
        placed.page,
        numbers.astype("u4"),
        flags,
        lack,
        host.facts() | {"fault_around_bytes": fault_around.size_bytes()},
    )


def _with_files(placed: Placed) -> tuple[TracedMapping, ...]:
    """The mappings, with what their files are now."""
    return tuple(
        replace(each, file=_file_state(each.name, inode)) if each.kind == FILE else each
        for each, inode in zip(placed.mappings, placed.inodes, strict=True)
    )


def _file_state(path: str, inode: int) -> FileState | None:
    """A file as it is now; None where the path leads to none, or to another than was mapped."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode) or found.st_ino != inode:
        return None
    return FileState(found.st_size, found.st_mtime_ns, found.st_ino)
