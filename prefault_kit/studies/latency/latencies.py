"""What a watch came to: how long each touch waited, in the order of time, and what that means."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from prefault_kit.memory.backing import Backing
from prefault_kit.studies.latency.watch import Watch

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

OWN_FAULTS = 4
"""So many may be of the process's own pages, beside those that are watched: after a fork they are
copied too."""
NEARLY = 0.9
POINTS = 100
"""Of a curve."""


@dataclass(frozen=True)
class Way:
    """What one way came to."""

    waits_ns: NDArray[numpy.uint32]
    """How long each touch took, in the order of time."""
    faults_before: int
    """Page faults of the touches up to the event."""
    faults_after: int


@dataclass(frozen=True)
class Latencies:
    """What a watch came to, by way, in the order of ``WAYS``."""

    watch: Watch
    ways: dict[str, Way]
    refused: dict[str, str] = field(default_factory=dict)
    """Ways that could not be prepared, or not be undone, and why."""
    host: dict[str, Any] = field(default_factory=dict)

    def _halves(self, way: str) -> tuple[NDArray[numpy.uint32], NDArray[numpy.uint32]]:
        """Waits before the event, and after it."""
        waits, midst = self.ways[way].waits_ns, self.watch.midst
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
        slot = self.watch.slot_beats
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


def _part(faults: int, touches: int) -> str:
    if faults <= OWN_FAULTS:
        return "none"
    return "all" if faults >= NEARLY * touches else "some"


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
    backing = Backing.of(watch.pop("backing"))
    return Latencies(Watch(backing, **watch), ways, about["refused"], about["host"])
