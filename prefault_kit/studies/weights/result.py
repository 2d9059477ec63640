"""What a run of the lab found: by way, what one process took, and what a second one took then."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from prefault_kit.host import Unavailable
from prefault_kit.studies.weights.loading import OK, Load
from prefault_kit.studies.weights.plan import Plan

FIRST, LAST, AGAIN = "first_ms", "last_ms", "again_ms"
"""The figures of a load that are times."""


@dataclass(frozen=True)
class Repetition:
    """A way, once: in one process, and then in a second beside it."""

    first: Load
    second: Load | None = None
    """None where the first one did not come to its end, or no second was asked for."""

    @property
    def second_bytes(self) -> int | None:
        """Memory that the second process added: of its own, and of the page cache. None if it did
        not come to its end, or the page cache cannot be counted."""
        second = self.second
        if second is None or second.ended != OK or None in (second.cached, self.first.cached):
            return None
        return second.anonymous + (second.cached or 0) - (self.first.cached or 0)


@dataclass(frozen=True)
class Found:
    """What a plan gave, by the names of the ways; ``missing`` says why it gave nothing."""

    plan: Plan
    entries: Mapping[str, tuple[Repetition, ...]] = field(default_factory=dict)
    """The repetitions of each way, in their order, without the warm-up."""
    size_bytes: int = 0
    """Of the file."""
    used_bytes: int = 0
    """Of the tensors that are used, in whole pages."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """Of the host."""
    missing: Unavailable | None = None

    def ended(self, way: str) -> str:
        """How it ended: ``ok``, an errno, a signal; of the last repetition."""
        return self.entries[way][-1].first.ended

    def times_ms(self, way: str, figure: str = LAST, *, second: bool = False) -> tuple[float, ...]:
        """One of the times of each repetition that came to its end."""
        loads = [each.second if second else each.first for each in self.entries[way]]
        return tuple(getattr(load, figure) for load in loads if load and load.ended == OK)

    def best_ms(self, way: str, figure: str = LAST, *, second: bool = False) -> float | None:
        """The shortest time; None where no repetition came to its end."""
        return min(self.times_ms(way, figure, second=second), default=None)

    def median_ms(self, way: str, figure: str = LAST, *, second: bool = False) -> float | None:
        """The median time; None as for :meth:`best_ms`."""
        times = self.times_ms(way, figure, second=second)
        return statistics.median(times) if times else None

    def ratio(self, way: str, over: str, figure: str = LAST) -> float | None:
        """The best time of one way over that of another; None where one has none."""
        one, other = self.best_ms(way, figure), self.best_ms(over, figure)
        return one / other if one is not None and other else None

    def ranked(self, figure: str = LAST) -> list[str]:
        """The ways that came to their end, by their best time, the fastest first."""
        timed = {name: self.best_ms(name, figure) for name in self.entries}
        return sorted(
            (name for name, best in timed.items() if best is not None),
            key=lambda name: timed[name] or 0.0,
        )

    def load(self, way: str) -> Load:
        """The load of the last repetition."""
        return self.entries[way][-1].first

    def second_bytes(self, way: str) -> int | None:
        """See :attr:`Repetition.second_bytes`, of the last repetition."""
        return self.entries[way][-1].second_bytes


FIELDS = tuple(each.name for each in fields(Load))
"""The columns of a load in a file."""
Record = dict[str, list[Found]]
"""Runs in groups by name, as a file has them."""


def save(record: Mapping[str, Sequence[Found]], path: str | os.PathLike[str]) -> None:
    """Write runs, in groups, to a new JSON file; never a directory or a path."""
    document = {
        "fields": list(FIELDS),
        "groups": {name: [_as_dict(each) for each in found] for name, found in record.items()},
    }
    with open(path, "x", encoding="ascii") as file:
        json.dump(document, file, indent=None, separators=(",", ":"))
        file.write("\n")


def _as_dict(found: Found) -> dict[str, Any]:
    plan = asdict(found.plan) | {"path": None}
    del plan["directory"]
    return {
        "plan": plan,
        "size_bytes": found.size_bytes,
        "used_bytes": found.used_bytes,
        "facts": dict(found.facts),
        "missing": asdict(found.missing) if found.missing else None,
        "entries": {
            way: [
                [_row(each.first), _row(each.second) if each.second else None]
                for each in repetitions
            ]
            for way, repetitions in found.entries.items()
        },
    }


def _row(load: Load) -> list[Any]:
    """A load in the order of :data:`FIELDS`, its times to the microsecond."""
    values = load.as_dict()
    return [round(values[name], 3) if name.endswith("_ms") else values[name] for name in FIELDS]


def read(path: str | os.PathLike[str]) -> Record:
    """What :func:`save` wrote; ValueError where it is something else."""
    try:
        document = json.loads(Path(path).read_text("ascii"))
        names = document["fields"]
        return {
            name: [_found(each, names) for each in group]
            for name, group in document["groups"].items()
        }
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{os.fspath(path)} is not what studies.weights.save writes ({error!r})"
        ) from None


def _found(document: dict[str, Any], names: list[str]) -> Found:
    missing = document["missing"]

    def load(row: list[Any]) -> Load:
        return Load(**dict(zip(names, row, strict=True)))

    return Found(
        Plan(**document["plan"]),
        {
            way: tuple(
                Repetition(load(first), load(second) if second else None)
                for first, second in repetitions
            )
            for way, repetitions in document["entries"].items()
        },
        document["size_bytes"],
        document["used_bytes"],
        document["facts"],
        Unavailable(**missing) if missing else None,
    )
