"""Run a probe in the worker and collect what it reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from prefault_kit import host
from prefault_kit.measure.worker import Event, Worker, WorkerDied, listen
from prefault_kit.studies.latency import sampling
from prefault_kit.studies.latency.latencies import Latencies, Samples
from prefault_kit.studies.latency.preparations import PREPARATIONS
from prefault_kit.studies.latency.probe import Probe


@dataclass(frozen=True)
class ProbeProgress:
    """How far a probe is: the part done, 0 to 1, and the latencies so far."""

    part: float
    latencies: Latencies


def run(
    probe: Probe,
    preparations: Sequence[str] = tuple(PREPARATIONS),
    *,
    worker: Worker | None = None,
    on_progress: Callable[[ProbeProgress], None] | None = None,
) -> Latencies:
    """Run a probe in the worker.

    Raises OSError where this host has no room for it or the worker died; see
    :mod:`prefault_kit.measure.worker` for WorkerStopped and WorkerBusy.
    """
    if missing := probe.why_not():
        raise OSError(str(missing))
    refused = {name: why for name, why in probe.refused().items() if name in preparations}
    facts = host.facts()
    payload = {
        "backing": asdict(probe.backing),
        "preparations": [name for name in preparations if name not in refused],
        "size_bytes": probe.size_bytes,
        "touches": probe.touches,
        "slot_touches": probe.slot_touches,
        "touches_before": probe.touches_before,
        "period_us": probe.period_us,
        "event": probe.event,
    }
    found = Latencies(probe, {}, refused, facts)

    def hear(event: Event) -> None:
        nonlocal found
        if "refused" in event:
            refused[event["refused"]] = event["reason"]
            return
        is_after = event["touches"] > probe.touches_before
        samples = {
            name: _extended(found.samples.get(name), waits_ns, event["faults"][name], is_after)
            for name, waits_ns in event["waits_ns"].items()
        }
        found = Latencies(probe, samples, refused, facts)
        if on_progress:
            on_progress(ProbeProgress(event["touches"] / probe.touches, found))

    try:
        listen(sampling.sample, payload, hear, worker)
    except WorkerDied as death:
        raise OSError(str(death)) from death
    return found


def _extended(samples: Samples | None, waits_ns: list[int], faults: int, is_after: bool) -> Samples:
    """The samples with those of one more slot."""
    import numpy

    new = numpy.array(waits_ns, "uint32")
    if samples is None:
        samples = Samples(new[:0], 0, 0)
    return Samples(
        numpy.concatenate([samples.waits_ns, new]),
        samples.faults_before + (0 if is_after else faults),
        samples.faults_after + (faults if is_after else 0),
    )
