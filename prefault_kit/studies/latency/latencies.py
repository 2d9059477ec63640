"""What a probe measured: how long each touch took, in order of time, and what follows from that."""

from __future__ import annotations

import json
import math
import os
import zipfile
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from prefault_kit.memory.backing import Backing
from prefault_kit.studies.latency.events import NO_EVENT
from prefault_kit.studies.latency.probe import Probe

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

OWN_FAULTS = 4
"""So many faults may be on the worker's own pages: after a fork they are copied on write too."""
NEARLY_ALL = 0.9
CURVE_POINTS = 100


@dataclass(frozen=True)
class Samples:
    """What was measured on one mapping."""

    waits_ns: NDArray[numpy.uint32]
    """How long each touch took, in order of time."""
    faults_before: int
    """Page faults of the touches before the event."""
    faults_after: int


@dataclass(frozen=True)
class Latencies:
    """What a probe measured, by preparation, in the order of ``PREPARATIONS``."""

    probe: Probe
    samples: dict[str, Samples]
    refused: dict[str, str] = field(default_factory=dict)
    """Preparations that failed, or that the event was refused for, and why."""
    host: dict[str, Any] = field(default_factory=dict)

    def _halves(self, preparation: str) -> tuple[NDArray[numpy.uint32], NDArray[numpy.uint32]]:
        """Waits before the event, and after it."""
        waits_ns, before = self.samples[preparation].waits_ns, self.probe.touches_before
        return waits_ns[:before], waits_ns[before:]

    def quantiles_us(self, preparation: str) -> tuple[dict[str, float], dict[str, float]]:
        """``p50``, ``p999`` and ``max`` of the waits in microseconds, before the event and after
        it; NaN where there are no waits."""
        import numpy

        before, after = (
            {
                name: float(numpy.percentile(waits_ns, percent)) / 1000
                if len(waits_ns)
                else math.nan
                for name, percent in (("p50", 50), ("p999", 99.9), ("max", 100))
            }
            for waits_ns in self._halves(preparation)
        )
        return before, after

    def faulted(self, preparation: str) -> tuple[str, str]:
        """How many touches faulted, before the event and after it: ``none``, ``all`` or ``some``.

        Up to :data:`OWN_FAULTS` count as none. From :data:`NEARLY_ALL` on they count as all, since
        an event takes a moment.
        """
        found = self.samples[preparation]
        before, after = (len(waits_ns) for waits_ns in self._halves(preparation))
        return _share(found.faults_before, before), _share(found.faults_after, after)

    def worst_us(self, preparation: str) -> tuple[list[float], list[float]]:
        """The worst wait of each slot: seconds since the start, and microseconds."""
        import numpy

        waits_ns = self.samples[preparation].waits_ns
        starts = numpy.arange(0, len(waits_ns), self.probe.slot_touches)
        if not len(starts):
            return [], []
        seconds = starts * self.probe.period_us / 1e6
        worst_us = numpy.maximum.reduceat(waits_ns, starts) / 1000
        return list(map(float, seconds)), list(map(float, worst_us))

    def exceedance(self, preparation: str) -> tuple[list[float], list[float]]:
        """The distribution of the waits before the event, or of all where there is no event.

        Microseconds, ascending, and the fraction of the waits that are as long or longer, at
        :data:`CURVE_POINTS` points at most, evenly spaced on a logarithmic scale.
        """
        import numpy

        whole = self.probe.event == NO_EVENT
        waits_ns = self.samples[preparation].waits_ns if whole else self._halves(preparation)[0]
        if not len(waits_ns):
            return [], []
        waits_us = numpy.sort(waits_ns)[::-1] / 1000
        ranks = numpy.unique(
            numpy.logspace(0, numpy.log10(len(waits_us)), CURVE_POINTS).astype(int)
        )[::-1]
        return list(map(float, waits_us[ranks - 1])), list(map(float, ranks / len(waits_us)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz file that :func:`read` reads back."""
        import numpy

        probe = asdict(self.probe) | {"backing": self.probe.backing.kind}
        faults = {
            name: (samples.faults_before, samples.faults_after)
            for name, samples in self.samples.items()
        }
        # "watch" is the probe's name in the file format
        about = {"watch": probe, "faults": faults, "refused": self.refused, "host": self.host}
        arrays = {name: samples.waits_ns for name, samples in self.samples.items()}
        numpy.savez_compressed(path, **arrays, about=numpy.array(json.dumps(about)))  # type: ignore[arg-type]


def _share(faults: int, touches: int) -> str:
    if faults <= OWN_FAULTS:
        return "none"
    return "all" if faults >= NEARLY_ALL * touches else "some"


def read(path: str | os.PathLike[str]) -> Latencies:
    """Read what :meth:`Latencies.save` wrote. OSError, or ValueError if it is not such a file."""
    import numpy

    try:
        with open(path, "rb") as file, numpy.load(file) as data:
            about = json.loads(str(data["about"]))
            samples = {
                name: Samples(data[name], *(int(each) for each in faults))
                for name, faults in about["faults"].items()
            }
        probe = about["watch"]
        backing = Backing.of(probe.pop("backing"))
        return Latencies(Probe(backing, **probe), samples, about["refused"], about["host"])
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{os.fspath(path)} is not a recorded latency probe: {error}") from None
