"""What one cell gave: the times, the three views, and notes in plain words.

The one record of a run: what is measured, shown, saved and read back. It turns into JSON and back.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from prefault_kit import host
from prefault_kit.measure.experiment import Experiment


@dataclass(frozen=True)
class Result:
    """What one cell gave; the object that ``run --json`` prints.

    >>> from prefault_kit import Backing, Experiment, run
    >>> result = run(Experiment(Backing.memfd(), "shared", "FALLOCATE", size_bytes=2 << 20))
    >>> result.pages["present"], result.file["allocated_bytes"], result.outcome
    (0, 2097152, 'ok')

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
    """``ok``, ``error`` or ``unavailable``; ``running`` while it goes on."""
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

    @classmethod
    def of(cls, experiment: Experiment, outcome: str, **known: Any) -> Self:
        """The result of an experiment on this host, with what is ``known`` of it.

        Give ``host``, the facts of this host, where several results are made: they take
        milliseconds to collect.
        """
        facts = known.pop("host", None) or host.facts()
        return cls(
            backing=experiment.backing.kind,
            page_size_bytes=experiment.backing.page_size_bytes,
            sharing=experiment.sharing,
            method=experiment.method,
            size_bytes=experiment.size_bytes,
            start=experiment.start,
            threads=experiment.threads,
            repeats=experiment.repeats,
            outcome=outcome,
            host=facts,
            **known,
        )

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
