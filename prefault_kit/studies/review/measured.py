"""What came out: a candidate's trials and their medians, and the whole review; run it here."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from prefault_kit import host
from prefault_kit.measure.worker import Event, Worker, WorkerDied, listen
from prefault_kit.studies.review import candidates, trial
from prefault_kit.studies.review.candidates import CANDIDATES, WAYS
from prefault_kit.studies.review.trial import Trial
from prefault_kit.studies.review.workload import WORDS, Workload

SCHEMA = "prefault-kit-review/1"
SWEPT = ("POPULATE_READ", "POPULATE_WRITE")
"""Between which the written fraction decides."""
FRACTIONS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
"""The written fractions that are tried for them."""
NUMBERS = tuple(each.name for each in fields(Trial) if not each.name.startswith("first_touch"))
"""What a trial has one figure of."""


@dataclass(frozen=True)
class Candidate:
    """One way to prefault, on this case: its trials without the warm-up."""

    name: str
    outcome: str
    """``ok``, ``error`` or ``not-applicable``."""
    message: str | None = None
    trials: tuple[Trial, ...] = ()

    @property
    def write_amplification(self) -> float | None:
        """Bytes written back over bytes that the program dirtied; None where it dirtied none."""
        written, dirtied = map(self.median, ("bytes_written_back", "bytes_dirtied_by_program"))
        return None if written is None or not dirtied else float(written / dirtied)

    @property
    def sentence(self) -> str:
        """Why there is no figure, or an empty text."""
        named = self.message or ""
        return named if not named or named.startswith(self.name) else f"{self.name}: {named}"

    def median(self, name: str) -> Any:
        """The median over the trials of a number of :class:`Trial`; None where there is none."""
        values = [value for each in self.trials if (value := getattr(each, name)) is not None]
        if not values:
            return None
        whole = isinstance(values[0], int)
        return statistics.median_low(values) if whole else round(statistics.median(values), 6)

    def as_dict(self) -> dict[str, Any]:
        """The object that ``review --json`` prints: medians, and every trial."""
        first = {
            name: statistics.median(each.first_touch_us[name] for each in self.trials)
            for name in ("p50", "p99", "p999", "max")
            if self.trials
        }
        return {
            "name": self.name,
            "outcome": self.outcome,
            "message": self.message,
            **{name: self.median(name) for name in NUMBERS},
            "first_touch_us": first or None,
            "write_amplification": self.write_amplification,
            "trials": [asdict(each) for each in self.trials],
        }


@dataclass(frozen=True)
class Review:
    """One case, measured. ``sweep`` has the trials of :data:`SWEPT` at each written fraction."""

    workload: Workload
    outcome: str
    """``ok``, ``error`` or ``unavailable``."""
    message: str | None = None
    enable: str | None = None
    """What would make an unavailable case available."""
    candidates: tuple[Candidate, ...] = ()
    sweep: dict[tuple[str, float], tuple[Trial, ...]] = field(default_factory=dict)
    file_system: str | None = None
    host: dict[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command that repeats the review."""
        load = self.workload
        words = ["prefault-kit", "review"]
        if load.existing_file is not None:
            words += ["--existing-file", load.existing_file]
        else:
            words += ["--backing", load.backing.kind]
            if load.backing.directory:
                words += ["--dir", load.backing.directory]
            if load.backing.kind in ("anon", "memfd") and load.backing.is_hugetlb:
                words += ["--page-size", str(load.backing.page_size_bytes)]
            words += ["--size", str(load.size_bytes)]
        for name in WORDS:
            value = getattr(load, name)
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
        return shlex.join(words)


@dataclass(frozen=True)
class Progress:
    """One step of a review: the part done, 0 to 1, and words."""

    part: float
    words: str


def run(
    workload: Workload,
    *,
    ways: Sequence[str] = tuple(CANDIDATES),
    sweep: bool = True,
    worker: Worker | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Review:
    """Measure every candidate that applies, or those of ``ways``, interleaved, in the worker.

    ``sweep`` also tries :data:`SWEPT` at other written fractions, if the file may be written.
    Raises WorkerStopped and WorkerBusy, see ``worker.py``.
    """
    facts = host.facts()
    directory = workload.backing.find_directory()
    known: dict[str, Any] = {
        "host": facts,
        "file_system": host.file_system(directory) if directory else None,
    }
    if missing := workload.why_not():
        return Review(workload, "unavailable", missing.reason, missing.command, **known)
    refused = {name: candidates.why_not(WAYS[name], workload) for name in ways}
    names = [name for name, reason in refused.items() if not reason]
    swept = [
        (name, fraction)
        for name in SWEPT
        for fraction in FRACTIONS
        if sweep and workload.existing_file is None and fraction != workload.write
        if fraction or workload.read  # else there is no access at all
    ]
    cases = [*((name, workload.write) for name in names), *swept]
    trials: list[list[Trial]] = [[] for _ in cases]
    errors: dict[int, str] = {}
    fatal: str | None = None
    payload = {"workload": workload.as_dict(), "cases": cases}
    done, steps = 0, (workload.repeats + 1) * len(cases)

    def hear(event: Event) -> None:
        nonlocal done, fatal
        if "fatal" in event:
            fatal = event["fatal"]
            return
        name, _ = cases[event["case"]]
        if "trial" in event and event["repetition"]:  # 0 warms up
            trials[event["case"]].append(Trial(**event["trial"]))
        elif "error" in event:
            errors[event["case"]] = event["error"]
        done += "laid" not in event
        if on_progress:
            doing = "filling the file" if "laid" in event else name
            turn = f"{event['repetition']} of {workload.repeats}"
            on_progress(Progress(done / steps, f"{doing}, repetition {turn}"))

    try:
        listen(trial.perform, payload, hear, worker)
    except WorkerDied as death:
        fatal = str(death)
    found = []
    for name, reason in refused.items():
        index = names.index(name) if name in names else -1
        if reason:
            found.append(Candidate(name, "not-applicable", reason))
        elif message := errors.get(index, fatal):
            found.append(Candidate(name, "error", message, tuple(trials[index])))
        else:
            found.append(Candidate(name, "ok", None, tuple(trials[index])))
    return Review(
        workload,
        "error" if fatal else "ok",
        fatal,
        candidates=tuple(found),
        sweep=_sweep(workload, cases, trials, errors) if swept and not fatal else {},
        **known,
    )


def _sweep(
    workload: Workload,
    cases: list[tuple[str, float]],
    trials: list[list[Trial]],
    errors: dict[int, str],
) -> dict[tuple[str, float], tuple[Trial, ...]]:
    return {
        case: tuple(trials[index])
        for index, case in enumerate(cases)
        if case[0] in SWEPT and index not in errors
    }
