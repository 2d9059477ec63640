"""Results of the weights lab with times that the tests choose."""

from __future__ import annotations

from prefault_kit.studies.weights.loading import Load
from prefault_kit.studies.weights.plan import Plan
from prefault_kit.studies.weights.result import Found, Repetition

SIZE = 16 << 20


def load(last_ms: float, **fields: object) -> Load:
    return Load(first_ms=last_ms / 4, last_ms=last_ms, again_ms=last_ms / 8, **fields)


def found(plan: Plan | None = None, **last_ms: float | None) -> Found:
    """A run with a repetition for each way; None is one that was killed."""
    plan = plan or Plan(size_bytes=SIZE)
    entries = {
        name.replace("_", " "): (
            Repetition(
                Load(ended="SIGKILL")
                if time is None
                else load(time, cached=SIZE, rss=SIZE, pss=SIZE),
                None if time is None else load(time / 2, cached=SIZE, rss=SIZE, pss=SIZE),
            ),
        )
        for name, time in last_ms.items()
    }
    return Found(plan, entries, SIZE, int(SIZE * plan.used), {"kernel": "6.18", "cpus": 2})
