"""Results made by hand, for tests of what shows them."""

from __future__ import annotations

from typing import Any

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.result import Result

PAGES = 512
SIZE = PAGES * PAGE


def result(**known: Any) -> Result:
    """A result of 512 pages of a shared memfd that were read, and no usage."""
    values: dict[str, Any] = {
        "backing": "memfd",
        "page_size_bytes": PAGE,
        "sharing": "shared",
        "method": "Read",
        "size_bytes": SIZE,
        "start": "empty",
        "threads": 1,
        "repeats": 3,
        "outcome": "ok",
        "timings_ms": [3.0, 1.0, 2.0],
        "best_ms": 1.0,
        "median_ms": 2.0,
        "pages": {"present": PAGES, "zero": 0, "huge": 0, "swapped": 0},
        "usage": {},
        "faults": {"minor": PAGES, "major": 0},
    }
    return Result(**(values | known))
