"""Let the worker watch, and collect what it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from prefault_kit import host
from prefault_kit.measure.worker import Event, Worker, WorkerDied, listen
from prefault_kit.studies.latency import beat
from prefault_kit.studies.latency.latencies import Latencies, Way
from prefault_kit.studies.latency.watch import Watch
from prefault_kit.studies.latency.ways import WAYS


@dataclass(frozen=True)
class Progress:
    """How far a watch is: the part done, 0 to 1, and what came so far."""

    part: float
    latencies: Latencies


def run(
    watch: Watch,
    ways: Sequence[str] = tuple(WAYS),
    *,
    worker: Worker | None = None,
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
    found = Latencies(watch, {}, refused, facts)

    def hear(event: Event) -> None:
        nonlocal found
        if "refused" in event:
            refused[event["refused"]] = event["reason"]
            return
        is_after = event["beats"] > watch.midst
        grown = {
            way: _longer(found.ways.get(way), times, event["faults"][way], is_after)
            for way, times in event["waits_ns"].items()
        }
        found = Latencies(watch, grown, refused, facts)
        if on_progress:
            on_progress(Progress(event["beats"] / watch.beats, found))

    try:
        listen(beat.perform, payload, hear, worker)
    except WorkerDied as death:
        raise OSError(str(death)) from death
    return found


def _longer(way: Way | None, times_ns: list[int], faults: int, is_after: bool) -> Way:
    """A way with the touches of a further slot of beats."""
    import numpy

    new = numpy.array(times_ns, "uint32")
    if way is None:
        way = Way(new[:0], 0, 0)
    return Way(
        numpy.concatenate([way.waits_ns, new]),
        way.faults_before + (0 if is_after else faults),
        way.faults_after + (faults if is_after else 0),
    )
