"""Run a program under ptrace(2), and let it execute advice that it does not contain.

The program is stopped at mmap(2), and at few other calls, from a least size on; everything else
runs at full speed. Where a mapping matches a rule it executes one more system call for each advice
of the rule, and goes on as if nothing had been. Advice that could change what memory holds is
refused, and so is what is listed in :data:`REFUSALS`: a refused advice is told, never an error.

The program has no new privileges (``PR_SET_NO_NEW_PRIVS``), so a setuid program has none of its
owner's. It ends when the tracer does, however that happens.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefault_kit.kernel.errors import ERRNO_NAMES, check
from prefault_kit.kernel.native import ffi, lib
from prefault_kit.kernel.syscalls import ADVICE, MAP, PAGE_SIZE_BYTES

KINDS: dict[str, int] = {
    "anonymous private": lib.PF_KIND_ANON_PRIVATE,
    "anonymous shared": lib.PF_KIND_ANON_SHARED,
    "file private": lib.PF_KIND_FILE_PRIVATE,
    "file shared": lib.PF_KIND_FILE_SHARED,
    "memfd": lib.PF_KIND_MEMFD,
    "hugetlb": lib.PF_KIND_HUGETLB,
    "heap": lib.PF_KIND_HEAP,
}
"""What a mapping may be; the heap is what brk(2) moves."""

MOMENTS: dict[str, int] = {
    "mmap": lib.PF_MOMENT_MMAP,
    "advice": lib.PF_MOMENT_ADVICE,
    "writable": lib.PF_MOMENT_WRITABLE,
}
"""When advice is given: as a mapping is made, after the program's own advice, or as mprotect(2)
makes it writable."""

MLOCK_ONFAULT = "MLOCK_ONFAULT"
"""Stands among advice for mlock2(2) with that flag."""
INJECTED: dict[str, int] = {
    **{
        f"MADV_{name}": ADVICE[f"MADV_{name}"]
        for name in (
            "NORMAL RANDOM SEQUENTIAL WILLNEED HUGEPAGE NOHUGEPAGE COLD PAGEOUT POPULATE_READ "
            "POPULATE_WRITE COLLAPSE"
        ).split()
    },
    MLOCK_ONFAULT: lib.PF_INJECT_MLOCK_ONFAULT,
}
"""The advice that a program may be let execute: all that keeps what memory holds."""
MOST_ADVICES = 4

REFUSALS: dict[int, str] = {
    lib.PF_REFUSED_NO_ACCESS: "it may not be accessed (PROT_NONE: address space that is reserved)",
    lib.PF_REFUSED_STACK: "it is a stack",
    lib.PF_REFUSED_DEVICE: "it is no regular file's: device memory is left alone",
    lib.PF_REFUSED_MEMORY: "not enough memory is free for it",
    lib.PF_REFUSED_SHARED_FILE: "it would make pages of a file dirty, and no file is written",
    lib.PF_REFUSED_NOT_WRITABLE: "it may not be written",
    lib.PF_REFUSED_HOLES: "it would fill holes of a file on tmpfs, which would stay",
    lib.PF_REFUSED_FILTERED: "the program filters its own system calls (seccomp)",
    lib.PF_REFUSED_CONTENT: "that advice may change what memory holds",
    lib.PF_REFUSED_SETUID: "the program is setuid, and has no privilege when it is traced",
    lib.PF_REFUSED_HANDLES: "the program handles page faults itself (userfaultfd)",
    lib.PF_REFUSED_LOCKS: "the program may lock little memory itself, and would lack it",
}
"""Why an advice was not given, by number."""

EVENTS: dict[int, str] = {
    lib.PF_EVENT_MMAP: "mmap",
    lib.PF_EVENT_MREMAP: "mremap",
    lib.PF_EVENT_PROTECT: "mprotect",
    lib.PF_EVENT_ADVICE: "madvise",
    lib.PF_EVENT_EXEC: "exec",
    lib.PF_EVENT_EXIT: "exit",
    lib.PF_EVENT_FILTERS: "seccomp",
    lib.PF_EVENT_TRACES: "ptrace",
    lib.PF_EVENT_MUNMAP: "munmap",
    lib.PF_EVENT_HANDLES: "userfaultfd",
}

LEAST_BYTES = 1 << 20
"""What is smaller is not looked at: the program is not even stopped."""
ANY_BYTES = 1 << 62
MOST_RULES = 16
_CAPACITY = 1024
MOST_BATCHES = 256
"""Of so many events; those that come then are counted, and not kept."""
LONGEST_PATH_BYTES = 255
"""Of an event: what is behind it is cut."""


@dataclass(frozen=True)
class Rule:
    """Which mappings a program is let advise, and how; sizes in bytes.

    >>> Rule(("MADV_POPULATE_WRITE",), least_bytes=1 << 24, kinds=("anonymous private",)).moment
    'mmap'
    >>> Rule(("MADV_DONTNEED",))
    Traceback (most recent call last):
        ...
    ValueError: MADV_DONTNEED may change what memory holds: only MADV_NORMAL, MADV_RANDOM, ...
    """

    advices: tuple[str, ...] = ()
    """Of :data:`INJECTED`, in order; at most 4."""
    least_bytes: int = LEAST_BYTES
    most_bytes: int = ANY_BYTES
    kinds: tuple[str, ...] = tuple(KINDS)
    access: str = ""
    """What it must permit: letters of ``rwx``."""
    path: str = ""
    """A pattern as of fnmatch(3), held against the file's path; empty for any, or none."""
    moment: str = "mmap"
    drop_populate: bool = False
    """Leave MAP_POPULATE out."""
    drop_advice: bool = False
    """Leave the program's own advice out, where it keeps what memory holds."""

    def __post_init__(self) -> None:
        for name in self.advices:
            if name not in INJECTED:
                raise ValueError(
                    f"{name} may change what memory holds: only {', '.join(INJECTED)} are given"
                )
        if len(self.advices) > MOST_ADVICES:
            raise ValueError(f"a rule has at most {MOST_ADVICES} advices, not {len(self.advices)}")
        for kind in self.kinds:
            if kind not in KINDS:
                raise ValueError(f"{kind!r} is no kind of mapping: choose of {', '.join(KINDS)}")
        if self.moment not in MOMENTS:
            raise ValueError(f"{self.moment!r} is no moment: choose of {', '.join(MOMENTS)}")
        if not set(self.access) <= set("rwx"):
            raise ValueError(f"access is made of r, w and x, not {self.access!r}")
        if not 0 < self.least_bytes <= self.most_bytes <= ANY_BYTES:
            raise ValueError(
                f"a mapping's size is from {self.least_bytes} to {self.most_bytes} bytes: "
                "the least must be above 0 and not above the most"
            )
        if len(os.fsencode(self.path)) > 255 or "\0" in self.path:
            raise ValueError("a pattern of paths has at most 255 bytes, and no null byte")


