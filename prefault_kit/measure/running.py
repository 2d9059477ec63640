"""Run cells in the worker, interleaved where they are compared, and report progress."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prefault_kit import host
from prefault_kit.measure import cell, notes
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.worker import Event, Worker, WorkerDied, listen


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    cell: int
    """Index into the list given to :func:`run_many`."""
    repetition: int
    """0 is the warm-up; the timed ones are 1 to ``repeats``."""
    repeats: int
    elapsed_ms: float
    phase: str
    """``prepare`` (the file is brought into its start state), ``repetition`` or ``follow_up``."""
    part: float = 1.0
    """How much of the phase is done, 0 to 1."""
    views: Result | None = None
    """After the warm-up, if ``early_views`` asked for it: what the result shows so far."""


def timed(result: Result, timings_ms: Sequence[float]) -> Result:
    """A result with these timings, and with the minimum, median and notes that follow."""
    result = replace(
        result,
        timings_ms=list(timings_ms),
        best_ms=min(timings_ms, default=None),
        median_ms=round(statistics.median(timings_ms), 6) if timings_ms else None,  # nanoseconds
    )
    return replace(result, notes=notes.about(result))


def run(
    experiment: Experiment,
    *,
    worker: Worker | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Run one cell in the worker.

    The outcome is ``unavailable`` (with reason and command) where this host cannot run it, and
    ``error`` where the kernel refused or the worker was killed. Raises WorkerStopped and
    WorkerBusy, see ``worker.py``.

    >>> from prefault_kit import Backing, Experiment, run
    >>> result = run(Experiment(Backing.anon(), "private", "POPULATE_WRITE", size_bytes=2 << 20))
    >>> result.outcome, len(result.timings_ms), result.populated_bytes
    ('ok', 10, 2097152)
    """
    return run_many([experiment], worker=worker, on_progress=on_progress)[0]


def run_many(
    experiments: Sequence[Experiment],
    *,
    worker: Worker | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    early_views: bool = False,
) -> list[Result]:
    """Run cells that are to be compared: repetition r of every cell comes before r + 1 of any.

    >>> from prefault_kit import Backing, Experiment, run_many
    >>> names = ("Write", "POPULATE_WRITE")
    >>> cells = [Experiment(Backing.anon(), "private", name, size_bytes=1 << 20) for name in names]
    >>> [result.faults["major"] for result in run_many(cells)]
    [0, 0]

    They share one file, so they must agree in backing, size and start: ValueError otherwise. With
    ``early_views`` the progress of each warm-up shows the views already. As :func:`run` for each.
    """
    if len({(each.backing, each.size_bytes, each.start) for each in experiments}) > 1:
        raise ValueError("cells that are run together share backing, size and start")
    results: dict[int, Result] = {}
    facts = host.facts()  # once: they take milliseconds

    def result(index: int, outcome: str, **known: Any) -> Result:
        return Result.of(experiments[index], outcome, host=facts, **known)

    for index, experiment in enumerate(experiments):
        if missing := experiment.why_not():
            results[index] = result(
                index, "unavailable", message=missing.reason, command=missing.command
            )
    running = [index for index in range(len(experiments)) if index not in results]

    def hear(event: Event) -> None:
        index = running[event.pop("cell")]
        if "outcome" in event:
            results[index] = timed(result(index, **event), event["timings_ms"])
        elif on_progress:
            if event["views"]:
                event["views"] = result(index, "running", **event["views"])
            on_progress(Progress(cell=index, **event))

    payload: dict[str, Any] = {
        "experiments": [experiments[index].as_dict() for index in running],
        "early_views": early_views,
    }
    try:
        if running:
            listen(cell.measure, payload, hear, worker)
    except WorkerDied as death:
        for index in running:
            results.setdefault(index, result(index, "error", message=str(death)))
    return [results[index] for index in range(len(experiments))]
