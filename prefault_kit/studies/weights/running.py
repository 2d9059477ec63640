"""Run plans in the worker: the ways take turns, each in a process of its own, and in a second one.

Each load is a forked child, so that what is killed for its memory is a way that failed, and not the
run. A child may live in a memory cgroup. Before each repetition the file is brought into its start
state.
"""

from __future__ import annotations

import errno
import functools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from prefault_kit import host
from prefault_kit.host import Unavailable, features
from prefault_kit.kernel import page_cache
from prefault_kit.measure import forked, memory_group
from prefault_kit.measure.interleaving import interleave
from prefault_kit.measure.limits import MOST_REPEATS, check_whole_number
from prefault_kit.measure.worker import Event, Worker, WorkerDied, listen
from prefault_kit.memory import failing_file, slow_file
from prefault_kit.memory.backing import Backing
from prefault_kit.studies.weights import loading, tensors
from prefault_kit.studies.weights.loading import OK, Load
from prefault_kit.studies.weights.plan import Plan
from prefault_kit.studies.weights.result import Found, Repetition
from prefault_kit.studies.weights.tensors import Span
from prefault_kit.studies.weights.ways import USUAL, Way
from prefault_kit.studies.weights.ways import way as way_of

READ_AT_ONCE_BYTES = 1 << 20


@dataclass(frozen=True)
class Progress:
    """How far a run is: repetitions done, and in all; and what is under way."""

    done: int
    of: int
    what: str


