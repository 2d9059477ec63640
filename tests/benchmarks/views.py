"""What looking costs: all three views against the populate before them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.memory.sizes import format_bytes

from .findings import Finding

CASES = (
    (Backing.anon(), "private", "populate_write"),
    (Backing.anon(), "private", "populate_read"),
    (Backing.memfd(), "shared", "populate_write"),
    (Backing.memfd(), "shared", "populate_read"),
)
VIEWS = ("usage", "pages", "file_cache")


def looking(size_bytes: int, times: int) -> Iterator[Finding]:
    """Populate a fresh mapping, take the views; the best times of ``times`` after a warm-up."""
    for backing, sharing, populate in CASES:
        taken_ms: dict[str, list[float]] = {}
        for _ in range(times + 1):
            with Mapping(backing, size_bytes, sharing) as mapping:
                populated = getattr(mapping, populate)().elapsed_ms
                taken_ms.setdefault("populate", []).append(populated)
                for view in VIEWS:
                    began = time.perf_counter()
                    getattr(mapping, view)()
                    ended = time.perf_counter()
                    taken_ms.setdefault(view, []).append((ended - began) * 1000)
        best = {name: min(each[1:]) for name, each in taken_ms.items()}
        yield Finding(
            f"three views over populate, {format_bytes(size_bytes)} {sharing} {backing.kind} "
            f"{populate.upper()}",
            sum(best[view] for view in VIEWS) / best["populate"],
            0.1,
            detail="ms: " + ", ".join(f"{name} {each:.1f}" for name, each in best.items()),
        )
