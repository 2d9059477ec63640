"""What a review found: a candidate's trials and their medians, and the whole review."""

from __future__ import annotations

import shlex
import statistics
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from prefault_kit.studies.review.trial import Trial
from prefault_kit.studies.review.workload import OF_THE_TRACE, OPTIONS, Workload

SCHEMA = "prefault-kit-review/1"
SWEPT = ("POPULATE_READ", "POPULATE_WRITE")
"""The two between which the written fraction decides."""
FRACTIONS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
"""The written fractions at which both are tried."""
NUMBERS = tuple(each.name for each in fields(Trial) if not each.name.startswith("first_touch"))
"""The fields of a trial that are one number."""


@dataclass(frozen=True)
class CandidateResult:
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
    candidates: tuple[CandidateResult, ...] = ()
    sweep: dict[tuple[str, float], tuple[Trial, ...]] = field(default_factory=dict)
    file_system: str | None = None
    host: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """Sentences about what was reviewed, such as which part of a file."""

    def candidate(self, name: str) -> CandidateResult:
        """The candidate of this name; StopIteration if it was not asked for."""
        return next(each for each in self.candidates if each.name == name)

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
        if load.replay is not None:
            words += ["--trace", load.replay.path, "--mapping", str(load.replay.mapping)]
        else:
            words += ["--size", str(load.size_bytes)]
        for name in OPTIONS:
            if load.replay is not None and name in OF_THE_TRACE:
                continue
            value = getattr(load, name)
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
        return shlex.join(words)
