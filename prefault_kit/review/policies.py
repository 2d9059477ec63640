"""One flag or two: what a single MADV_POPULATE would choose, held against the explicit choice.

The reviewers of the proposal asked for one advice that finds out by itself. Two ways to find out
were named: by the permissions of the mapping, and as MAP_POPULATE does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from prefault_kit import intervals, markdown
from prefault_kit.quantities import format_ms
from prefault_kit.review import advice, measured
from prefault_kit.review.candidates import DETOUR
from prefault_kit.review.cost import Weights
from prefault_kit.review.measured import SWEPT, Candidate, Progress, Review
from prefault_kit.review.workload import Workload
from prefault_kit.syscalls import PAGE_SIZE_BYTES

READ, WRITE = SWEPT
COMPARED = (READ, WRITE, DETOUR.name)
"""The ways that policies choose among."""


@dataclass(frozen=True)
class Policy:
    """A rule that chooses for a mapping that may be read and written."""

    name: str
    rule: str
    choose: Callable[[Workload], str]
    """The way, for a case."""


POLICIES = (
    Policy("by permissions", "what may be written is populated for writing", lambda _: WRITE),
    Policy(
        "like MAP_POPULATE",
        "private memory that may be written is populated for writing, shared memory for reading",
        lambda case: WRITE if case.sharing == "private" else READ,
    ),
    Policy(
        "by permissions, with a detour",
        "who wants to read takes the permission to write away meanwhile (mprotect)",
        lambda _: DETOUR.name,
    ),
)
"""Those that were named in the review of the patch; to add one, add a row."""


def compare(
    case: Workload, on_progress: Callable[[Progress], None] | None = None, **other: Any
) -> Review:
    """Measure what the policies choose among, interleaved; ``other`` is for ``measured.run``."""
    return measured.run(case, ways=COMPARED, sweep=False, on_progress=on_progress, **other)


def _of(review: Review, name: str) -> Candidate:
    return next(each for each in review.candidates if each.name == name)


COUNTS: dict[str, Callable[[Candidate], int | None]] = {
    "pages of memory": lambda each: each.median("memory_bytes_after_prefault") // PAGE_SIZE_BYTES,
    "dirty pages": lambda each: each.median("dirty_pages_after_prefault"),
    "faults to come": lambda each: each.median("minor_faults"),
}
"""What prefaulting leaves behind."""


@dataclass(frozen=True)
class Left:
    """What each choice leaves behind, as Markdown: exact counts, and no line where all are 0."""

    reviews: Mapping[str, Review]

    def __repr__(self) -> str:
        names = [policy.name for policy in POLICIES]
        rows = []
        for title, review in self.reviews.items():
            chosen = [policy.choose(review.workload) for policy in POLICIES]
            for what, number in COUNTS.items():
                counts = [number(_of(review, name)) for name in (READ, WRITE, *chosen)]
                if any(counts):
                    rows.append((title, what, *map(str, counts)))
        return markdown.table(("case", "after", "READ", "WRITE", *names), rows)

    _repr_markdown_ = __repr__


@dataclass(frozen=True)
class Lost:
    """What each policy costs more than the better of READ and WRITE, as Markdown."""

    reviews: Mapping[str, Review]
    weights: Mapping[str, Weights]

    def __repr__(self) -> str:
        rows = []
        for title, review in self.reviews.items():
            weights = self.weights.get(title, Weights())
            best = better(review, weights)
            cells = [_said(review, policy, best, weights) for policy in POLICIES]
            cost = format_ms(advice.cost_of(best, weights) * 1000)
            rows.append((title, f"{best.name.removeprefix('POPULATE_')}, {cost}", *cells))
        heads = ("case", "two flags", *(policy.name for policy in POLICIES))
        return markdown.table(heads, rows)

    _repr_markdown_ = __repr__


def better(review: Review, weights: Weights) -> Candidate:
    """The explicit choice: READ or WRITE, whichever costs less."""
    pair = [_of(review, READ), _of(review, WRITE)]
    return min(pair, key=lambda each: advice.cost_of(each, weights))


def loss(review: Review, policy: Policy, weights: Weights) -> intervals.Ratio:
    """The cost of a policy's choice over that of the better one, with its interval."""
    best = better(review, weights)
    return advice.ratio(_of(review, policy.choose(review.workload)), best, weights)


def _said(review: Review, policy: Policy, best: Candidate, weights: Weights) -> str:
    name = policy.choose(review.workload)
    if name == best.name:
        return "the same"
    found = loss(review, policy, weights)
    return f"{found.ratio:.2f} times ({found.low:.2f} to {found.high:.2f})"
