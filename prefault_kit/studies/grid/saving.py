"""What populating saves: the time that a page takes by touching, and by populating."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prefault_kit.measure.result import Result
from prefault_kit.studies.grid.conclusions import SMALL, Memory, as_published, base_page_bytes
from prefault_kit.studies.grid.published import published_ms

PUBLISHED, RECORDED = "2021", "recorded"
MEMORIES: tuple[Memory, ...] = (
    ("private", "anon", SMALL),
    ("shared", "memfd", SMALL),
    ("shared", "file", SMALL),
)
PAIRS = (("Read", "POPULATE_READ"), ("Write", "POPULATE_WRITE"))
"""Touching, and the populating that does the same."""


@dataclass(frozen=True)
class Saving:
    """Nanoseconds that a page takes by touching and by populating, at their best."""

    memory: Memory
    touch: str
    when: str
    """:data:`PUBLISHED` or :data:`RECORDED`."""
    touching_ns: float
    populating_ns: float

    @property
    def saved_ns(self) -> float:
        """What populating saves; negative where it loses."""
        return self.touching_ns - self.populating_ns


def savings(size_bytes: int, results: Sequence[Result]) -> Iterator[Saving]:
    """The published saving and that of a grid, of each pair on each memory that both have."""
    base = base_page_bytes(results)
    best_ms = {
        (as_published(each, base), each.method): each.best_ms
        for each in results
        if each.size_bytes == size_bytes and each.outcome == "ok"
    }
    for memory in MEMORIES:
        sharing, kind, page = memory
        for pair in PAIRS:
            theirs = [published_ms(kind, page, sharing, method, size_bytes) for method in pair]
            mine = [best_ms.get((memory, method)) for method in pair]
            for when, times, page_bytes in ((PUBLISHED, theirs, page), (RECORDED, mine, base)):
                if all(times) and page_bytes:
                    touching, populating = (
                        (each or 0.0) * 1e6 * page_bytes / size_bytes for each in times
                    )
                    yield Saving(memory, pair[0], when, touching, populating)