@dataclass(frozen=True)
class Injection:
    """One advice that the program was let execute."""

    advice: str
    errno: str | None
    """The name of its error, None if it succeeded."""
    elapsed_ns: int
    """With the switches to the tracer and back."""


@dataclass(frozen=True)
class Event:
    """One thing that a traced program did, and what it was let do there; sizes in bytes."""

    what: str
    """Of :data:`EVENTS`."""
    pid: int
    tid: int
    time_ns: int
    """Since the program began."""
    address: int
    length: int
    offset: int
    kind: str | None
    access: str
    """``rw-`` and the like."""
    flags: int
    """MAP_* bits."""
    path: str
    error: str | None
    """The name of the errno of the program's own call."""
    advice: str | None
    """What the program advised itself, its name or its number."""
    rule: int | None
    """The index of the rule that matched."""
    refused: str | None
    """Why (the rest of) the rule's advice was not given."""
    dropped: bool
    """MAP_POPULATE, or the program's own advice, was left out."""
    advised_address: int
    advised_length: int
    injected: tuple[Injection, ...]
    ip: int
    sp: int
    frame: int
    link: int

    @property
    def populates(self) -> bool:
        """Whether the program itself asks for its pages (MAP_POPULATE)."""
        return bool(self.flags & MAP["MAP_POPULATE"])


@dataclass(frozen=True)
class End:
    """How a program ended, and what it and the children that it waited for took."""

    status: int | None
    """The exit status; a negative number is the signal that ended it. None: it never began."""
    wall_ns: int
    """From just before exec until the kernel had taken the process down."""
    cpu_ns: int
    minor_faults: int
    major_faults: int
    peak_bytes: int
    """Resident set of the largest of its processes, at its highest."""
    page_table_bytes: int | None
    """As it ended; None where that was not seen."""
    read_bytes: int | None
    """Fetched from storage; None where this user may not know."""
    written_bytes: int | None
    processes: int
    threads: int
    left: int
    """Processes that still ran as it ended; they were ended too."""
    stops: int
    """How often a thread stood still for the tracer."""
    injections: int
    refusals: int
    traces: bool
    """It wanted to trace others itself, and was ended therefore."""
    lost: int = 0
    """Events that were not kept: there were too many."""


def find_program(name: str) -> str:
    """The path of a program, as a shell finds it; FileNotFoundError or PermissionError."""
    found = shutil.which(name)
    if found:
        return os.path.abspath(found)
    if os.path.exists(name) and os.sep in name:
        raise PermissionError(13, "it is not executable", name)
    raise FileNotFoundError(2, "there is no such program", name)


