"""Page faults as they happen: of a thread, of a process with its threads, of a program to come.

Each has its time, its address, the instruction and the thread that took it, and its stack as far as
frame pointers lead. Only faults that a trap brought to the kernel are seen: what a populate brings
inside a call is none of them (:mod:`prefault_kit.kernel.perf`), so a stream shows what was *not*
prefaulted. Nothing of the process is changed; a recorded fault takes it longer (``make bench`` says
by how much).

>>> from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
>>> with FaultStream.of_this_thread() as stream, Mapping(Backing.anon(), 4 * PAGE_SIZE_BYTES) as m:
...     populated = m.populate_write(0, 3 * PAGE_SIZE_BYTES)
...     touched = m.touch_write()
...     faults = stream.read().within(*m.span())
...     [(int(each) - m.address) // PAGE_SIZE_BYTES for each in faults.address]
[3]
"""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from prefault_kit.kernel import perf
from prefault_kit.kernel.perf import Buffer, Drained, TaskEvent
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUFFER_BYTES, ALL_BUFFERS_BYTES, LEAST_BYTES = 8 << 20, 32 << 20, 64 << 10
"""Of a processor; of all of them; of a processor where there are many."""
ANY = -1
"""Of all processors, which is only for a thread that is watched alone."""
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""No more descriptors, or memory for them: threads are left out."""
GONE = (errno.ESRCH, errno.ENOENT)
MAJOR_PART = 8
WAKE_PART = 4
"""A buffer that is full to one part in so many wakes its reader."""
BLINK_S = 0.02
"""How long to wait where nothing can be waited for."""
SCANS, SETTLE_S = 10, 0.002
"""How often threads are looked for, and how long one that is new gets to be recorded."""
MOST_FAULTS = 1 << 20
"""What one reading takes, about."""


@dataclass(frozen=True)
class FaultBatch:
    """Faults in the order of their time, each an entry of every array; arrays have shape (n,)."""

    records: NDArray[np.void]
    """All fields, of :data:`prefault_kit.kernel.perf.FAULT_DTYPE`."""
    ips: NDArray[np.uint64]
    starts: NDArray[np.int64]
    """Where in ``ips`` the stack of each begins."""
    tasks: list[TaskEvent] = field(default_factory=list)
    """What was mapped, named, forked and ended meanwhile, where that is recorded."""

    @property
    def time_ns(self) -> NDArray[np.int64]:
        """When each happened, on the clock of ``time.monotonic_ns``."""
        return self.records["time_ns"]

    @property
    def address(self) -> NDArray[np.uint64]:
        """What was accessed."""
        return self.records["address"]

    @property
    def ip(self) -> NDArray[np.uint64]:
        """The instruction that did: of the kernel where ``in_kernel`` is set."""
        return self.records["ip"]

    @property
    def pid(self) -> NDArray[np.uint32]:
        """The process."""
        return self.records["pid"]

    @property
    def tid(self) -> NDArray[np.uint32]:
        """The thread."""
        return self.records["tid"]

    @property
    def major(self) -> NDArray[np.bool_]:
        """Whether it waited for a disk, or for a page to be brought from elsewhere."""
        return self.records["major"]

    @property
    def in_kernel(self) -> NDArray[np.bool_]:
        """Whether the kernel took it for the program, in read(2) for one."""
        return self.records["in_kernel"]

    def stack(self, at: int) -> list[int]:
        """The addresses of a fault's stack, from the inside out; empty where none was recorded."""
        begin = int(self.starts[at])
        return [int(each) for each in self.ips[begin : begin + int(self.records["depth"][at])]]

    def chosen(self, mask: NDArray[np.bool_]) -> FaultBatch:
        """Those for which a mask holds."""
        return FaultBatch(self.records[mask], self.ips, self.starts[mask], self.tasks)

    def within(self, address: int, length: int) -> FaultBatch:
        """Those with an address in a range of bytes."""
        return self.chosen((self.address >= address) & (self.address - address < length))

    def __len__(self) -> int:
        """How many."""
        return len(self.records)

    @classmethod
    def of(cls, drained: Sequence[Drained]) -> FaultBatch:
        """What came out of buffers, in one order."""
        import numpy  # here, so that importing the kit stays quick

        records = numpy.concatenate([each.faults for each in drained] or [_none()])
        ips = numpy.concatenate([each.ips for each in drained] or [numpy.empty(0, "u8")])
        ends = numpy.cumsum(records["depth"], dtype="i8")
        starts = ends - records["depth"]
        order = numpy.argsort(records["time_ns"], kind="stable")
        tasks = sorted(
            (task for each in drained for task in each.tasks), key=lambda task: task.time_ns
        )
        return cls(records[order], ips, starts[order], tasks)


