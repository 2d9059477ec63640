"""Let the worker watch, and collect what it tells."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from prefault_kit import host
from prefault_kit import worker as workers
from prefault_kit.latency.latencies import Latencies, Way
from prefault_kit.latency.watch import Watch
from prefault_kit.latency.ways import WAYS


@dataclass(frozen=True)
class Progress:
    """How far a watch is: the part done, 0 to 1, and what came so far."""

    part: float
    latencies: Latencies


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
        raise OSError(str(missing))
    refused = {way: why for way, why in watch.refused().items() if way in ways}
    facts = host.facts()
    payload = {
        "backing": asdict(watch.backing),
        "ways": [way for way in ways if way not in refused],
        "size_bytes": watch.size_bytes,
        "beats": watch.beats,
        "slot": watch.slot_beats,
        "midst": watch.midst,
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
