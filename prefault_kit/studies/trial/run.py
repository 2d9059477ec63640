"""One run of a program, with or without a tracer, and its figures."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from prefault_kit.host import accounts
from prefault_kit.kernel.tracer import End, Event, Rule, Tracer
from prefault_kit.studies.trial.ready import Listener, Ready
from prefault_kit.studies.trial.result import Run
from prefault_kit.studies.trial.stop import Stop

TIMEOUT_S = 600
GRACE_S = 10.0
"""How long a program that was ready is waited for after SIGTERM."""
NS_PER_MS = 1_000_000


class RunFailed(Exception):
    """A run that gave no figures; its sentence."""


@dataclass(frozen=True)
class Setting:
    """How each run of a program is done."""

    ready: Ready | None = None
    load: tuple[str, ...] = ()
    """A command that is run against the program when it is ready."""
    stdin: str = os.devnull
    timeout_s: float = TIMEOUT_S
    most_bytes: int = 0
    """What advice may populate in a run; 0: as much as there is."""
    before: Callable[[int], None] | None = None
    """Called with the process id before the program begins."""
    limit_available: Callable[[], int] | None = None
    """What is left below a limit that the program has beside ours."""
    stop: Stop = field(default_factory=Stop, compare=False)
    """Ends the program, its load and the trial, from another thread."""

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s < float("inf"):
            raise ValueError(f"timeout is a number of seconds over 0, not {self.timeout_s!r}")
        if self.most_bytes < 0:
            raise ValueError(f"budget is a size of 0 or more bytes, not {self.most_bytes}")


@dataclass(frozen=True)
class Watched:
    """A run and what was seen of it."""

    run: Run
    events: list[Event]
    end: End
    tail: str
    """The last that the program said."""
    began_ns: int = 0
    """When the program began, on the clock of ``time.monotonic_ns``."""


def _available(setting: Setting) -> Callable[[], int] | None:
    """What may be populated by every account but the machine's, which the tracer reads itself."""
    limited = any(each.limit for each in accounts.accounts())
    own = setting.limit_available
    if not limited and own is None:
        return None

    def left() -> int:
        usable = [each.usable_bytes for each in accounts.accounts()]
        return min([*usable, own()] if own else usable)

    return left


def perform(
    command: Sequence[str],
    setting: Setting,
    rules: Sequence[Rule] = (),
    *,
    traced: bool = True,
    record: bool = False,
    least_bytes: int,
    follow: bool | None = None,
    look: Callable[[Event], None] | None = None,
    looks: int = 0,
) -> Watched:
    """Run a program once; RunFailed where it was not ready in time, OSError as exec says, Stopped
    where that was asked for."""
    stop = setting.stop
    stop.check()
    stdin = os.open(setting.stdin, os.O_RDONLY | os.O_CLOEXEC)
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    try:
        with Listener(setting.ready) as listener:
            by_words = setting.ready is not None and setting.ready.pattern is not None
            tracer = Tracer(
                command,
                rules,
                traced=traced,
                record=record,
                least_bytes=least_bytes,
                follow=follow,
                reserve_bytes=accounts.accounts()[0].reserve_bytes,
                most_bytes=setting.most_bytes,
                available=_available(setting),
                look=look,
                looks=looks,
                before=setting.before,
                streams=(stdin, listener.fd if by_words else null, listener.fd),
            )
            with tracer, stop.ending(lambda: tracer.signal(signal.SIGKILL)):
                load_ms = _attend(tracer, listener, setting)
            end = tracer.end()
            events = tracer.events()
            ready_ns = listener.ready_ns
        run = _figures(end, events, ready_ns and ready_ns - tracer.began_ns, load_ms)
        return Watched(run, events, end, listener.tail, tracer.began_ns)
    finally:
        os.close(stdin)
        os.close(null)


def _attend(tracer: Tracer, listener: Listener, setting: Setting) -> float | None:
    """Wait for the end of a program, or until it is ready, and then for its load; its time."""
    deadline = time.monotonic() + setting.timeout_s
    load_ms = None
    if setting.ready:
        while not listener.wait(0.02):
            if tracer.wait(0):
                listener.close_writer()
                listener.wait(0.2)  # what it said last may not be read yet
                if listener.ready_ns is None:
                    raise RunFailed(f"it ended before it was ready{_said(listener)}")
                break
            if time.monotonic() > deadline:
                raise RunFailed(f"it was not ready within {setting.timeout_s:g} s{_said(listener)}")
        if setting.load:
            load_ms = _load(setting, deadline)
        tracer.signal(signal.SIGTERM)
        if not tracer.wait(GRACE_S):
            tracer.signal(signal.SIGKILL)
    if not tracer.wait(max(0.0, deadline - time.monotonic()) + GRACE_S * bool(setting.ready)):
        raise RunFailed(f"it did not end within {setting.timeout_s:g} s: see --timeout")
    return load_ms


def _load(setting: Setting, deadline: float) -> float:
    began = time.monotonic_ns()
    try:
        done = setting.stop.run(
            setting.load,
            timeout_s=max(1.0, deadline - time.monotonic()),
            stdout=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise RunFailed(f"the load did not end within {setting.timeout_s:g} s") from None
    except OSError as error:
        raise RunFailed(f"the load could not be run: {setting.load[0]}: {error.strerror}") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise RunFailed(
            f"the load failed (exit status {done.returncode}){': ' + said[-1] if said else ''}"
        )
    return (time.monotonic_ns() - began) / NS_PER_MS


def _said(listener: Listener) -> str:
    lines = listener.tail.strip().splitlines()
    return f"; its last words: {lines[-1]}" if lines else ""


def _figures(end: End, events: Sequence[Event], ready_ns: int | None, load_ms: float | None) -> Run:
    refused: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    advised = size = spent = 0
    for event in events:
        if event.rule is not None and event.refused:
            refused[event.refused] += 1
        for each in event.injected:
            spent += each.elapsed_ns
            if each.errno:
                errors[f"{each.advice}: {each.errno}"] += 1
        if event.injected or event.dropped:
            advised += 1
            size += event.advised_length if event.injected else event.length
    return Run(
        wall_ms=end.wall_ns / NS_PER_MS,
        cpu_ms=end.cpu_ns / NS_PER_MS,
        minor_faults=end.minor_faults,
        major_faults=end.major_faults,
        peak_bytes=end.peak_bytes,
        ready_ms=None if ready_ns is None else ready_ns / NS_PER_MS,
        load_ms=load_ms,
        page_table_bytes=end.page_table_bytes,
        read_bytes=end.read_bytes,
        written_bytes=end.written_bytes,
        stops=end.stops,
        advised=advised,
        advised_bytes=size,
        advice_ms=spent / NS_PER_MS,
        errors=dict(errors),
        refused=dict(refused),
        left=end.left,
        status=end.status,
    )
