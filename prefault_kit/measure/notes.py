"""Notes on a result in plain words: why a figure is unstable, or surprising to a newcomer.

To add a note, add a function of a result that returns a sentence or None.
"""

from __future__ import annotations

from collections.abc import Callable

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.result import Result

UNSTABLE = 1.25
"""A median this far above the minimum is called unstable..."""

UNSTABLE_MS = 0.01
"""...unless the two are closer than this, which is the scatter of any system call."""

SLOW_WARMUP = 2.0
"""A warm-up this far above the median is worth a note."""


def _unstable(result: Result) -> str | None:
    best, median = result.best_ms, result.median_ms
    if best and median and median > max(UNSTABLE * best, best + UNSTABLE_MS):
        above = 100 * (median / best - 1)
        return (
            f"The median is {above:.0f}% above the minimum: other work disturbed this run; "
            "repeat it more often, or on a quieter machine, before comparing."
        )
    return None


def _slow_warmup(result: Result) -> str | None:
    if result.warmup_ms and result.median_ms and result.warmup_ms > SLOW_WARMUP * result.median_ms:
        times = result.warmup_ms / result.median_ms
        why = (
            "in a virtual machine the first touch of memory also faults on the host"
            if result.host.get("hypervisor")
            else "caches and free lists were cold"
        )
        return f"The warm-up took {times:.1f} times the median and is kept apart: {why}."
    return None


def _zero_page(result: Result) -> str | None:
    if result.pages and result.pages["zero"]:
        return (
            f"{result.pages['zero']} of {result.pages['present']} present pages are the shared "
            "zero page: no memory is used (Rss does not count them), and the first write to each "
            "will fault."
        )
    return None


def _hugetlb(result: Result) -> str | None:
    usage = result.usage or {}
    if usage.get("shared_hugetlb") or usage.get("private_hugetlb"):
        return "smaps leaves hugetlb pages out of Rss: see shared_hugetlb and private_hugetlb."
    return None


def _held_twice(result: Result) -> str | None:
    cached = (result.file or {}).get("cached")
    anonymous = (result.usage or {}).get("anonymous")
    if result.sharing == "private" and cached and anonymous:
        return (
            f"Memory is held twice: {cached} pages in the page cache and {anonymous} bytes of "
            "private copies."
        )
    return None


def _nothing_mapped(result: Result) -> str | None:
    if result.outcome == "ok" and result.pages and not result.pages["present"]:
        return f"{result.method} returned without error and mapped no page: each access will fault."
    return None


def _part_mapped(result: Result) -> str | None:
    present = (result.pages or {}).get("present")
    pages = result.size_bytes // PAGE_SIZE_BYTES
    if result.outcome != "ok" or not present or present >= pages:
        return None
    if result.method == "MAP_POPULATE":
        return f"Only {present} of {pages} pages are present: mmap swallowed the error."
    damon = result.host.get("damon")
    who = f"DAMON ({', '.join(damon)})" if isinstance(damon, list) and damon else "the kernel"
    return (
        f"Only {present} of {pages} pages are present, though the method succeeded: {who} "
        "reclaimed pages in the meantime."
    )


def _many_for_one_fault(result: Result) -> str | None:
    present = (result.pages or {}).get("present") or 0
    minor = (result.faults or {}).get("minor") or 0
    huge = (result.pages or {}).get("huge")
    if result.backing == "file" and not huge and minor and present >= 2 * minor:
        return (
            f"{minor} faults mapped {present} pages: the kernel maps cached neighbours along "
            "(fault-around), and whole folios at once."
        )
    return None


def _never_dirty(result: Result) -> str | None:
    if result.file and result.backing in ("memfd", "tmpfs") and result.file.get("cached"):
        return "memfd and tmpfs pages are never counted as dirty: nothing is written back."
    return None


def _blind(result: Result) -> str | None:
    if result.file and result.file["dirty"] is None and result.file["cached"] is not None:
        return (
            f"Dirty pages cannot be counted on {result.file_system or 'this kernel'}: "
            "choose a directory on ext4, xfs or btrfs to see them."
        )
    return None


NOTES: tuple[Callable[[Result], str | None], ...] = (
    _unstable,
    _slow_warmup,
    _zero_page,
    _hugetlb,
    _held_twice,
    _nothing_mapped,
    _part_mapped,
    _many_for_one_fault,
    _never_dirty,
    _blind,
)


def about(result: Result) -> list[str]:
    """Every note that applies to a result."""
    return [sentence for note in NOTES if (sentence := note(result))]
