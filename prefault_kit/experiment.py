"""One cell of the laboratory: what to run, running it in the worker, and what came out.

An :class:`Experiment` says backing x page size x sharing x method x size x start; a
:class:`Result` holds the times and the three views. Both turn into JSON and back.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from prefault_kit import host, methods, notes
from prefault_kit import worker as workers
from prefault_kit.backing import Backing, check_size
from prefault_kit.mapping import SHARINGS

STARTS = ("empty", "cached", "cold")
"""Start states: file emptied before each repetition; page cache full; data on disk, evicted."""


@dataclass(frozen=True)
class Experiment:
    """One cell. ValueError says in one sentence what makes no sense, and what would."""

    backing: Backing
    sharing: str
    method: str
    size_bytes: int
    start: str = "empty"
    repeats: int = 10
    threads: int = 1
    follow_up: bool = False
    """Whether to go on after the last repetition: one write to each page, then sync."""

    def __post_init__(self) -> None:
        if self.sharing not in SHARINGS:
            raise ValueError(f"sharing is private or shared, not {self.sharing!r}")
        check_size(self.size_bytes, self.backing.page_size_bytes)
        method = methods.method(self.method)
        reason = methods.applies(
            method,
            has_file=self.backing.has_file,
            sharing=self.sharing,
            hugetlb=self.backing.is_hugetlb,
            on_disk=self.backing.on_disk,
        )
        if reason:
            raise ValueError(reason)
        if self.start not in STARTS:
            raise ValueError(f"start is one of {', '.join(STARTS)}, not {self.start!r}")
        if self.start == "cached" and not self.backing.has_file:
            raise ValueError("anonymous memory has no page cache to start from: choose start empty")
        if self.start == "cold" and not self.backing.on_disk:
            raise ValueError("only a file on disk can start cold: choose backing file")
        for name in ("repeats", "threads"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is a whole number from 1, not {value!r}")

    def as_dict(self) -> dict[str, Any]:
        """A JSON object that :meth:`from_dict` takes back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Experiment:
        """The experiment that :meth:`as_dict` wrote."""
        return cls(**(data | {"backing": Backing(**data["backing"])}))

    def why_not(self) -> host.Unavailable | None:
        """What stops this cell on this host, and the command that helps; None if nothing does."""
        # the follow-up writes to each page, so it needs the memory that Write needs
        for method in (self.method, *(["Write"] if self.follow_up else [])):
            if missing := host.why_not(
                backing=self.backing,
                sharing=self.sharing,
                method=method,
                size_bytes=self.size_bytes,
                start=self.start,
                threads=self.threads,
            ):
                return missing
        return None


@dataclass(frozen=True)
class Result:
    """What one cell gave; the object that ``run --json`` prints.

    Times are milliseconds around the method alone, ``usage`` is bytes (see ``smaps.Usage``),
    ``pages``, ``faults`` and the first three fields of ``file`` are counts in system pages. Views
    and faults are those of the last repetition.
    """

    backing: str
    page_size_bytes: int
    sharing: str
    method: str
    size_bytes: int
    start: str
    threads: int
    repeats: int
    outcome: str
    """``ok``, ``error`` or ``unavailable``."""
    timings_ms: list[float] = field(default_factory=list)
    """Every repetition in order, without the warm-up."""
    warmup_ms: float | None = None
    best_ms: float | None = None
    median_ms: float | None = None
    errno: str | None = None
    message: str | None = None
    command: str | None = None
    """What would make an unavailable cell available."""
    populated_bytes: int | None = None
    """How much has page-table entries; after a failed populate its exact prefix."""
    usage: dict[str, int | None] | None = None
    pages: dict[str, int | None] | None = None
    file: dict[str, int | None] | None = None
    faults: dict[str, int] | None = None
    phases: list[dict[str, Any]] = field(default_factory=list)
    """With ``follow_up``: the file's page cache and the minor faults after the ``method``, after
    one ``write`` to each page, after ``sync``."""
    file_system: str | None = None
    notes: list[str] = field(default_factory=list)
    """Why a figure is unstable or surprising, in plain words."""
    host: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The JSON object that ``run --json`` prints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Result:
        """The result that :meth:`as_dict` wrote; ValueError if it is not one."""
        unknown = set(data) - {each.name for each in fields(cls)}
        if unknown:
            raise ValueError(f"not a result of this kit: it has {', '.join(sorted(unknown))}")
        try:
            return cls(**data)
        except TypeError as error:
            raise ValueError(f"not a result of this kit: {error}") from None


@dataclass(frozen=True)
class Progress:
    """One step of a run, told while it goes on."""

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


def _blank(experiment: Experiment, outcome: str, **known: Any) -> Result:
    return Result(
        backing=experiment.backing.kind,
        page_size_bytes=experiment.backing.page_size_bytes,
        sharing=experiment.sharing,
        method=experiment.method,
        size_bytes=experiment.size_bytes,
        start=experiment.start,
        threads=experiment.threads,
        repeats=experiment.repeats,
        outcome=outcome,
        host=host.facts(),
        **known,
    )


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
    worker: workers.Worker | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Run one cell in the worker.

    The outcome is ``unavailable`` (with reason and command) where this host cannot run it, and
    ``error`` where the kernel refused or the worker was killed. Raises WorkerStopped and
    WorkerBusy, see ``worker.py``.
    """
    return run_many([experiment], worker=worker, on_progress=on_progress)[0]


def run_many(
    experiments: Sequence[Experiment],
    *,
    worker: workers.Worker | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    early_views: bool = False,
) -> list[Result]:
    """Run cells that are to be compared: repetition r of every cell comes before r + 1 of any.

    They share one file, so they must agree in backing, size and start: ValueError otherwise. With
    ``early_views`` the progress of each warm-up shows the views already. As :func:`run` for each.
    """
    if len({(each.backing, each.size_bytes, each.start) for each in experiments}) > 1:
        raise ValueError("cells that are run together share backing, size and start")
    results: dict[int, Result] = {}
    for index, experiment in enumerate(experiments):
        if missing := experiment.why_not():
            results[index] = _blank(
                experiment, "unavailable", message=missing.reason, command=missing.command
            )
    running = [index for index in range(len(experiments)) if index not in results]
    if not running:
        return [results[index] for index in range(len(experiments))]
    payload = {
        "experiments": [experiments[index].as_dict() for index in running],
        "early_views": early_views,
    }
    stream = (worker or workers.shared()).stream("prefault_kit.stage:perform", payload)
    try:
        for event in stream:
            index = running[event.pop("cell")]
            if "outcome" in event:
                results[index] = timed(_blank(experiments[index], **event), event["timings_ms"])
            elif on_progress:
                if event["views"]:
                    event["views"] = _blank(experiments[index], "ok", **event["views"])
                on_progress(Progress(cell=index, **event))
    except workers.WorkerDied as death:
        for index in running:
            results.setdefault(index, _blank(experiments[index], "error", message=str(death)))
    finally:
        stream.close()  # type: ignore[attr-defined]  # ends the child if this was interrupted
    return [results[index] for index in range(len(experiments))]
