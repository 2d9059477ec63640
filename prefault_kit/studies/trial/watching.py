"""A run of a program that is watched: its faults by mapping, their waits, what was resident.

It takes longer than the runs that are timed, and so is none of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from prefault_kit.host import features
from prefault_kit.kernel.address_space import AddressSpace, Region
from prefault_kit.kernel.fault_waits import UNKNOWN_NS, FaultWaits
from prefault_kit.kernel.perf import TaskEvent
from prefault_kit.kernel.tracer import Event, Rule
from prefault_kit.studies.trial.mappings import LOOKS, MADE, Group, Numbering, Survey
from prefault_kit.studies.trial.result import FaultCounts, Resident, Seen, Wait
from prefault_kit.studies.trial.run import NS_PER_MS, Setting, Watched, perform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOOK_S = 0.05
"""Between two readings of the faults, at most."""
MOST_FAULTS = 1 << 21
"""So many are told apart; what comes after them counts as lost."""
FEW = 64
"""So many faults between two mappings are looked up one by one."""
ELSEWHERE = -1


@dataclass
class Faults:
    """What a program faulted, an entry each; arrays of shape (n,)."""

    time_ns: NDArray[np.int64]
    address: NDArray[np.uint64]
    pid: NDArray[np.uint32]
    major: NDArray[np.bool_]
    took_ns: NDArray[np.int64]
    """``UNKNOWN_NS`` where it is not known."""
    forks: list[TaskEvent] = field(default_factory=list)


class Recorder:
    """Records the faults of a program while it runs; hand :meth:`begin` to its tracer.

    Where that is forbidden the program runs all the same, and ``why_not`` says so.
    """

    def __init__(self) -> None:
        self.why_not: str | None = None
        self.kernel_included = True
        self.timed = False
        self.lost = 0
        self._waits: FaultWaits | None = None
        self._parts: list[tuple[Any, ...]] = []
        self._forks: list[TaskEvent] = []
        self._count = 0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, pid: int) -> None:
        """Watch a process that does not run yet, and all that it starts."""
        try:
            self._waits = FaultWaits(pid, children=True)
        except OSError as error:
            missing = features.fault_events()
            self.why_not = str(missing) if missing else (error.strerror or str(error)).lower()
            return
        self.kernel_included, self.timed = self._waits.kernel_included, self._waits.timed
        self._thread = threading.Thread(target=self._work, name="faults", daemon=True)
        self._thread.start()

    def end(self) -> Faults | None:
        """Let go; what was recorded, None where nothing could be."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._waits is None:
            return None
        if self.why_not is None:
            self._read()
        self.lost += self._waits.lost
        self._waits.close()
        self._waits = None
        return _joined(self._parts, self._forks)

    def _work(self) -> None:
        try:
            while not self._over.is_set():
                self._read()
                assert self._waits is not None
                self._waits.wait(LOOK_S)
        except (OSError, MemoryError) as error:
            self.why_not = str(error)

    def _read(self) -> None:
        assert self._waits is not None
        batch, took = self._waits.read()
        self._forks += [
            each for each in batch.tasks if each.kind == "fork" and each.pid != each.parent_pid
        ]
        room = max(0, MOST_FAULTS - self._count)
        self.lost += max(0, len(batch) - room)
        if len(batch) and room:
            some = (batch.time_ns, batch.address, batch.pid, batch.major, took)
            self._parts.append(tuple(each[:room].copy() for each in some))
            self._count += min(room, len(batch))


def _joined(parts: Sequence[tuple[Any, ...]], forks: list[TaskEvent]) -> Faults:
    """The columns of all readings."""
    import numpy  # here, so that importing the kit stays quick

    kinds = ("i8", "u8", "u4", "?", "i8")
    none = tuple(numpy.empty(0, kind) for kind in kinds)
    columns = [numpy.concatenate(each) for each in zip(none, *parts, strict=True)]
    return Faults(columns[0], columns[1], columns[2], columns[3], columns[4], forks)


def watch(
    command: Sequence[str],
    setting: Setting,
    rules: Sequence[Rule],
    groups: Sequence[Group],
    *,
    least_bytes: int,
) -> tuple[Seen, Watched]:
    """Run a program once in the hands of the tracer, and watch it; errors as of ``perform``."""
    recorder, survey = Recorder(), Survey()

    def before(pid: int) -> None:
        if setting.before:
            setting.before(pid)
        recorder.begin(pid)

    faults = None
    try:
        watched = perform(
            command,
            replace(setting, before=before),
            rules,
            record=True,
            follow=True,
            least_bytes=least_bytes,
            look=survey.look,
            looks=LOOKS,
        )
    finally:
        faults = recorder.end()
    numbers = Numbering(groups)
    of: dict[int, int] = {}
    for at, event in enumerate(watched.events):
        if event.what in MADE and event.kind and not event.error:
            number = numbers.of(event, survey.stack(event))
            of[at] = ELSEWHERE if number is None else number
    resident = _resident(watched.events, of, survey, len(groups))
    seen = Seen(resident, pss_bytes=survey.pss_bytes, why_not=recorder.why_not)
    if faults is None or recorder.why_not:
        return seen, watched
    where, counted = attribute(faults, watched, of)
    return _with_faults(seen, faults, where, counted, recorder, len(groups)), watched


