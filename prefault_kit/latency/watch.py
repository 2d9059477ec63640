"""A watch: what is asked, and what came of it, to be kept in a file."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from prefault_kit import host
from prefault_kit import worker as workers
from prefault_kit.backing import Backing
from prefault_kit.host import Unavailable, thp
from prefault_kit.latency.picture import draw
from prefault_kit.latency.ways import EVENTS, MEMORY, WAYS, event_problem
from prefault_kit.syscalls import PAGE_SIZE_BYTES

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

SLOTS = 120
"""Of a watch: as often it tells how far it is."""
OWN_FAULTS = 4
"""So many may be of the process's own pages, beside those that are watched: after a fork they are
copied too."""
NEARLY = 0.9
POINTS = 100
"""Of a curve."""
HALVES = ("before", "after")
FIGURES = ("p50", "p99.9", "worst", "faults")
"""Of each half, in a table of latencies; microseconds."""
HEADS = ("us", *(f"{name} {half}" for half in HALVES for name in FIGURES))
LOCKING = ("mlock", "mlock_on_fault")


@dataclass(frozen=True)
class Watch:
    """What to watch. ValueError says in a sentence what makes no sense, and what would."""

    backing: Backing
    """``anon`` (private), ``memfd`` or ``file`` (shared), of small pages."""
    seconds: float = 2.0
    period_us: int = 4000
    """From beat to beat; each touches a page of each mapping."""
    event: str = "nothing"
    """Of :data:`~prefault_kit.latency.ways.EVENTS`, halfway."""

    def __post_init__(self) -> None:
        if self.backing.kind not in MEMORY or self.backing.is_hugetlb:
            raise ValueError(f"memory is one of {', '.join(MEMORY)}, of small pages")
        if self.event not in EVENTS:
            raise ValueError(f"event is one of {', '.join(EVENTS)}, not {self.event!r}")
        if not self.period_us >= 100:
            raise ValueError("the beat is at least 100 microseconds long: each takes some work")
        if not 1 <= self.seconds <= 3600:
            raise ValueError(f"a watch takes 1 to 3600 seconds, not {self.seconds:g}")
        if problem := event_problem(self.event, self.backing):
            raise ValueError(problem)

    @property
    def beats(self) -> int:
        """How many touches each mapping meets."""
        return int(self.seconds * 1_000_000 / self.period_us)

    @property
    def event_s(self) -> float:
        """When the event begins, in seconds since the beginning."""
        return _midst(self.beats) * self.period_us / 1e6

    @property
    def size_bytes(self) -> int:
        """Of each mapping: a page a beat, in whole huge pages, so that it can be collapsed."""
        unit = thp.size_bytes() or PAGE_SIZE_BYTES
        return -(-self.beats * PAGE_SIZE_BYTES // unit) * unit

    def why_not(self) -> Unavailable | None:
        """What stops it on this host: room for all mappings, and for a copy of each."""
        return host.why_not(
            backing=self.backing,
            sharing=MEMORY[self.backing.kind],
            method="POPULATE_WRITE",
            size_bytes=2 * len(WAYS) * self.size_bytes,
            start="empty",
            threads=1,
        )

    def why_not_lock(self) -> Unavailable | None:
        """What stops this user from locking as much as it takes."""
        return host.why_not(
            backing=Backing.anon(),
            sharing="private",
            method="MLOCK",
            size_bytes=len(_locked()) * self.size_bytes,
            start="empty",
            threads=1,
        )

    def refused(self) -> dict[str, str]:
        """The ways that this user's limits rule out, and why."""
        missing = self.why_not_lock()
        if missing is None:
            return {}
        helps = f"; what would help: {missing.command}" if missing.command else ""
        return dict.fromkeys(_locked(), f"{missing.reason}{helps}")


def _locked() -> list[str]:
    """The ways that lock memory."""
    return [way for way, steps in WAYS.items() if set(steps) & set(LOCKING)]


