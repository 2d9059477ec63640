"""A budget of page faults for a piece of a program: what is over it raises, and names who took it.

::

    with fault_budget(major=0, minor=10) as spent:
        step(robot)
    print(spent.minor, spent.major)

What counts are faults that a trap brought to the kernel, as perf counts them; pages that a populate
brings inside a call are none, for the program does not meet them later. Where perf is forbidden,
getrusage(2) counts both, and nobody is named: :attr:`FaultBudget.source` says so.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import resource
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from prefault_kit.host.unavailable import Unavailable
    from prefault_kit.kernel.faults import FaultCounter, FaultStream
    from prefault_kit.measure.culprits import Culprit
    from prefault_kit.measure.python_lines import PythonLines

THREADS = ("this", "all")
MOST_RECORDED, MOST_ALLOWED = 256, 256
"""Faults of each kind that are looked at one by one, beside those that are allowed; the others are
counted."""
BUFFER_BYTES = 128 << 10
"""Room for as many, each with its stack."""
SHOWN_CULPRITS = SHOWN_LINES = 5

Function = TypeVar("Function", bound=Callable[..., Any])


class FaultBudgetExceeded(AssertionError):
    """More page faults than were allowed; ``spent`` is the :class:`FaultBudget` with the culprits.

    An AssertionError, so that a test that raises it has failed and is not in error.

    >>> from prefault_kit import Backing, Mapping, PAGE_SIZE_BYTES
    >>> with Mapping(Backing.anon(), 4 * PAGE_SIZE_BYTES) as memory:
    ...     try:
    ...         with fault_budget(minor=3):
    ...             touched = memory.touch_write()
    ...     except FaultBudgetExceeded as exceeded:
    ...         print(exceeded.spent.minor >= 4, exceeded.spent.kept)
    True False
    """

    def __init__(self, spent: FaultBudget) -> None:
        super().__init__("\n".join(spent.lines()))
        self.spent = spent


class FaultBudget(ContextDecorator):
    """What :func:`fault_budget` gives: before, during and after the piece that it stands around."""

    source: str | None = None
    """``perf``, or ``getrusage`` where perf is forbidden; None before it begins.

    getrusage counts pages that populate brings as well.
    """
    kernel_included: bool | None = None
    """Whether faults that the kernel takes for the program are counted, in read(2) for one."""
    missing: Unavailable | None = None
    """Why no one can be named here, and what would help."""
    lost: int = 0
    """Faults that are counted, and not among the culprits."""

    def __init__(
        self, major: int | None, minor: int | None, thread: str, lines: bool = False
    ) -> None:
        self.allowed_major, self.allowed_minor = major, minor
        self.thread = thread
        self.culprits: list[Culprit] = []
        """Who took the faults, worst first; known afterwards."""
        self.python_lines: Counter[str] = Counter()
        """How many faults lines of Python took, where they were asked for."""
        self._wants_lines = lines
        self._lines: PythonLines | None = None
        self._ends = ExitStack()
        self._counter: FaultCounter | None = None
        self._stream: FaultStream | None = None
        self._pid = 0
        self._usage = (0, 0)
        self._final: tuple[int, int] | None = None
        self._time_ns = (0, 0)
        """From when to when they were counted: a stream of all threads records before."""

    def _recreate_cm(self) -> FaultBudget:
        """As a decorator: a budget of its own for each call."""
        return FaultBudget(self.allowed_major, self.allowed_minor, self.thread, self._wants_lines)

    def __call__(self, function: Function) -> Function:
        """Decorate a function; TypeError for one whose calls end before it has done its work."""
        for kind in ("coroutinefunction", "generatorfunction", "asyncgenfunction"):
            if getattr(inspect, f"is{kind}")(function):
                raise TypeError(
                    f"{getattr(function, '__name__', function)} only begins when it is called: use "
                    "with fault_budget(...) inside of it"
                )
        return super().__call__(function)

    @property
    def minor(self) -> int:
        """Minor faults so far, or in all."""
        return self._counts()[0]

    @property
    def major(self) -> int:
        """Major faults so far, or in all: those that waited for a disk."""
        return self._counts()[1]

    @property
    def kept(self) -> bool:
        """Whether no more were taken than are allowed."""
        pairs = ((self.minor, self.allowed_minor), (self.major, self.allowed_major))
        return all(allowed is None or taken <= allowed for taken, allowed in pairs)

    def _counts(self) -> tuple[int, int]:
        if self._final is not None:
            return self._final
        if self._counter:
            return self._counter.counts()
        if self.source is None:
            return 0, 0
        minor, major = _usage(self.thread)
        return minor - self._usage[0], major - self._usage[1]

    def __enter__(self) -> FaultBudget:
        """Begin to count; RuntimeError for a budget that has begun before."""
        if self.source is not None:
            raise RuntimeError("this budget has been used: call fault_budget again")
        self._pid = os.getpid()
        # here, so that importing the kit stays quick
        import numpy  # noqa: F401  # else its pages would be what faults

        from prefault_kit.host import features

        try:
            self._observe()
        except OSError as error:
            self._ends.close()
            self._counter = self._stream = self._lines = None
            self.missing = features.fault_events(error)
            self.source = "getrusage"
            self._usage = _usage(self.thread)
            return self
        except BaseException:
            self._ends.close()
            raise
        self.source = "perf"
        if self._stream and self.thread == "this":
            most = (self.allowed_minor or 0, self.allowed_major or 0)
            self._stream.begin(*(min(MOST_ALLOWED, each) + MOST_RECORDED for each in most))
        if self._lines:
            self._lines.begin(MOST_RECORDED + min(self.allowed_minor or 0, MOST_ALLOWED))
        assert self._counter
        self._time_ns = (time.monotonic_ns(), 0)
        self._counter.begin()
        return self

    def _observe(self) -> None:
        """A counter, and a stream beside it."""
        from prefault_kit.kernel.faults import FaultCounter, FaultStream

        if self._wants_lines:
            from prefault_kit.measure.python_lines import PythonLines

            self._lines = self._ends.enter_context(PythonLines())
            self.missing = self._lines.missing
        whole = self.thread == "all"
        self._counter = self._ends.enter_context(FaultCounter(all_threads=whole))
        self.kernel_included = self._counter.kernel_included
        minor = self.allowed_minor is not None
        if not minor and self.allowed_major is None:
            return
        known: dict[str, Any] = {"tasks": True, "minor": minor, "buffer_bytes": BUFFER_BYTES}
        try:
            if whole:
                stream = FaultStream(stacks=True, **known)
            else:
                stream = FaultStream.of_this_thread(stacks=True, disabled=True, **known)
        except OSError as error:  # no more buffers may be locked: what is counted can be counted on
            from prefault_kit.host import features

            self.missing = features.fault_events(error)
        else:
            self._stream = self._ends.enter_context(stream)
            if whole:
                self._ends.enter_context(_stopped_when_full(stream))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Count no more. FaultBudgetExceeded, unless the piece has raised something by itself."""
        if os.getpid() != self._pid:  # a forked child leaves the parent's events alone
            self._final = (0, 0)
            return
        if self._counter:
            self._counter.stop()
            self._time_ns = (self._time_ns[0], time.monotonic_ns())
        self._final = self._counts()
        with self._ends:
            if self._lines:
                self._lines.stop()
                self.python_lines = self._lines.counted()
            if self._stream:
                self._stream.stop()
                if kind is None and not self.kept:
                    self._name(self._stream)
        self._counter = self._stream = self._lines = None
        if kind is None and not self.kept:
            raise FaultBudgetExceeded(self)

    def _name(self, stream: FaultStream) -> None:
        """Find out who it was."""
        from prefault_kit.kernel import address_space
        from prefault_kit.measure.culprits import Tally

        batch = stream.read()
        begin, end = self._time_ns
        batch = batch.chosen((batch.time_ns >= begin) & (batch.time_ns <= end))
        space, past = address_space.of(), address_space.AddressSpace()
        for each in batch.tasks:
            if each.kind == "mmap":
                past.add(address_space.region(each))
        tally = Tally(lambda _: space, lambda _: past)
        tally.names = _thread_names(set(batch.tid.tolist()))
        tally.add(batch)
        self.culprits = tally.culprits()
        self.lost = max(0, sum(self._counts()) - len(batch))

    def lines(self) -> list[str]:
        """What to print: the verdict, then each culprit with the advice."""
        over = [
            f"{taken} {kind} fault{'' if taken == 1 else 's'}, where {allowed or 'none'} "
            f"{'is' if allowed in (0, 1) else 'are'} allowed"
            for taken, allowed, kind in (
                (self.major, self.allowed_major, "major"),
                (self.minor, self.allowed_minor, "minor"),
            )
            if allowed is not None and taken > allowed
        ]
        if not over:
            return [f"{self.minor} minor and {self.major} major faults: the budget is kept"]
        lines = ["; ".join(over) + ":"]
        for each in self.culprits[:SHOWN_CULPRITS]:
            lines += each.lines()
        if more := len(self.culprits) - SHOWN_CULPRITS:
            lines += [f"and {more} more mappings"] if more > 0 else []
        lines += [
            f"{number} of them in {where}"
            for where, number in self.python_lines.most_common(SHOWN_LINES)
        ]
        if self.lost and self.culprits:
            lines.append(f"({self.lost} of the faults were counted and not looked at)")
        if self.missing:
            what = "no lines" if self.culprits else "nobody"
            lines.append(f"{what} can be named: {self.missing}")
        if self.source == "getrusage":
            lines.append("(getrusage counts pages that a populate brought as well)")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "minor": self.minor,
            "major": self.major,
            "allowed_minor": self.allowed_minor,
            "allowed_major": self.allowed_major,
            "kept": self.kept,
            "thread": self.thread,
            "source": self.source,
            "kernel_included": self.kernel_included,
            "lost": self.lost,
            "missing": str(self.missing) if self.missing else None,
            "python_lines": dict(self.python_lines),
            "culprits": [each.as_dict() for each in self.culprits],
        }