class Tracer:
    """A program that runs in the hands of a thread of this process; a context manager.

    ``rules`` are tried in order, the first that matches counts. With ``traced=False`` the program
    runs as it is. ``look`` is called while a thread stands at a mapping that matches, at most
    ``looks`` times; ``available`` says how many bytes may be populated, beside the machine's
    available memory less ``reserve_bytes`` (None: there is no other limit). ``before`` is called
    with the process id when the program does not run yet. All three run in the tracer's thread.
    """

    def __init__(
        self,
        command: Sequence[str],
        rules: Sequence[Rule] = (),
        *,
        traced: bool = True,
        record: bool = False,
        least_bytes: int = LEAST_BYTES,
        follow: bool | None = None,
        reserve_bytes: int = 0,
        most_bytes: int = 0,
        available: Callable[[], int] | None = None,
        look: Callable[[Event], None] | None = None,
        looks: int = 0,
        before: Callable[[int], None] | None = None,
        streams: tuple[int, int, int] = (-1, -1, -1),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        if not command:
            raise ValueError("a command is needed: what is to be run?")
        if any("\0" in word for word in command):
            raise ValueError("a command has no null byte")
        if len(rules) > MOST_RULES:
            raise ValueError(f"there are at most {MOST_RULES} rules, not {len(rules)}")
        self.command = tuple(command)
        self.rules = tuple(rules)
        self.pid: int | None = None
        self._available, self._look, self._before = available, look, before
        self._path = find_program(command[0])
        least = min((each.least_bytes for each in rules), default=least_bytes)
        if record:
            least = min(least, least_bytes)
        plan: Any = ffi.new("pf_trace_plan *")
        self._plan = plan
        plan.traced = traced
        plan.rules = len(rules)
        plan.record = record
        plan.follow = (
            any(each.moment != "mmap" or each.drop_advice for each in rules)
            if follow is None
            else follow
        )
        plan.heap = record or any("heap" in each.kinds for each in rules)
        plan.looks = looks if look else 0
        plan.limited = available is not None
        plan.fds = streams
        plan.least_bytes = max(least, PAGE_SIZE_BYTES)
        plan.reserve_bytes = reserve_bytes
        plan.most_bytes = most_bytes
        self._environment = dict(os.environ if environment is None else environment)
        self._batches: list[tuple[Any, int]] = []
        self._lost = 0
        self._tracer: Any = None
        self._lock = threading.Lock()
        self._begun = threading.Event()
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._end: Any = ffi.new("pf_trace_end *")
        self._thread = threading.Thread(target=self._work, name="tracer", daemon=True)

    def __enter__(self) -> Tracer:
        self._thread.start()
        try:
            self._begun.wait()
        except BaseException:
            self.signal(9)
            raise
        if self._error:
            self._thread.join()
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        self.signal(9)
        self._thread.join()

    def signal(self, number: int) -> None:
        """Send the program a signal; nothing happens once it has ended.

        Without a tracer it is SIGKILL for SIGKILL, and SIGTERM for any other.
        """
        with self._lock:
            if self._tracer is not None:
                lib.pf_tracer_signal(self._tracer, number)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the program has ended; whether it has. Raises what a callback raised."""
        done = self._over.wait(timeout_s)
        if done and self._error:
            raise self._error
        return done

    @property
    def began_ns(self) -> int:
        """When the program began (CLOCK_MONOTONIC); after the end."""
        return int(self._end.began_ns)

    def events(self) -> list[Event]:
        """What was seen, in order; after the end."""
        began = self._end.began_ns
        return [
            _event(batch[index], self.rules, began)
            for batch, count in self._batches
            for index in range(count)
        ]

    def end(self) -> End:
        """How it ended; after the end. OSError where the program could not be executed."""
        found = self._end
        if found.error:
            raise OSError(found.error, os.strerror(found.error), self._path)
        ended = found.status != -1
        return End(
            status=os.waitstatus_to_exitcode(found.status) if ended else None,
            wall_ns=found.wall_ns,
            cpu_ns=found.cpu_ns,
            minor_faults=found.minor_faults,
            major_faults=found.major_faults,
            peak_bytes=found.peak_bytes,
            page_table_bytes=found.page_table_bytes or None,
            read_bytes=None if found.read_bytes < 0 else found.read_bytes,
            written_bytes=None if found.written_bytes < 0 else found.written_bytes,
            processes=found.processes,
            threads=found.threads,
            left=found.left,
            stops=found.stops,
            injections=found.injections,
            refusals=found.refusals,
            traces=bool(found.traces),
            lost=found.lost + self._lost,
        )

    def _work(self) -> None:
        try:
            self._start()
            self._begun.set()
            self._run()
        except BaseException as error:  # noqa: BLE001  # raised again in wait
            self._error = error
        finally:
            with self._lock:
                if self._tracer is not None:
                    lib.pf_tracer_end(self._tracer, self._end)
                    lib.pf_tracer_free(self._tracer)
                    self._tracer = None
            self._begun.set()
            self._over.set()

    def _start(self) -> None:
        words = [ffi.new("char[]", os.fsencode(each)) for each in self.command]
        pairs = [
            ffi.new("char[]", os.fsencode(f"{name}={value}"))
            for name, value in self._environment.items()
        ]
        rules: Any = ffi.new("pf_rule[]", max(1, len(self.rules)))
        for native, rule in zip(rules, self.rules, strict=False):
            _fill(native, rule)
        made = ffi.new("pf_tracer **")
        pid = lib.pf_tracer_start(
            made,
            self._plan,
            rules,
            os.fsencode(self._path),
            ffi.new("char *[]", [*words, ffi.NULL]),
            ffi.new("char *[]", [*pairs, ffi.NULL]),
        )
        self.pid = check(pid, f"tracing {self.command[0]}")
        with self._lock:
            self._tracer = made[0]
        if self._before:
            self._before(pid)

    def _run(self) -> None:
        count = ffi.new("size_t *")
        while True:
            batch: Any = ffi.new("pf_trace_event[]", _CAPACITY)
            self._batches.append((batch, 0))
            what = lib.PF_TRACER_LOOK
            while what in (lib.PF_TRACER_LOOK, lib.PF_TRACER_ASK):
                start = self._batches[-1][1]
                what = check(
                    lib.pf_tracer_run(self._tracer, batch + start, _CAPACITY - start, count),
                    "wait4",
                )
                self._batches[-1] = (batch, start + count[0])
                if what == lib.PF_TRACER_ASK and self._available:
                    lib.pf_tracer_allow(self._tracer, max(0, self._available()))
                elif what == lib.PF_TRACER_LOOK and self._look:
                    at: Any = ffi.new("pf_trace_event *")
                    lib.pf_tracer_asked(self._tracer, at)
                    self._look(_event(at[0], self.rules, 0))
            if len(self._batches) > MOST_BATCHES:
                self._lost += self._batches.pop()[1]
            if what == lib.PF_TRACER_ENDED:
                return


def _fill(native: Any, rule: Rule) -> None:
    native.least_bytes = rule.least_bytes
    native.most_bytes = rule.most_bytes
    native.kinds = sum(KINDS[each] for each in set(rule.kinds))
    native.prot = sum({"r": lib.PROT_READ, "w": lib.PROT_WRITE, "x": lib.PROT_EXEC}[each]
                      for each in set(rule.access))  # fmt: skip
    native.moment = MOMENTS[rule.moment]
    native.drop_populate = rule.drop_populate
    native.drop_advice = rule.drop_advice
    native.count = len(rule.advices)
    native.path = os.fsencode(rule.path)
    for index, name in enumerate(rule.advices):
        native.advice[index] = INJECTED[name]


_KIND_NAMES = {number: name for name, number in KINDS.items()}
_ADVICE_NAMES = {number: name for name, number in ADVICE.items()}


def _errno(number: int) -> str | None:
    return ERRNO_NAMES.get(number, str(number)) if number else None


def _event(native: Any, rules: Sequence[Rule], began_ns: int) -> Event:
    rule: int | None = None if native.rule < 0 else int(native.rule)
    advices = () if rule is None else rules[rule].advices
    injected = tuple(
        Injection(name, _errno(native.errors[each]), native.took_ns[each])
        for each, name in enumerate(advices[: native.injected])
    )
    letters = zip("rwx", (lib.PROT_READ, lib.PROT_WRITE, lib.PROT_EXEC), strict=True)
    advised = native.what == lib.PF_EVENT_ADVICE
    return Event(
        what=EVENTS[native.what],
        pid=native.pid,
        tid=native.tid,
        time_ns=native.time_ns - began_ns,
        address=native.address,
        length=native.length,
        offset=native.offset,
        kind=_KIND_NAMES.get(native.kind),
        access="".join(letter if native.prot & bit else "-" for letter, bit in letters),
        flags=native.flags,
        path=os.fsdecode(ffi.string(native.path)),
        error=_errno(native.error),
        advice=_ADVICE_NAMES.get(native.advice, str(native.advice)) if advised else None,
        rule=rule,
        refused=REFUSALS[native.refused] if native.refused else None,
        dropped=bool(native.dropped),
        advised_address=native.inject_address,
        advised_length=native.inject_length,
        injected=injected,
        ip=native.ip,
        sp=native.sp,
        frame=native.frame,
        link=native.link,
    )
