"""The playground's answer times: its widgets and its model in this process, without a browser."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from prefault_kit.screens.playground import Playground, view

from .findings import Finding

BUDGETS_MS = {512: 100, 4096: 250}
"""By the number of pages; painting in the browser comes on top."""


def touching(times: int) -> Iterator[Finding]:
    """Click pages of a shared memfd, which has three strips, until the changed map is sent."""
    for pages, budget in BUDGETS_MS.items():
        model = Playground(kind="memfd", sharing="shared", pages=pages)
        try:
            shown = view(model)
            taken = []
            for number in range(times + 1):
                page = number * 7 % pages
                began = time.perf_counter()
                shown.maps.tap("parent", page, False)
                taken.append((time.perf_counter() - began) * 1000)
                word = model.strips()
                if word is None or word.table[page] != "of the file":
                    raise RuntimeError(f"page {page} was not read: {model.status}")
        finally:
            model.close()
        yield Finding(
            f"page clicked to changed map: {pages} pages",
            statistics.median(taken[1:]),
            budget,
            "ms",
            detail=f"best {min(taken[1:]):.0f} of {times}, longest {max(taken[1:]):.0f}",
        )