def run(
    plan: Plan,
    ways: Sequence[str] = USUAL,
    *,
    repeats: int = 3,
    worker: Worker | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> Found:
    """Run one plan, see :func:`run_many`."""
    return run_many([plan], ways, repeats=repeats, worker=worker, on_progress=on_progress)[0]


def run_many(
    plans: Sequence[Plan],
    ways: Sequence[str] = USUAL,
    *,
    repeats: int = 3,
    worker: Worker | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> list[Found]:
    """Try ways of :data:`~prefault_kit.studies.weights.ways.WAYS` on each plan, interleaved.

    Plans that speak of the same file share it, and their loads take turns. What a plan needs and
    this host lacks is said in ``missing`` of its result. OSError where a worker dies or a file
    cannot be had; ValueError for a way that there is not, or a header that lies; see
    :mod:`prefault_kit.measure.worker` for WorkerStopped and WorkerBusy.
    """
    check_whole_number("repeats", repeats, 1, MOST_REPEATS)
    for name in ways:
        way_of(name)
    found = [Found(plan, missing=_why_not(plan)) for plan in plans]
    loads: dict[tuple[int, str], list[Repetition]] = {}
    sizes: dict[int, tuple[int, int]] = {}
    todo = [number for number, each in enumerate(found) if not each.missing]
    total = len(todo) * len(ways) * (repeats + 1)
    done = 0

    def hear(event: Event) -> None:
        nonlocal done
        if "wrong" in event:
            raise ValueError(event["wrong"])
        if "failed" in event:
            raise OSError(event["errno"], event["failed"])
        if "making" in event:
            if on_progress:
                on_progress(Progress(0, total, "making a file, or opening it"))
        elif "missing" in event:
            number = event["plan"]
            found[number] = replace(found[number], missing=Unavailable(*event["missing"]))
        elif "used_bytes" in event:
            sizes[event["plan"]] = (event["size_bytes"], event["used_bytes"])
        else:
            done += 1
            if event["repetition"]:
                repetition = Repetition(
                    Load(**event["first"]), Load(**event["second"]) if event["second"] else None
                )
                loads.setdefault((event["plan"], event["way"]), []).append(repetition)
            if on_progress:
                what = f"{event['way']}, {plans[event['plan']].situation}"
                on_progress(Progress(done, total, what))

    payload = {
        "plans": [[number, asdict(plans[number])] for number in todo],
        "ways": list(ways),
        "repeats": repeats,
    }
    if todo:
        try:
            listen(perform, payload, hear, worker)
        except WorkerDied as death:
            raise OSError(str(death)) from death
    facts = host.facts()
    return [
        each
        if each.missing
        else replace(
            each,
            entries={name: tuple(loads[number, name]) for name in ways},
            size_bytes=sizes[number][0],
            used_bytes=sizes[number][1],
            facts=facts,
        )
        for number, each in enumerate(found)
    ]


def why_not(plan: Plan) -> Unavailable | None:
    """What stops a plan on this host; None if nothing does."""
    if missing := _why_not(plan):
        return missing
    lacking: list[Unavailable] = []

    def hear(event: Event) -> None:
        if "missing" in event:
            lacking.append(Unavailable(*event["missing"]))

    listen(ask, asdict(plan), hear)
    return lacking[0] if lacking else None


def _why_not(plan: Plan) -> Unavailable | None:
    """What can be told without a child: room for the file, and for two copies of it in memory."""
    size_bytes = os.stat(plan.path).st_size if plan.path is not None else plan.size_bytes
    if plan.limit_bytes is None and (
        missing := host.why_not(
            backing=Backing.anon(),
            sharing="private",
            method="POPULATE_WRITE",
            size_bytes=tensors.whole_pages(2 * size_bytes),
        )
    ):
        return missing
    if plan.limit_bytes is not None and (missing := memory_group.why_not()):
        return missing
    if plan.wait_us or plan.path is not None:
        return None
    return host.why_not(
        backing=Backing.file(plan.directory),
        sharing="shared",
        method="Read",
        size_bytes=plan.size_bytes,
        start="cold",
    )


def ask(payload: dict[str, Any]) -> Iterator[Event]:
    """In the worker: what only a child can find out of a plan."""
    if missing := _slow_missing(Plan(**payload)):
        yield {"missing": [missing.reason, missing.command]}


@functools.cache
def _fuse_missing() -> Unavailable | None:
    return features.failing_file(forked.ended(failing_file.mount))


def _slow_missing(plan: Plan) -> Unavailable | None:
    return _fuse_missing() if plan.wait_us else None


@dataclass(frozen=True)
class _Case:
    """A plan in the worker: its file, what of it is used, and how a child begins."""

    number: int
    plan: Plan
    fd: int
    spans: list[Span]
    enter: Callable[[], None]

    def reset(self) -> None:
        """Bring the file into its start state; OSError EBUSY where it cannot be evicted."""
        if self.plan.start == "warm":
            for offset in range(0, os.fstat(self.fd).st_size, READ_AT_ONCE_BYTES):
                os.pread(self.fd, READ_AT_ONCE_BYTES, offset)
        elif left := page_cache.evict(self.fd):
            raise OSError(
                errno.EBUSY,
                f"{left} pages of the file stay in the page cache, so it cannot start cold: "
                "another process uses it",
            )


def perform(payload: dict[str, Any]) -> Iterator[Event]:
    """In the worker: every plan by every way, interleaved; each round begins with another."""
    plans = [(number, Plan(**fields)) for number, fields in payload["plans"]]
    with ExitStack() as stack:
        try:
            cases = []
            files: dict[tuple[object, ...], tuple[int, list[tensors.Tensor]]] = {}
            for number, plan in plans:
                if missing := _slow_missing(plan):
                    yield {"plan": number, "missing": [missing.reason, missing.command]}
                    continue
                if plan.file not in files:
                    yield {"making": True}
                    files[plan.file] = _file(plan, stack)
                case = _case(number, plan, *files[plan.file], stack)
                cases.append(case)
                yield {
                    "plan": number,
                    "size_bytes": os.fstat(case.fd).st_size,
                    "used_bytes": sum(run.length for run in tensors.runs(case.spans)),
                }
            rows = [(case, way_of(name)) for name in payload["ways"] for case in cases]
            for repetition, _, (case, way) in interleave(rows, payload["repeats"], turning=True):
                case.reset()
                first, second = _both(case, way)
                yield {
                    "plan": case.number,
                    "way": way.name,
                    "repetition": repetition,
                    "first": first.as_dict(),
                    "second": second.as_dict() if second else None,
                }
        except ValueError as error:
            yield {"wrong": str(error)}
        except OSError as error:
            yield {"failed": error.strerror or str(error), "errno": error.errno or errno.EIO}


def _file(plan: Plan, stack: ExitStack) -> tuple[int, list[tensors.Tensor]]:
    """The file of a plan, open for reading, and its tensors; closed by ``stack``."""
    if plan.wait_us:
        fd = stack.enter_context(slow_file.opened(plan.size_bytes, plan.wait_us, plan.depth))
        head, _ = tensors.layout(plan.size_bytes, plan.tensors)
        return fd, tensors.slices(plan.size_bytes, plan.tensors, begin=head)
    if plan.path is not None:
        fd = os.open(plan.path, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, fd)
        return fd, tensors.of_file(fd)
    fd = tensors.made(plan.directory, plan.size_bytes, plan.tensors)
    stack.callback(os.close, fd)
    return fd, tensors.of_file(fd)


def _case(number: int, plan: Plan, fd: int, there: list[tensors.Tensor], stack: ExitStack) -> _Case:
    if not there:
        raise ValueError("the file has no tensor of at least a byte: there is nothing to load")
    spans = [tensors.span(each) for each in tensors.spread(there, plan.used)]
    enter: Callable[[], None] = _stay
    if plan.limit_bytes is not None:
        enter = stack.enter_context(memory_group.limited(plan.limit_bytes))
    return _Case(number, plan, fd, spans, enter)


def _stay() -> None:
    """What a child does that runs in no cgroup of its own."""


def _both(case: _Case, way: Way) -> tuple[Load, Load | None]:
    """Load in a process, and then, while it lives, in a second one."""

    def loading_(tell: Callable[[str], None]) -> None:
        case.enter()
        loading.load(
            way,
            case.fd,
            case.spans,
            window_bytes=case.plan.window_bytes,
            threads=case.plan.threads,
            tell=lambda found: tell(json.dumps(found.as_dict())),
        )

    with forked.held(loading_) as said:
        first = _heard(said)
        if first.ended != OK or not case.plan.second:
            return first, None
        with forked.held(loading_) as said_then:
            return first, _heard(said_then)


def _heard(said: str) -> Load:
    return Load(**json.loads(said)) if said.startswith("{") else Load(ended=said)