@dataclass(frozen=True)
class Way:
    """What one way came to."""

    waits_ns: NDArray[numpy.uint32]
    """How long each touch took, in the order of time."""
    faults_before: int
    """Page faults of the touches up to the event."""
    faults_after: int


@dataclass(frozen=True)
class Progress:
    """How far a watch is: the part done, 0 to 1, and what came so far."""

    part: float
    latencies: Latencies


@dataclass(frozen=True)
class Latencies:
    """What a watch came to, by way, in the order of :data:`~prefault_kit.latency.ways.WAYS`."""

    watch: Watch
    ways: dict[str, Way]
    refused: dict[str, str] = field(default_factory=dict)
    """Ways that could not be prepared, or not be undone, and why."""
    host: dict[str, Any] = field(default_factory=dict)

    def _halves(self, way: str) -> tuple[NDArray[numpy.uint32], NDArray[numpy.uint32]]:
        """Waits before the event, and after it."""
        waits, midst = self.ways[way].waits_ns, _midst(self.watch.beats)
        return waits[:midst], waits[midst:]

    def quantiles_us(self, way: str) -> tuple[dict[str, float], dict[str, float]]:
        """``p50``, ``p999`` and ``max`` of the waits, in microseconds, before the event and after
        it; of no waits, NaN."""
        import numpy

        before, after = (
            {
                name: float(numpy.percentile(waits, part)) / 1000 if len(waits) else math.nan
                for name, part in (("p50", 50), ("p999", 99.9), ("max", 100))
            }
            for waits in self._halves(way)
        )
        return before, after

    def faulted(self, way: str) -> tuple[str, str]:
        """How many touches faulted, before the event and after it: ``none``, ``all`` or ``some``.

        A few faults of the process's own (:data:`OWN_FAULTS`) are none; and :data:`NEARLY` all are
        all, for an event takes a moment.
        """
        found = self.ways[way]
        before, after = (len(waits) for waits in self._halves(way))
        return _part(found.faults_before, before), _part(found.faults_after, after)

    def worst_us(self, way: str) -> tuple[list[float], list[float]]:
        """The worst wait of each slot: seconds since the beginning, and microseconds."""
        import numpy

        waits = self.ways[way].waits_ns
        slot = slot_beats(self.watch.beats)
        starts = numpy.arange(0, len(waits), slot)
        seconds = starts * self.watch.period_us / 1e6
        worst = numpy.maximum.reduceat(waits, starts) / 1000
        return list(map(float, seconds)), list(map(float, worst))

    def slower(self, way: str) -> tuple[list[float], list[float]]:
        """The distribution before the event, if there is one: microseconds, ascending, and the
        part of the waits that is as long or longer, in even steps of its logarithm."""
        import numpy

        whole = self.watch.event == "nothing"
        waits_ns = self.ways[way].waits_ns if whole else self._halves(way)[0]
        waits = numpy.sort(waits_ns)[::-1] / 1000
        most = numpy.log10(max(len(waits), 1))
        ranks = numpy.unique(numpy.logspace(0, most, POINTS).astype(int))[::-1]
        return list(map(float, waits[ranks - 1])), list(map(float, ranks / len(waits)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz that :func:`read` takes back."""
        import numpy

        watch = asdict(self.watch) | {"backing": self.watch.backing.kind}
        faults = {name: (way.faults_before, way.faults_after) for name, way in self.ways.items()}
        about = {"watch": watch, "faults": faults, "refused": self.refused, "host": self.host}
        arrays = {name: way.waits_ns for name, way in self.ways.items()}
        numpy.savez_compressed(path, **arrays, about=numpy.array(json.dumps(about)))  # type: ignore[arg-type]

    def rows(self) -> list[tuple[str, ...]]:
        """A table: what :data:`HEADS` says of each way."""
        return [(way, *self._cells(way)) for way in self.ways]

    def _cells(self, way: str) -> Iterator[str]:
        for values, faults in zip(self.quantiles_us(way), self.faulted(way), strict=True):
            yield from ("-" if math.isnan(each) else f"{each:,.1f}" for each in values.values())
            yield faults

    def __repr__(self) -> str:
        lines = [f"| {' | '.join(cells)} |" for cells in (HEADS, len(HEADS) * "-", *self.rows())]
        lines += [f"\n{name}: {reason}." for name, reason in self.refused.items()]
        return "\n".join(lines)

    _repr_markdown_ = __repr__

    def picture(self) -> Image:
        """The worst wait over time, and the distribution, for a notebook."""
        return Image(self)


@dataclass(frozen=True)
class Image:
    """A watch as a picture; its text is the table."""

    latencies: Latencies

    def __repr__(self) -> str:
        return repr(self.latencies)

    def _repr_png_(self) -> bytes:
        return draw(self.latencies)


def slot_beats(beats: int) -> int:
    """Beats of a slot."""
    return max(1, beats // SLOTS)


def _part(faults: int, touches: int) -> str:
    if faults <= OWN_FAULTS:
        return "none"
    return "all" if faults >= NEARLY * touches else "some"


def _midst(beats: int) -> int:
    """The beat before which an event happens."""
    return beats // 2 // slot_beats(beats) * slot_beats(beats)


def read(path: str | os.PathLike[str]) -> Latencies:
    """Read what :meth:`Latencies.save` wrote. OSError, or ValueError where it is no such file."""
    import numpy

    with numpy.load(path) as data:
        about = json.loads(str(data["about"]))
        ways = {
            name: Way(data[name], *(int(each) for each in faults))
            for name, faults in about["faults"].items()
        }
    watch = about["watch"]
    kind = watch.pop("backing")
    backing = Backing.file(".") if kind == "file" else Backing(kind, PAGE_SIZE_BYTES)
    return Latencies(Watch(backing, **watch), ways, about["refused"], about["host"])


def run(
    watch: Watch,
    ways: Sequence[str] = tuple(WAYS),
    *,
    worker: workers.Worker | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Latencies:
    """Watch in the worker. OSError where this host has no room for it, or the worker died; see
    ``worker.py`` for WorkerStopped and WorkerBusy."""
    if missing := watch.why_not():
        helps = f"; what would help: {missing.command}" if missing.command else ""
        raise OSError(f"{missing.reason}{helps}")
    refused = {way: why for way, why in watch.refused().items() if way in ways}
    facts = host.facts()
    payload = {
        "backing": asdict(watch.backing),
        "ways": [way for way in ways if way not in refused],
        "size_bytes": watch.size_bytes,
        "beats": watch.beats,
        "slot": slot_beats(watch.beats),
        "midst": _midst(watch.beats),
        "period_us": watch.period_us,
        "event": watch.event,
    }
    waits: dict[str, list[int]] = {}
    faults: dict[str, list[int]] = {}
    found = Latencies(watch, {}, refused, facts)
    stream = (worker or workers.shared()).stream("prefault_kit.latency.beat:perform", payload)
    with contextlib.closing(stream):  # type: ignore[type-var]  # ends the child if interrupted
        try:
            for event in stream:
                if "refused" in event:
                    refused[event["refused"]] = event["reason"]
                    continue
                is_after = event["beats"] > payload["midst"]
                for way, times in event["waits_ns"].items():
                    waits.setdefault(way, []).extend(times)
                    faults.setdefault(way, [0, 0])[is_after] += event["faults"][way]
                found = Latencies(watch, _ways(waits, faults), refused, facts)
                if on_progress:
                    on_progress(Progress(event["beats"] / watch.beats, found))
        except workers.WorkerDied as death:
            raise OSError(str(death)) from death
    return found


def _ways(waits: dict[str, list[int]], faults: dict[str, list[int]]) -> dict[str, Way]:
    import numpy

    return {way: Way(numpy.array(times, "uint32"), *faults[way]) for way, times in waits.items()}