@contextlib.contextmanager
def _stopped_when_full(stream: FaultStream) -> Iterator[None]:
    """Let a stream that fills up record no more meanwhile, so that what follows costs nothing."""
    told = os.eventfd(0, os.EFD_CLOEXEC)
    poll = select.poll()
    for fd in (told, *stream.descriptors()):
        poll.register(fd, select.POLLIN)

    begun = threading.Event()

    def watch() -> None:
        poll.poll(0)  # what it needs of memory it takes now, before faults are counted
        begun.set()
        while True:
            for fd, what in poll.poll():
                if fd == told:
                    return
                if what & select.POLLIN:
                    stream.stop()
                    return
                poll.unregister(fd)  # its thread has ended, and others use its buffer

    watcher = threading.Thread(target=watch, name="fault_budget", daemon=True)
    try:
        watcher.start()
        begun.wait()  # what a new thread faults is not what is looked for
        yield
    finally:
        os.eventfd_write(told, 1)
        watcher.join()
        os.close(told)


def _usage(thread: str) -> tuple[int, int]:
    who = resource.RUSAGE_THREAD if thread == "this" else resource.RUSAGE_SELF
    usage = resource.getrusage(who)
    return usage.ru_minflt, usage.ru_majflt


def _thread_names(tids: set[int]) -> dict[int, str]:
    """Names of threads of this process: Python's, else the kernel's."""
    names = {}
    for tid in tids:
        with contextlib.suppress(OSError), open(f"/proc/self/task/{tid}/comm", "rb") as name:
            names[tid] = os.fsdecode(name.read().rstrip(b"\n"))
    names |= {
        each.native_id: each.name
        for each in threading.enumerate()
        if each.native_id in tids  # ended ones are not among them
    }
    return names


