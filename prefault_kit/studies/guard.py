"""Does a program fault where it must not? It runs under a budget, and who takes faults is named.

It is observed from its first instruction on, with its threads and children. Its faults count from
the moment in which it says that it is ready, by a pattern in its output, until it ends or a
duration is over. Nothing of it is changed, but that its output is a pipe where a pattern is looked
for.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit.kernel.address_space import AddressSpaces
from prefault_kit.kernel.faults import FaultBatch, FaultStream
from prefault_kit.kernel.perf import TaskEvent
from prefault_kit.measure import program, signals
from prefault_kit.measure.culprits import Culprit, Tally

LOOK_S = 0.1
"""Between two readings of the stream, at most."""
READY_WITHIN_S = 60
LINE_BYTES = 1 << 16
"""Of a line in which the pattern is looked for."""
AT_ONCE = 20_000
"""Faults of a reading that are looked at one by one; of more every second, third, ... one."""
MOST_CULPRITS = 100
"""Those that are named."""
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Budget:
    """How many faults are allowed; None is any number. ValueError for what is no number."""

    major: int | None = 0
    minor: int | None = None
    minor_per_second: float | None = None

    def __post_init__(self) -> None:
        for name in ("major", "minor", "minor_per_second"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise ValueError(f"{name} is a number from 0 on, not {value!r}")


@dataclass(frozen=True)
class Verdict:
    """One of the limits, and what was counted."""

    name: str
    counted: float
    allowed: float

    @property
    def kept(self) -> bool:
        """Whether it was no more than allowed."""
        return self.counted <= self.allowed

    def __str__(self) -> str:
        """In words."""
        return f"{self.name}: {_number(self.counted)}, allowed {_number(self.allowed)}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


@dataclass(frozen=True)
class Outcome:
    """What came of a program under guard."""

    budget: Budget
    ready: bool
    """Whether its faults began to count."""
    elapsed_s: float
    """For how long they did."""
    minor: int
    major: int
    status: int
    """The program's exit status; of a signal its negative number, as subprocess has it."""
    stopped: bool
    """Whether it was ended here, since the duration was over or it was never ready."""
    kernel_included: bool
    """Whether faults that the kernel took for it are counted."""
    unseen: int
    """Faults that are counted, and not among the culprits'."""
    culprits: tuple[Culprit, ...]
    observed: bool = True
    """Whether any fault was seen at all: a program of another user (setuid) shows none."""

    @property
    def verdicts(self) -> list[Verdict]:
        """One for each limit."""
        rate = self.minor / self.elapsed_s if self.elapsed_s > 0 else 0.0
        pairs = (
            ("major faults", self.major, self.budget.major),
            ("minor faults", self.minor, self.budget.minor),
            ("minor faults a second", rate, self.budget.minor_per_second),
        )
        return [Verdict(name, counted, most) for name, counted, most in pairs if most is not None]

    @property
    def failed(self) -> bool:
        """Whether the program itself went wrong, whatever it faulted."""
        return self.status != 0 and not self.stopped

    @property
    def kept(self) -> bool:
        """Whether it was ready, ended well, and kept to every limit."""
        good = self.ready and self.observed and not self.failed
        return good and all(each.kept for each in self.verdicts)

    def ending(self) -> str:
        """How the program ended, in words."""
        if self.stopped:
            return "the program was stopped"
        if self.status < 0:
            with contextlib.suppress(ValueError):
                return f"the program was killed by {signal.Signals(-self.status).name}"
        return f"the program ended with status {self.status}"

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "kept": self.kept,
            "ready": self.ready,
            "elapsed_s": self.elapsed_s,
            "minor": self.minor,
            "major": self.major,
            "verdicts": [
                {"name": each.name, "counted": each.counted, "allowed": each.allowed,
                 "kept": each.kept}
                for each in self.verdicts
            ],
            "status": self.status,
            "stopped": self.stopped, "observed": self.observed,
            "kernel_included": self.kernel_included,
            "unseen": self.unseen,
            "culprits": [each.as_dict() for each in self.culprits],
        }  # fmt: skip