def _none() -> NDArray[np.void]:
    import numpy

    return numpy.empty(0, perf.FAULT_DTYPE)


class FaultStream:
    """Page faults of a process, of all its threads and those that it starts, while they happen.

    ``pid`` 0 is this process; another one is of the same user, or root's to see. ``stacks`` adds
    what frame pointers lead to; ``children`` processes that it forks from now on; ``tasks`` what is
    mapped, named, forked and ended; without ``minor`` major faults alone. ``begins`` records faults
    as the kernel begins to handle them, minor or major, and not when it has
    (:mod:`prefault_kit.kernel.fault_waits`). A child of which the faults are wanted from its first
    instruction on: :meth:`of_program`.

    The kernel keeps records in buffers of ``buffer_bytes`` for each processor (what a user may lock
    is less than what root may, so they may get smaller) until :meth:`read` takes them, and says how
    many did not fit. Reading takes faults of its own, which a stream of this process shows.

    OSError: EACCES or EPERM where it is forbidden (another user's process, a sandbox,
    kernel.perf_event_paranoid over 2), ESRCH without such a process, EMFILE without descriptors for
    one thread: it takes two for each processor. ValueError for a number that is no pid.

    >>> import mmap
    >>> with FaultStream.of_this_thread() as stream:
    ...     page = mmap.mmap(-1, PAGE_SIZE_BYTES)
    ...     page[0] = 1
    ...     faults = stream.read()
    >>> len(faults) > 0, bool(faults.major.any()), stream.lost
    (True, False, 0)
    """

    lost: int
    """Records that had no room in the buffers; each is told when the next one has."""
    kernel_included: bool
    """Whether faults that the kernel takes for the program are among them.

    Not for an ordinary user where kernel.perf_event_paranoid is over 1.
    """
    _kinds: tuple[bool, ...]
    """Of the events, whether they are of major faults."""
    _only: int | None
    """The process to which records are confined."""
    unwatched_threads: int
    """Threads for which there was no descriptor left: ``ulimit -n`` says how many there may be."""

    def __init__(
        self,
        pid: int = 0,
        *,
        stacks: bool = False,
        children: bool = False,
        tasks: bool = False,
        minor: bool = True,
        begins: bool = False,
        buffer_bytes: int | None = None,
    ) -> None:
        if isinstance(pid, bool) or not isinstance(pid, int) or not 0 <= pid < 1 << 31:
            raise ValueError(
                f"a pid is a positive whole number, or 0 for this process, not {pid!r}"
            )
        self._begin(stacks, tasks, minor, buffer_bytes)
        if begins:
            self._kinds = (False,)
            self._options |= perf.BEGINS
        self._only = None if children else pid or os.getpid()
        self._options |= perf.INHERIT | (0 if children else perf.THREADS)
        self._open_all(lambda: _threads(pid or os.getpid()), _processors())

    @classmethod
    def of_this_process(cls, **known: Any) -> FaultStream:
        """Of all threads of this process; arguments as of the class."""
        return cls(0, **known)

    @classmethod
    def of_this_thread(
        cls,
        *,
        stacks: bool = False,
        tasks: bool = False,
        minor: bool = True,
        buffer_bytes: int | None = None,
        disabled: bool = False,
    ) -> FaultStream:
        """Of the calling thread alone, which takes two descriptors and one buffer.

        ``disabled`` waits for :meth:`begin`.
        """
        stream = cls.__new__(cls)
        stream._begin(stacks, tasks, minor, buffer_bytes)
        stream._only = None
        stream._waits = disabled
        stream._open_all(lambda: [0], [ANY])
        return stream

    @classmethod
    def of_program(cls, *, stacks: bool = False, buffer_bytes: int | None = None) -> Self:
        """Of the next program that a child of the calling thread executes, and its children.

        From its first instruction on, with what it maps, names, forks and ends. Open it, start the
        program with subprocess, and start no other.
        """
        stream = cls.__new__(cls)
        stream._begin(stacks, True, True, buffer_bytes)
        stream._only = None
        stream._waits = True
        stream._options |= perf.INHERIT | perf.ON_EXEC
        stream._open_all(lambda: [0], _processors())
        return stream

    def _begin(self, stacks: bool, tasks: bool, minor: bool, buffer_bytes: int | None) -> None:
        if buffer_bytes is not None and buffer_bytes < PAGE_SIZE_BYTES:
            raise ValueError(f"a buffer has {PAGE_SIZE_BYTES} bytes or more, not {buffer_bytes}")
        self.lost = 0
        self.kernel_included = True
        self.unwatched_threads = 0
        self._wanted_bytes = buffer_bytes
        self._stacks = stacks
        self._kinds = (False, True) if minor else (True,)
        self._wants_tasks = tasks
        self._waits = False
        # else what happens before there is a buffer would be counted and not recorded
        self._options = perf.RECORD | perf.DISABLED
        self._options |= perf.STACKS if stacks else 0
        self._fds: dict[bool, list[int]] = {False: [], True: []}
        self._owners: dict[tuple[int, bool], int] = {}
        self._buffers: list[Buffer] = []
        self._lock = threading.Lock()
        self._poll = select.poll()
        self._polled: set[int] = set()
        self._kept: list[Drained] = []

    def _open_all(self, threads: Callable[[], list[int]], processors: list[int]) -> None:
        """Open every thread, until none is new that a watched one has not started."""
        self._watermark_bytes = self._length(len(processors)) // WAKE_PART
        try:
            known: set[int] = set()
            for attempt in range(SCANS):
                new = [tid for tid in threads() if tid not in known]
                if attempt and new:
                    time.sleep(SETTLE_S)  # a thread is to be seen before its record is
                    known |= self._inherited()
                    new = [tid for tid in new if tid not in known]
                opened = self._open_threads(new, processors)
                known |= set(new)
                self.unwatched_threads += len(new) - opened
                if not new or opened < len(new) or processors == [ANY]:
                    break
            if not self._buffers:
                raise ProcessLookupError(errno.ESRCH, "there is no such process, or it has ended")
        except BaseException:
            self.close()
            raise
        for fd in self._owners.values():
            self._poll.register(fd, select.POLLIN)
            self._polled.add(fd)

    def _open_threads(self, tids: Sequence[int], processors: Sequence[int]) -> int:
        """Open threads as long as there are descriptors; how many are done, or have ended."""
        for at, tid in enumerate(tids):
            try:
                self._open_thread(tid, processors)
            except OSError as error:
                if error.errno in EXHAUSTED and self._buffers:
                    return at
                if error.errno not in GONE:
                    raise
        return len(tids)

    def _open_thread(self, tid: int, processors: Sequence[int]) -> None:
        """The events of a thread; an OSError leaves none of them behind."""
        opened: list[tuple[int, bool, int]] = []
        try:
            for cpu in processors:
                for major in self._kinds:
                    fd = self._open(tid, cpu, major)
                    if fd is not None:
                        opened.append((cpu, major, fd))
            if not self._buffers:
                self._owners = {(cpu, major): fd for cpu, major, fd in opened}
                self._map(self._owners)
            for cpu, major, fd in opened:
                if fd != self._owners[cpu, major]:
                    perf.redirect(fd, self._owners[cpu, major])
            if not self._waits:
                perf.Switch([fd for _, _, fd in opened]).set(True)
        except BaseException:
            for _, _, fd in opened:
                os.close(fd)
            raise
        for _, major, fd in opened:
            self._fds[major].append(fd)

    def _open(self, tid: int, cpu: int, major: bool) -> int | None:
        """An event, with less where more is forbidden or unknown; None on an offline processor."""
        watermark = self._watermark_bytes // (MAJOR_PART if major else 1)
        tells = 0  # what else happens, and one of the events suffices for that
        if major is self._kinds[0]:
            tells = perf.TASKS if self._wants_tasks else perf.FORKS
        while True:
            try:
                return perf.open_event(
                    tid,
                    cpu,
                    major=major,
                    options=self._options | tells,
                    watermark_bytes=watermark,
                )
            except OSError as error:
                if error.errno in perf.REFUSED and self.kernel_included:
                    self.kernel_included = False
                    self._options |= perf.USER_ONLY
                elif error.errno == errno.EINVAL and self._options & perf.THREADS:
                    self._options &= ~perf.THREADS  # Linux before 5.13: read() takes them out
                elif error.errno in (errno.ENODEV, errno.ENXIO) and cpu != ANY:
                    return None
                else:
                    raise

    def _length(self, processors: int) -> int:
        """How long the buffer of a processor is to be."""
        if self._wanted_bytes:
            return self._wanted_bytes
        length = max(LEAST_BYTES, min(BUFFER_BYTES, ALL_BUFFERS_BYTES // max(1, processors)))
        if os.geteuid() != 0:  # leave RLIMIT_MEMLOCK to the program
            length = min(length, (perf.buffer_allowance() or length) // 2)
        return length

    def _map(self, owners: dict[tuple[int, bool], int]) -> None:
        """A buffer for each processor and kind: the largest that may be locked.

        Those of a kind have one length, and major faults, which come slowly, an eighth of it.
        """
        length = self._length(len({cpu for cpu, _ in owners}))
        pages = 1 << (max(1, length // PAGE_SIZE_BYTES).bit_length() - 1)
        while True:
            try:
                for (_, major), fd in owners.items():
                    part = max(1, pages // MAJOR_PART) if major else pages
                    kind = self._kind_of(major)
                    self._buffers.append(Buffer(fd, part * PAGE_SIZE_BYTES, kind=kind))
                return
            except perf.BufferRefused:
                self._unmap()
                if pages == 1:
                    raise
                pages //= 2
            except OSError:
                self._unmap()
                raise

    def _kind_of(self, major: bool) -> int:
        """What the buffers of these events hold."""
        return perf.MAJOR if major else perf.MINOR

    def _unmap(self) -> None:
        for each in self._buffers:
            each.close()
        self._buffers = []

    def _inherited(self) -> set[int]:
        """Threads that watched ones have started; what comes with them is kept for reading."""
        self._kept += self._drain(MOST_FAULTS)
        return {task.tid for each in self._kept for task in each.tasks if task.kind == "fork"}

    def _drain(self, most: int) -> list[Drained]:
        found = []
        for buffer in self._buffers:
            left = True
            while left and most > 0:
                drained = buffer.drain(self._stacks)
                found.append(drained)
                left = drained.left
                most -= len(drained.faults)
        return found

    def read(self, most: int = MOST_FAULTS) -> FaultBatch:
        """What has happened since the last reading, without waiting; about ``most`` at a time.

        Empty where nothing has. ValueError after :meth:`close`, or in a child that was forked.
        """
        with self._lock:
            if not all(each.is_mine for each in self._buffers) or not self._buffers:
                raise ValueError("the stream is closed, or of the process that forked this one")
            drained, self._kept = self._kept + self._drain(most), []
        self.lost += sum(each.lost for each in drained)
        batch = FaultBatch.of(drained)
        if not self._wants_tasks:
            batch.tasks.clear()
        return batch if self._only is None else batch.chosen(batch.pid == self._only)

    def batches(self, period_s: float = 0.1) -> Iterator[FaultBatch]:
        """Read again and again, until whoever iterates has seen enough."""
        while True:
            yield self.read()
            self.wait(period_s)

    def wait(self, timeout_s: float) -> None:
        """Wait until a buffer is a quarter full, but no longer than that."""
        deadline = time.monotonic() + timeout_s
        if self._polled:
            for fd, what in self._poll.poll(timeout_s * 1000):
                if what & select.POLLIN:
                    return
                self._poll.unregister(fd)  # its thread has ended, and others use its buffer
                self._polled.discard(fd)
        left = deadline - time.monotonic()
        if left > 0:
            time.sleep(min(left, BLINK_S) if not self._polled else 0)

    def descriptors(self) -> list[int]:
        """For poll(2): each is readable when its buffer is a quarter full."""
        return list(self._owners.values())

    def counts(self) -> tuple[int, int]:
        """Minor and major faults since the beginning, also those that were lost; 0 of no interest.

        Before Linux 5.13 with those of children, whatever was asked for.
        """
        with self._lock:
            return perf.count(self._fds[False]), perf.count(self._fds[True])

    def begin(self, minor: int, major: int) -> None:
        """Record at most so many minor and so many major faults of this thread from now on.

        What comes after them costs next to nothing, and is not counted either. OSError EINVAL for a
        stream of several threads.
        """
        for fd in self._fds[False]:
            perf.refresh(fd, minor)
        for fd in self._fds[True]:
            perf.refresh(fd, major)

    def stop(self) -> None:
        """Let no more be recorded; what was can be read. Also in children that go on.

        In a process that was forked from this one it does nothing: the events are the parent's.
        """
        with self._lock:
            if not all(each.is_mine for each in self._buffers):
                return
            perf.Switch([*self._fds[False], *self._fds[True]]).set(False)

    def close(self) -> None:
        """Let go of buffers and descriptors; a second time does nothing."""
        with self._lock:
            self._unmap()
            for fds in self._fds.values():
                while fds:
                    with suppress(OSError):
                        os.close(fds.pop())
            self._owners = {}

    def __enter__(self) -> Self:
        """The stream, which is open already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


class FaultCounter:
    """Counts the faults of this thread, or of all threads of this process, and records none.

    It begins with :meth:`begin`. Threads that start later are counted; those that run must be given
    by their numbers. OSError as of :class:`FaultStream`.

    >>> from prefault_kit import Backing, Mapping
    >>> with FaultCounter() as counter, Mapping(Backing.anon(), 64 * PAGE_SIZE_BYTES) as m:
    ...     counter.begin()
    ...     touched = m.touch_write()
    ...     counter.stop()
    >>> counter.counts() >= (64, 0)
    True
    """

    def __init__(self, *, all_threads: bool = False) -> None:
        self.kernel_included = True
        self._options = perf.DISABLED
        if all_threads:
            self._options |= perf.INHERIT | perf.THREADS
        self._fds: dict[bool, list[int]] = {False: [], True: []}
        self._final: tuple[int, int] | None = None
        try:
            for tid in _threads(os.getpid()) if all_threads else [0]:
                for major in (False, True):
                    with suppress(ProcessLookupError):  # it has ended
                        self._fds[major].append(self._open(tid, major))
        except BaseException:
            self.close()
            raise
        self._switch = perf.Switch([*self._fds[False], *self._fds[True]])

    def _open(self, tid: int, major: bool) -> int:
        while True:
            try:
                return perf.open_event(tid, major=major, options=self._options)
            except OSError as error:
                if error.errno in perf.REFUSED and self.kernel_included:
                    self.kernel_included = False
                    self._options |= perf.USER_ONLY
                elif error.errno == errno.EINVAL and self._options & perf.THREADS:
                    self._options &= ~perf.THREADS  # Linux before 5.13: with forked children
                else:
                    raise

    def begin(self) -> None:
        """Count from now on."""
        self._switch.set(True)

    def stop(self) -> None:
        """Count no more."""
        self._switch.set(False)

    def counts(self) -> tuple[int, int]:
        """Minor and major faults so far; after :meth:`close` what they were then."""
        if self._final is not None:
            return self._final
        return perf.count(self._fds[False]), perf.count(self._fds[True])

    def close(self) -> None:
        """Let go of the descriptors; a second time does nothing."""
        if self._final is None:
            self._final = self.counts()
        for fds in self._fds.values():
            while fds:
                os.close(fds.pop())

    def __enter__(self) -> FaultCounter:
        """The counter, which does not count yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def _threads(pid: int) -> list[int]:
    """The threads of a process; none of one that is gone."""
    try:
        return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    except FileNotFoundError:
        return []
    except OSError as error:
        if error.errno in GONE:
            return []
        raise


def _processors() -> list[int]:
    """Those that are online, as /sys says; else as many as Python counts."""
    try:
        with open("/sys/devices/system/cpu/online", encoding="utf-8") as text:
            return parse_list(text.read())
    except (OSError, ValueError):
        return list(range(os.cpu_count() or 1))


def parse_list(text: str) -> list[int]:
    """Read a list of the kernel's.

    >>> parse_list("0-2,5")
    [0, 1, 2, 5]
    """
    found: list[int] = []
    for part in text.strip().split(","):
        low, _, high = part.partition("-")
        found.extend(range(int(low), int(high or low) + 1))
    return found