def fault_budget(
    major: int | None = 0, minor: int | None = None, *, thread: str = "this", lines: bool = False
) -> FaultBudget:
    """Allow so many page faults within a ``with`` block or a function, and no more.

    ``major`` and ``minor``: how many, at most; None is any number. ``thread``: ``this`` one alone,
    or ``all`` of this process, those that start meanwhile included. :class:`FaultBudgetExceeded` at
    the end where there were more; it names them by thread and mapping, with their address, their
    place in the code as far as frame pointers lead, and the advice that would have prevented them.
    ``lines`` adds the lines of Python that this thread was at, by SIGTRAP, which takes some 50 us a
    fault (:mod:`prefault_kit.measure.python_lines`). What the block itself raises passes through.
    ValueError for what is no number of faults.

    To begin and end takes some 0.5 ms, or 2 ms for all threads. Within the block counting costs
    nothing that can be measured, and a recorded fault some 2 us; after a few hundred no more are
    recorded.

    Source: perf_event_open(2); see :mod:`prefault_kit.kernel.perf` for what counts.

    >>> with fault_budget(major=0, minor=100) as spent:
    ...     total = sum(range(1000))
    >>> spent.kept, spent.major
    (True, 0)
    """
    for name, value in (("major", major), ("minor", minor)):
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or value < 0
        ):
            raise ValueError(
                f"{name} is a number of faults from 0 on, or None for any, not {value!r}"
            )
    if thread not in THREADS:
        raise ValueError(f"thread is one of {', '.join(THREADS)}, not {thread!r}")
    return FaultBudget(major, minor, thread, lines)
