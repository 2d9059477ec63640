"""A recorded run, whatever file it came in: the facts of its host, and its times or verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefault_kit.measure.result import Result

GRID, VERDICTS = "grid", "verdicts"
KINDS = {GRID: "times of cells", VERDICTS: "verdicts on promises"}
"""What a run has, in words."""
HOLDS, EXPLAINED, DIFFERS, NOT_TESTABLE = "holds", "explained", "differs", "not testable"
ORDER = (DIFFERS, EXPLAINED, HOLDS, NOT_TESTABLE)
"""Of several kinds of memory the first of these stands for a promise."""
WORDS = ("holds", "differs", "not-testable")
"""Verdicts as ``check --json`` prints them."""
LARGEST_BASE_PAGE = 256 << 10
"""No kernel has larger pages that are not huge."""


@dataclass(frozen=True)
class Answer:
    """A verdict as ``check --json`` prints it."""

    id: str
    source: str
    claim: str
    backing: str
    expected: str
    verdict: str
    """One of :data:`WORDS`."""
    observed: str | None
    reason: str | None

    @property
    def outcome(self) -> str:
        """One of :data:`ORDER`: a difference with a reason is explained."""
        if self.verdict == "differs" and self.reason:
            return EXPLAINED
        return NOT_TESTABLE if self.verdict == "not-testable" else self.verdict


@dataclass(frozen=True)
class Run:
    """One host's run. Results have no ``host`` of their own here."""

    name: str
    """What it is called beside others: from the name of its file."""
    kind: str
    """One of :data:`KINDS`."""
    host: Mapping[str, Any]
    """What is known of the host, by the names of :data:`facts.FACTS`; empty if nothing is."""
    results: tuple[Result, ...] = ()
    answers: tuple[Answer, ...] = ()
    left_out: tuple[str, ...] = ()
    """Names of what the file says of the host besides, which is not taken over."""

    @property
    def size(self) -> int:
        """How many cells, or verdicts."""
        return len(self.results) or len(self.answers)

    @property
    def page_size_bytes(self) -> int | None:
        """That of pages that are not huge; None if it can be told neither of the host nor of the
        cells."""
        known = self.host.get("page_size_bytes")
        if known is not None:
            return int(known)
        least = min((each.page_size_bytes for each in self.results), default=LARGEST_BASE_PAGE + 1)
        return least if least <= LARGEST_BASE_PAGE else None

    @property
    def file_systems(self) -> tuple[str, ...]:
        """Under its files, in the order of the run."""
        places = [each.backing.partition(" on ")[2] for each in self.answers]
        places += [each.file_system or "" for each in self.results if each.backing == "file"]
        return tuple(dict.fromkeys(filter(None, places)))

    @property
    def starts(self) -> tuple[str, ...]:
        """The start states of its cells."""
        return tuple(sorted({each.start for each in self.results}))

    @property
    def repeats(self) -> tuple[int, ...]:
        """Repetitions of a cell: one number, unless cells differ."""
        return tuple(sorted({each.repeats for each in self.results}))