def _resident(
    events: Sequence[Event], of: dict[int, int], survey: Survey, count: int
) -> tuple[Resident | None, ...]:
    used: list[dict[tuple[int, int], int]] = [{} for _ in range(count)]
    for at, number in of.items():
        size = survey.used_bytes(events[at])
        if number != ELSEWHERE and size is not None:
            used[number][events[at].pid, events[at].address] = size
    return tuple(Resident(sum(each.values()), len(each)) if each else None for each in used)


def attribute(faults: Faults, watched: Watched, of: dict[int, int]) -> tuple[Any, Any]:
    """The group of each fault by index, or :data:`ELSEWHERE`, shape (n,), and which of them count.

    ``of`` has the group of events that made a mapping. Faults from before the program was executed
    do not count: they are the tracer's.
    """
    import numpy

    order = numpy.argsort(faults.time_ns, kind="stable")
    times = faults.time_ns[order]
    where = numpy.full(len(order), ELSEWHERE, "i4")
    spaces: dict[int, AddressSpace] = {}
    begun: int | None = None
    at = 0
    for when, change in _changes(watched, of, faults.forks):
        until = int(numpy.searchsorted(times, when))
        _look_up(faults, order[at:until], spaces, where)
        at = until
        executed = change(spaces)
        if executed and begun is None:
            begun = when
    _look_up(faults, order[at:], spaces, where)
    counted = faults.time_ns >= (watched.began_ns if begun is None else begun)
    return where, counted


Change = Callable[[dict[int, AddressSpace]], bool]
"""Something that processes did to their mappings; whether it was to execute a program."""


def _changes(
    watched: Watched, of: dict[int, int], forks: Sequence[TaskEvent]
) -> Iterator[tuple[int, Change]]:
    """What changes mappings, in the order of time."""

    def executes(pid: int) -> Change:
        def change(spaces: dict[int, AddressSpace]) -> bool:
            spaces[pid] = AddressSpace()
            return True

        return change

    def forks_to(task: TaskEvent) -> Change:
        def change(spaces: dict[int, AddressSpace]) -> bool:
            if task.parent_pid in spaces:
                spaces[task.pid] = spaces[task.parent_pid].copy()
            return False

        return change

    def maps(event: Event, number: int) -> Change:
        def change(spaces: dict[int, AddressSpace]) -> bool:
            space = spaces.setdefault(event.pid, AddressSpace())
            space.add(Region(event.address, event.length, "---p", name=str(number)))
            return False

        return change

    found: list[tuple[int, Change]] = [(task.time_ns, forks_to(task)) for task in forks]
    for at, event in enumerate(watched.events):
        when = watched.began_ns + event.time_ns
        if event.what == "exec":
            found.append((when, executes(event.pid)))
        elif event.what == "munmap":
            found.append((when, maps(event, ELSEWHERE)))
        elif at in of:
            found.append((when, maps(event, of[at])))
    return iter(sorted(found, key=lambda each: each[0]))


def _look_up(faults: Faults, chosen: Any, spaces: dict[int, AddressSpace], where: Any) -> None:
    """Find the groups of faults between two changes."""
    import numpy

    if len(chosen) <= FEW:
        for each in chosen.tolist():
            space = spaces.get(int(faults.pid[each]))
            found = space.find(int(faults.address[each])) if space else None
            if found:
                where[each] = int(found.name)
        return
    for pid in numpy.unique(faults.pid[chosen]).tolist():
        regions = list(spaces.get(pid, ()))
        if not regions:
            continue
        mine = chosen[faults.pid[chosen] == pid]
        addresses = faults.address[mine]
        starts = numpy.array([each.address for each in regions], "u8")
        ends = numpy.array([each.end for each in regions], "u8")
        numbers = numpy.array([int(each.name) for each in regions], "i4")
        place = numpy.searchsorted(starts, addresses, side="right") - 1
        inside = (place >= 0) & (addresses < ends[place])
        where[mine[inside]] = numbers[place[inside]]


def _with_faults(
    seen: Seen, faults: Faults, where: Any, counted: Any, recorder: Recorder, count: int
) -> Seen:
    import numpy

    minor, major = (
        numpy.bincount(where[counted & mask] + 1, minlength=count + 1).tolist()
        for mask in (~faults.major, faults.major)
    )
    by_group = [FaultCounts(*each) for each in zip(minor, major, strict=True)]
    known = counted & (faults.took_ns != UNKNOWN_NS)
    longest = waited = None
    if recorder.timed:
        waited = int(faults.took_ns[known].sum()) / NS_PER_MS
    if known.any():
        at = int(numpy.argmax(numpy.where(known, faults.took_ns, UNKNOWN_NS)))
        group = None if where[at] == ELSEWHERE else int(where[at])
        longest = Wait(int(faults.took_ns[at]) / NS_PER_MS, group, bool(faults.major[at]))
    return replace(
        seen,
        faults=tuple(by_group[1:]),
        elsewhere=by_group[0],
        longest=longest,
        waited_ms=waited,
        lost=recorder.lost,
        kernel_included=recorder.kernel_included,
    )
