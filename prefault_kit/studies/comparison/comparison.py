"""Runs held against the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from prefault_kit.studies.comparison import cells, facts, promises
from prefault_kit.studies.comparison.cells import Cell, Summary
from prefault_kit.studies.comparison.facts import Difference
from prefault_kit.studies.comparison.promises import Promise
from prefault_kit.studies.comparison.recorded import GRID, KINDS, Run

Some = TypeVar("Some", Cell, Promise)


@dataclass(frozen=True)
class Comparison:
    """Runs of one kind side by side; ratios are to the first."""

    kind: str
    runs: tuple[Run, ...]
    differences: tuple[Difference, ...]
    """What differs between the hosts: to be read before any ratio."""
    cells: tuple[Cell, ...] = ()
    summaries: tuple[Summary, ...] = ()
    """Of each run but the first, over the cells that were chosen."""
    promises: tuple[Promise, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Runs that do not say of which host they are."""
        return tuple(each.name for each in self.runs if not each.host)


def compare(runs: Sequence[Run], only: Sequence[str] = ()) -> Comparison:
    """Hold runs against the first; ``only`` are patterns of cells, or of the ids of promises.

    ValueError in one sentence for fewer than two runs, runs of different kinds, or patterns that
    name nothing.
    """
    if len(runs) < 2:
        raise ValueError(f"two runs or more are compared, not {len(runs)}: name another file")
    kind = runs[0].kind
    if other := next((each for each in runs if each.kind != kind), None):
        raise ValueError(
            f"{runs[0].name} has {KINDS[kind]} and {other.name} {KINDS[other.kind]}: compare runs "
            "of one kind"
        )
    differing = facts.differences(runs)
    if kind == GRID:
        found = _chosen(cells.cells(runs), only)
        summaries = tuple(cells.summary(found, at) for at in range(1, len(runs)))
        return Comparison(kind, tuple(runs), differing, found, summaries)
    asked = _chosen(promises.promises(runs), only)
    return Comparison(kind, tuple(runs), differing, promises=asked)


def _chosen(every: tuple[Some, ...], only: Sequence[str]) -> tuple[Some, ...]:
    """Those that a pattern names; ValueError if none is."""
    if not only:
        return every
    found = tuple(each for each in every if any(map(each.is_named, only)))
    if not found:
        patterns = " or ".join(map(repr, only))
        raise ValueError(
            f"{patterns} names none of the {len(every)} that there are: words are "
            "those of the tables, and * stands for anything"
        )
    return found
