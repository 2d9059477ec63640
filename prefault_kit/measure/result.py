"""What one cell gave: the times, the three views, and notes in plain words.

The one record of a run: what is measured, shown, saved and read back. It turns into JSON and back.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Self

from prefault_kit import host
from prefault_kit.kernel import smaps
from prefault_kit.measure.experiment import STARTS, Experiment
from prefault_kit.memory.backing import KINDS
from prefault_kit.memory.mapping import SHARINGS
from prefault_kit.memory.methods import METHODS

OUTCOMES = ("ok", "error", "unavailable", "running")
VIEWS: dict[str, tuple[str, ...]] = {
    "usage": tuple(smaps.NAMES),
    "pages": ("present", "zero", "huge", "swapped"),
    "file": ("cached", "dirty", "writeback", "allocated_bytes"),
    "faults": ("minor", "major"),
}
"""The views of a result, and the names of their counts."""
PHASE = ("phase", "minor_faults", *VIEWS["file"])
"""What is known of a phase after the method."""
MOST_COUNT = 1 << 63
ROUNDING_MS = 1e-6
"""Times are kept to the nanosecond."""


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
    """One of :data:`OUTCOMES`; ``running`` until it is finished."""
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
        """The result that :meth:`as_dict` wrote; ValueError, in one sentence, if it is not one."""
        known = _fields()
        if not known.keys() >= data.keys():
            unknown = sorted(set(map(str, data)) - set(known))
            raise ValueError(f"not a result of this kit: it has {', '.join(unknown)}")
        for name, (needed, may_be_none) in known.items():
            if name not in data:
                if needed:
                    raise ValueError(f"not a result of this kit: {name} is missing")
            elif not ((may_be_none and data[name] is None) or _CHECKS[name](data[name])):
                raise ValueError(f"not a result of this kit: {name} is {_short(data[name])}")
        size, page_size = data["size_bytes"], data["page_size_bytes"]
        if page_size & (page_size - 1):
            raise ValueError(
                f"not a result of this kit: page_size_bytes is {page_size}, no power of two"
            )
        if size % page_size:
            raise ValueError(
                f"not a result of this kit: size_bytes is {size}, no multiple of {page_size}"
            )
        return cls(**data)

    def check_times(self) -> None:
        """ValueError, in one sentence, unless an ok has times, and best and median are theirs."""
        times = self.timings_ms
        if self.outcome == "ok" and not times:
            raise ValueError("outcome is ok without timings_ms")
        for name, said, true in (
            ("best_ms", self.best_ms, min(times, default=None)),
            ("median_ms", self.median_ms, statistics.median(times) if times else None),
        ):
            if said is None or true is None:
                alike = said is true
            else:
                alike = math.isclose(said, true, abs_tol=ROUNDING_MS)
            if not alike:
                raise ValueError(f"{name} is {said}, but that of timings_ms is {true}")


@functools.cache
def _fields() -> dict[str, tuple[bool, bool]]:
    """By name, whether a field of a result has to be there, and whether it may be None."""
    return {
        each.name: (
            each.default is MISSING and each.default_factory is MISSING,
            each.default is None,
        )
        for each in fields(Result)
    }


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def is_count(value: object) -> bool:
    """Whether a value that was read is a count: of pages, of bytes, of repetitions."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_COUNT


def _is_positive(value: object) -> bool:
    return is_count(value) and value != 0


def is_time(value: object) -> bool:
    """Whether a value that was read is a time in milliseconds."""
    return is_count(value) or (isinstance(value, float) and math.isfinite(value) and value >= 0)


def _is_list_of(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_one_of(*words: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in words


def _is_view(name: str) -> Callable[[object], bool]:
    """Each count of a view, of which those that this kernel lacked are None."""
    return lambda value: (
        isinstance(value, dict)
        and set(value) == set(VIEWS[name])
        and all(is_count(each) or (each is None and name != "faults") for each in value.values())
    )


def _is_phase(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == set(PHASE)
        and _is_text(value["phase"])
        and is_count(value["minor_faults"])
        and all(value[name] is None or is_count(value[name]) for name in VIEWS["file"])
    )


_CHECKS: dict[str, Callable[[object], bool]] = {
    "backing": _is_one_of(*KINDS),
    "sharing": _is_one_of(*SHARINGS),
    "method": _is_one_of(*METHODS),
    "start": _is_one_of(*STARTS),
    "outcome": _is_one_of(*OUTCOMES),
    **dict.fromkeys(("page_size_bytes", "size_bytes", "threads", "repeats"), _is_positive),
    "populated_bytes": is_count,
    **dict.fromkeys(("warmup_ms", "best_ms", "median_ms"), is_time),
    **dict.fromkeys(("errno", "message", "command", "file_system"), _is_text),
    **{name: _is_view(name) for name in VIEWS},
    "timings_ms": _is_list_of(is_time),
    "notes": _is_list_of(_is_text),
    "phases": _is_list_of(_is_phase),
    "host": lambda value: isinstance(value, dict),
}
"""What each field of a result may be, besides None where that is its default."""
