"""The published table beside grids: the cells of notebook 09."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from prefault_kit.kernel import hugepages
from prefault_kit.measure.result import Result
from prefault_kit.memory.backing import Backing
from prefault_kit.show import tables
from prefault_kit.show.markdown import Markdown
from prefault_kit.studies.grid import cells, conclusions, matrix, warm_cache
from prefault_kit.studies.grid.conclusions import CLAIMS, Claim

SMALL, LARGE = 2 << 20, 4 << 30
"""The sizes of the published table."""
BY_ID: dict[str, Claim] = {claim.id: claim for claim in CLAIMS}


def claim(
    claim_id: str, *, sizes: Sequence[int] = (SMALL, LARGE), **grids: Sequence[Result]
) -> Markdown:
    """One claim by the published figures and by each grid, at each size."""
    return tables.judgement(conclusions.judge(BY_ID[claim_id], sizes, grids))


def count(claim_id: str, verdict: str, size_bytes: int, results: Sequence[Result]) -> int:
    """On how many kinds of memory a claim has this verdict."""
    found = BY_ID[claim_id]
    judged = [conclusions.measured(found, each, size_bytes, results) for each in found.memories]
    return sum(each is not None and each.verdict == verdict for each in judged)


def grid(size_bytes: int, *, warm: bool = False, repeats: int = 10) -> list[Result]:
    """Run the grid on this machine; ``warm`` runs private memory with a file, started cached.

    Cells of huge pages are left out where one huge page is larger than ``size_bytes``.
    """
    huge = hugepages.default_size_bytes()
    page = cells.page_word(Backing.anon())
    only: tuple[str, ...] = ()
    if warm:
        only = tuple(f"private {kind} {page}" for _, kind, _ in warm_cache.WITH_A_FILE)
    elif huge and size_bytes % huge:
        only = (page,)
    chosen = cells.Grid((size_bytes,), repeats, "cached" if warm else "empty", only)
    with tempfile.TemporaryDirectory() as place:
        return matrix.run(chosen, Path(place) / "grid.csv")


def best_ms(
    sharing: str, kind: str, methods: Sequence[str], size_bytes: int, results: Sequence[Result]
) -> dict[str, float]:
    """The best time of each method on memory of the machine's own pages, in milliseconds."""
    base = conclusions.base_page_bytes(results)
    found = {
        each.method: each.best_ms
        for each in results
        if conclusions.as_published(each, base) == (sharing, kind, conclusions.SMALL)
        and (each.size_bytes, each.outcome) == (size_bytes, "ok")
    }
    return {method: time for method in methods if (time := found.get(method)) is not None}
