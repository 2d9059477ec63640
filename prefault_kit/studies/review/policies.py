"""One flag or two: what a single MADV_POPULATE would choose, compared with the explicit choice.

The reviewers of the proposal asked for one advice that decides by itself. Two rules were named: by
the permissions of the mapping, and as MAP_POPULATE does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure import intervals
from prefault_kit.studies.review import advice, running
from prefault_kit.studies.review.candidates import DETOUR
from prefault_kit.studies.review.cost import Weights
from prefault_kit.studies.review.result import SWEPT, CandidateResult, Review
from prefault_kit.studies.review.running import ReviewProgress
from prefault_kit.studies.review.workload import Workload

READ, WRITE = SWEPT
COMPARED = (READ, WRITE, DETOUR.name)
"""The methods that policies choose among."""


@dataclass(frozen=True)
class Policy:
    """A rule that chooses for a mapping that may be read and written."""

    name: str
    rule: str
    choose: Callable[[Workload], str]
    """The name of the method, for a case."""


POLICIES = (
    Policy("by permissions", "what may be written is populated for writing", lambda _: WRITE),
    Policy(
        "like MAP_POPULATE",
        "private memory that may be written is populated for writing, shared memory for reading",
        lambda case: WRITE if case.sharing == "private" else READ,
    ),
    Policy(
        "by permissions, with a detour",
        "to read, the permission to write is withdrawn meanwhile (mprotect)",
        lambda _: DETOUR.name,
    ),
)
"""The rules that were named in the review of the patch; to add one, add a row."""


def compare(
    case: Workload, on_progress: Callable[[ReviewProgress], None] | None = None, **other: Any
) -> Review:
    """Measure what the policies choose among, interleaved; ``other`` is for ``running.run``."""
    return running.run(case, methods=COMPARED, sweep=False, on_progress=on_progress, **other)


COUNTS: dict[str, Callable[[CandidateResult], int | None]] = {
    "pages of memory": lambda each: each.median("memory_bytes_after_prefault") // PAGE_SIZE_BYTES,
    "dirty pages": lambda each: each.median("dirty_pages_after_prefault"),
    "faults to come": lambda each: each.median("minor_faults"),
}
"""What prefaulting leaves behind."""


def better(review: Review, weights: Weights) -> CandidateResult:
    """The explicit choice: READ or WRITE, whichever costs less."""
    pair = [review.candidate(READ), review.candidate(WRITE)]
    return min(pair, key=lambda each: advice.cost_of(each, weights))


def loss(review: Review, policy: Policy, weights: Weights) -> intervals.Ratio:
    """The cost of a policy's choice over that of the better one, with its interval."""
    best = better(review, weights)
    return advice.ratio(review.candidate(policy.choose(review.workload)), best, weights)