class _Output:
    """The program's output, passed on byte by byte, and a pattern looked for in its lines."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern
        self._lines: dict[int, bytes] = {}
        self.ready = False

    def take(self, source: int, target: int) -> bool:
        """Pass on what is there; False at the end of it, or where nobody takes it any more."""
        try:
            data = os.read(source, CHUNK_BYTES)
        except OSError:
            return False
        if not data:
            return False
        if not self.ready:
            *whole, rest = (self._lines.get(source, b"") + data).split(b"\n")
            self._lines[source] = rest[-LINE_BYTES:]
            self.ready = any(self._pattern.search(line) for line in (*whole, rest))
        try:
            while data:
                data = data[os.write(target, data) :]
        except OSError:  # the program is to meet a closed pipe, as it would without us
            return False
        return True


class _Watch:
    """What is learned of the program while it runs."""

    def __init__(self, stream: FaultStream) -> None:
        self._stream = stream
        self._spaces = AddressSpaces()
        self._sharing: dict[int, int] = {}
        """Forked processes that share their pages still, and their parents."""
        self.tally = Tally(self._spaces.of)
        self.looked_at = 0
        self.since_ns: int | None = None
        self.until_ns: int | None = None
        self.living: set[int] = set()

    def look(self) -> None:
        """Take in what has happened since."""
        batch = self._stream.read()
        borders = [each.time_ns for each in batch.tasks if _changes_processes(each)]
        times, tasks = batch.time_ns, iter([*batch.tasks, None])
        task = next(tasks)
        begin = 0
        for border in (*borders, None):  # an address means something else afterwards
            while task is not None and (border is None or task.time_ns < border):
                self._learn(task)
                task = next(tasks)
            end = len(batch) if border is None else int(times.searchsorted(border))
            self._count(batch, begin, end)
            begin = end

    def look_closely(self) -> None:
        """As :meth:`look`, and at the mappings of those that live, by their names."""
        self.look()
        for pid in self.living:
            self._spaces.look(pid)

    def _count(self, batch: FaultBatch, begin: int, end: int) -> None:
        if self.since_ns is None or begin == end:
            return
        times = batch.time_ns
        begin = max(begin, int(times.searchsorted(self.since_ns)))
        if self.until_ns is not None:
            end = min(end, int(times.searchsorted(self.until_ns)))
        if begin >= end:
            return
        step = -(-(end - begin) // AT_ONCE)
        part = slice(begin, end, step)
        self.tally.forked = {*self._sharing, *self._sharing.values()}
        self.tally.add(FaultBatch(batch.records[part], batch.ips, batch.starts[part]))
        self.looked_at += len(range(begin, end, step))

    def _learn(self, task: TaskEvent) -> None:
        self._spaces.learn(task)
        names = self.tally.names
        if task.kind == "comm":
            names[task.tid] = task.name
            if task.flags:
                self._sharing.pop(task.pid, None)
                self.living.add(task.pid)
        elif task.kind == "fork":
            names.setdefault(task.tid, names.get(task.parent_tid, ""))
            if task.pid != task.parent_pid:
                self._sharing[task.pid] = task.parent_pid
                self.living.add(task.pid)
        elif task.kind == "exit" and task.tid == task.pid:
            self._sharing.pop(task.pid, None)
            self.living.discard(task.pid)


def run(
    command: Sequence[str],
    budget: Budget,
    *,
    ready: str | None = None,
    duration_s: float | None = None,
    ready_within_s: float = READY_WITHIN_S,
    outputs: tuple[int, int] = (1, 2),
) -> Outcome:
    """Run a program under a budget until it ends, or for a time after it was ready.

    ``ready``: a regular expression that a line of its output or of its errors has; without one its
    faults count from the first instruction on. It gets SIGTERM ``duration_s`` later, or where it is
    not ready within ``ready_within_s``, and SIGKILL after 5 s more. ``outputs``: the descriptors to
    which its output and its errors go. KeyboardInterrupt ends it as well, and goes on.

    ValueError for a pattern or a time that is none; OSError where the program cannot be started, or
    as of :class:`~prefault_kit.kernel.faults.FaultStream` where faults cannot be observed:
    ``filename`` is None then.
    """
    for name, value in (("duration", duration_s), ("ready within", ready_within_s)):
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"{name} is a number of seconds over 0, not {value!r}")
    output = _Output(_pattern(ready)) if ready is not None else None
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(FaultStream.of_program(stacks=True))
        pipes = (subprocess.PIPE, subprocess.PIPE) if output else outputs
        watch = _Watch(stream)
        guard = None
        try:
            with signals.later():
                running = stack.enter_context(program.started(command, pipes))
                guard = _Guard(stream, watch, running, output, outputs)
            stopped = guard.follow(duration_s, ready_within_s)
        finally:
            if guard:
                guard.end()
        watch.look()
        minor, major = guard.counted()
        return Outcome(
            budget=budget,
            ready=guard.ready,
            elapsed_s=guard.elapsed_s,
            minor=minor,
            major=major,
            status=running.returncode,
            stopped=stopped,
            kernel_included=stream.kernel_included,
            unseen=max(0, minor + major - watch.looked_at),
            observed=sum(stream.counts()) > 0,
            culprits=tuple(watch.tally.culprits()[:MOST_CULPRITS]),
        )


def _pattern(ready: str) -> re.Pattern[bytes]:
    try:
        return re.compile(os.fsencode(ready))
    except re.error as error:
        raise ValueError(f"{ready!r} is no regular expression: {error}") from None


def _changes_processes(task: TaskEvent) -> bool:
    """Whether a process begins, ends, or becomes another program."""
    if task.kind == "fork":
        return task.pid != task.parent_pid
    return (task.kind == "comm" and task.flags != 0) or (
        task.kind == "exit" and task.tid == task.pid
    )


class _Guard:
    """A program that runs, and the time in which its faults count."""

    def __init__(
        self,
        stream: FaultStream,
        watch: _Watch,
        running: subprocess.Popen[bytes],
        output: _Output | None,
        outputs: tuple[int, int],
    ) -> None:
        self._stream, self._watch, self._program = stream, watch, running
        self._output = output
        self._targets: dict[int, int] = {}
        if output and running.stdout and running.stderr:
            self._targets = {
                running.stdout.fileno(): outputs[0],
                running.stderr.fileno(): outputs[1],
            }
        self._over = False
        """Whether the program has ended: what it says now is too late to be ready."""
        self._began: tuple[int, int] = (0, 0)
        self._ended: tuple[int, int] | None = None
        self._began_s = time.monotonic()
        self._ended_s = 0.0
        self.ready = output is None
        if self.ready:
            watch.since_ns = 0

    @property
    def elapsed_s(self) -> float:
        """How long faults counted."""
        return self._ended_s - self._began_s if self.ready else 0.0

    def counted(self) -> tuple[int, int]:
        """Minor and major faults in the meantime; none of a program that was never ready."""
        if not self.ready or self._ended is None:
            return 0, 0
        return self._ended[0] - self._began[0], self._ended[1] - self._began[1]

    def follow(self, duration_s: float | None, ready_within_s: float) -> bool:
        """Until the program has ended, or is to be ended: True then."""
        poll = select.poll()
        pidfd = os.pidfd_open(self._program.pid)
        try:
            for fd in (pidfd, *self._targets, *self._stream.descriptors()):
                poll.register(fd, select.POLLIN)
            while True:
                limit = duration_s if self.ready else ready_within_s
                left = LOOK_S
                if limit is not None:
                    left = self._began_s + limit - time.monotonic()
                    if left <= 0:
                        return True
                found = dict(poll.poll(min(left, LOOK_S) * 1000))
                for fd, what in found.items():
                    if fd in self._targets:
                        self._pass_on(fd, poll)
                    elif fd != pidfd and not what & select.POLLIN:
                        poll.unregister(fd)
                self._watch.look()
                if pidfd in found:
                    self._over = True
                    self._drain(0)
                    return False
        finally:
            os.close(pidfd)

    def _pass_on(self, fd: int, poll: select.poll | None) -> None:
        assert self._output
        if not self._output.take(fd, self._targets[fd]):
            if poll:
                poll.unregister(fd)
            del self._targets[fd]
            # to be closed, so that who writes to it learns that nobody reads
            for each in (self._program.stdout, self._program.stderr):
                if each and not each.closed and each.fileno() == fd:
                    each.close()
        if self._output.ready and not (self.ready or self._over):
            self._watch.look_closely()  # at what is mapped now
            self._began = self._stream.counts()
            self._watch.since_ns = time.monotonic_ns()
            self._began_s = time.monotonic()
            self.ready = True

    def end(self) -> None:
        """Faults do not count from now on; the program ends, if it has not, and its children."""
        self._over = True
        self._ended = self._stream.counts()
        self._watch.until_ns = time.monotonic_ns()
        self._ended_s = time.monotonic()
        self._watch.look_closely()
        program.end(self._program, self._watch.living, lambda: self._drain(LOOK_S / 10))
        self._drain(0)

    def _drain(self, timeout_s: float) -> None:
        """Pass on what comes still; a child that holds the pipe open is not waited for."""
        poll = select.poll()
        for fd in self._targets:
            poll.register(fd, select.POLLIN)
        deadline = time.monotonic() + timeout_s
        while found := poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            for fd, _ in found:
                self._pass_on(fd, poll)
        if not self._targets and timeout_s:
            time.sleep(timeout_s)
        self._watch.look()
