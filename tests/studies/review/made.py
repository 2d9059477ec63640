"""Trials and reviews with chosen figures."""

from typing import Any

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.studies.review import CandidateResult, Review, Workload
from prefault_kit.studies.review.trial import BINS, Trial

PAGES = 1000


def trial(**figures: Any) -> Trial:
    """A trial in which nothing happened but for the figures."""
    none: dict[str, Any] = {
        "prefault_ms": 0.0,
        "access_ms": 0.0,
        "sync_ms": None,
        "evict_ms": None,
        "refault_ms": None,
        "first_touch_us": dict.fromkeys(("p50", "p99", "p999", "max"), 0.0),
        "first_touch_bins": [0] * BINS,
        "minor_faults": 0,
        "major_faults": 0,
        "pages_after_prefault": 0,
        "dirty_pages_after_prefault": 0,
        "dirty_pages_after_access": 0,
        "memory_bytes_after_prefault": 0,
        "memory_bytes_after_access": 0,
        "bytes_dirtied_by_program": 0,
        "bytes_written_back": 0,
        "device_bytes_written": None,
    }
    return Trial(**(none | figures))


def candidate(name: str, *access_ms: float, **figures: Any) -> CandidateResult:
    """A candidate with a trial for each time."""
    return CandidateResult(
        name, "ok", None, tuple(trial(access_ms=ms, **figures) for ms in access_ms)
    )


def review(*candidates: CandidateResult, **words: Any) -> Review:
    """A review of a memfd."""
    load = Workload(Backing.memfd(), size_bytes=PAGES * PAGE_SIZE_BYTES)
    return Review(load, "ok", candidates=candidates, **words)
