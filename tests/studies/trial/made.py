"""Trials that nobody ran: rows with times of one's own."""

from __future__ import annotations

from collections.abc import Sequence

from prefault_kit.studies.trial import Row, Run, Trial
from prefault_kit.studies.trial.mappings import Group
from prefault_kit.studies.trial.places import Place
from prefault_kit.studies.trial.result import Again

ARRAY = Group(
    "anonymous private", "", "rw-", 3, 3 << 25, 1 << 25, 1 << 25, 1 << 26, (), False, 0, None,
    (Place("/lib/libc.so.6", 16, "__mmap"), Place("/lib/array.so", 32, "make")),
)  # fmt: skip
FILE = Group(
    "file shared", "/data/x*.bin", "r--", 1, 1 << 22, 1 << 22, 1 << 22, None, (), False, 0, None, ()
)


def runs(times_ms: Sequence[float], **known: object) -> tuple[Run, ...]:
    """A run for each time."""
    figures = {"cpu_ms": 1.0, "minor_faults": 5, "major_faults": 0, "peak_bytes": 1 << 20}
    return tuple(Run(each, **figures | known) for each in times_ms)  # type: ignore[arg-type]


def row(name: str, *times_ms: float, **known: object) -> Row:
    """A row that ran."""
    return Row(name, "ok", None, runs(times_ms, **known))


def trial(*rows: Row, again: Sequence[Again] = (), **known: object) -> Trial:
    """A trial of a program with one array."""
    both = {"groups": (ARRAY, FILE), "chosen": (ARRAY, FILE)} | known
    return Trial(("python3", "x.py"), "ok", rows=rows, again=tuple(again), **both)  # type: ignore[arg-type]


SLOW = (100.0, 101.0, 99.0, 100.0, 102.0)
FAST = (50.0, 51.0, 49.0, 50.0, 52.0)
PLAIN = (row("nothing", *SLOW), row("traced", *SLOW))
