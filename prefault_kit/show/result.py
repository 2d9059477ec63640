"""A result in figures and in sentences: what is resident, what the follow-up cost, the times.

The sentences are the charts' argument for those who cannot see them.
"""

from __future__ import annotations

from typing import Any

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import labels
from prefault_kit.show.sentences import sentence
from prefault_kit.show.units import format_count, format_ms
from prefault_kit.studies.grid.published import published

SHARE_NAMES = {
    "zero": "zero page",
    "clean": "clean",
    "dirty": "dirty",
    "anonymous": "anonymous",
    "huge": "huge",
}
"""How resident memory is split; every byte is in one share at most."""
COUNT_NAMES = {
    "cached": "in the page cache",
    "dirty": "dirty",
    "writeback": "in write-back",
    "minor_faults": "page faults",
}
"""What is counted after each phase."""
PHASE_NAMES = {"method": "the method", "write": "one write to each page", "sync": "a sync"}
"""The phases of a follow-up."""


def system_page_bytes(result: Result) -> int:
    """The page size of the host that the result is from: ``pages`` counts in it."""
    return int(result.host.get("page_size_bytes", PAGE_SIZE_BYTES))


def shares_bytes(result: Result) -> dict[str, int]:
    """Split what is resident: bytes by share, of :data:`SHARE_NAMES`.

    ``anonymous`` are private copies of small pages, and of large folios that smaps does not count
    as AnonHugePages (it counts those of PMD size alone); ``huge`` are hugetlb pages and
    AnonHugePages; ``clean`` and ``dirty`` are pages of a file or of shared memory. A figure that
    the kernel lacks counts as 0.
    """
    usage = {name: value or 0 for name, value in (result.usage or {}).items()}
    anon_huge = usage.get("anon_huge", 0)
    anonymous = usage.get("anonymous", 0)
    clean = usage.get("shared_clean", 0) + usage.get("private_clean", 0)
    dirty = usage.get("shared_dirty", 0) + usage.get("private_dirty", 0)
    anonymous_clean = max(0, anonymous - dirty)  # read back from swap, not written since
    return {
        "zero": ((result.pages or {}).get("zero") or 0) * system_page_bytes(result),
        "clean": clean - anonymous_clean,
        "dirty": max(0, dirty - anonymous),
        "anonymous": anonymous - anon_huge,
        "huge": anon_huge + usage.get("shared_hugetlb", 0) + usage.get("private_hugetlb", 0),
    }


def phases(result: Result) -> list[dict[str, Any]]:
    """The follow-up's phases; without a follow-up, the state after the method as the only phase."""
    if result.phases:
        return result.phases
    if result.outcome != "ok":
        return []
    counts = result.file or dict.fromkeys(("cached", "dirty", "writeback"))
    return [{"phase": "method", **counts, "minor_faults": (result.faults or {}).get("minor")}]


def describe(result: Result) -> str:
    """One paragraph: the time, what is resident, the faults, and what a later write costs.

    >>> from prefault_kit import Backing, Experiment, run
    >>> cell = Experiment(Backing.anon(), "private", "POPULATE_WRITE", 512 * PAGE_SIZE_BYTES)
    >>> "All 512 pages are present" in describe(run(cell))
    True
    """
    memory = ", ".join(labels.traits(result))
    head = f"{result.method} on {memory}"
    if result.outcome == "unavailable":
        return f"{head}: not possible here. {sentence(result.message)}"
    if result.outcome != "ok":
        populated = format_bytes(result.populated_bytes or 0)
        errno = f" with {result.errno}" if result.errno else ""
        return f"{head}: failed{errno} after {populated} were populated. {sentence(result.message)}"
    parts = (f"{head}: {timing(result)}.", resident(result), faults(result), later(result))
    return " ".join(part for part in parts if part)


def timing(result: Result) -> str:
    """Minimum and median, and the published minimum where there is one."""
    if result.best_ms is None or result.median_ms is None:
        return "no timing"
    best, median = format_ms(result.best_ms), format_ms(result.median_ms)
    text = f"best {best}, median {median} of {result.repeats}"
    if known_ms := published(result):
        text += f" (published in 2021: {format_ms(known_ms)})"
    return text


def resident(result: Result) -> str:
    """How many pages are present, and of which kind."""
    counts = result.pages or {}
    present = counts.get("present")
    if present is None:
        return ""
    total = result.size_bytes // system_page_bytes(result)
    if not present:
        return f"None of the {format_count(total, 'page')} is present."
    if present == total:
        text = f"All {format_count(total, 'page')} are present"
    else:
        text = f"{present:,} of {format_count(total, 'page')} are present"
    if counts.get("zero") == present:
        return f"{text}, every one the shared zero page: no memory is used yet."
    split = ", ".join(
        f"{format_bytes(size)} {SHARE_NAMES[share]}"
        for share, size in shares_bytes(result).items()
        if size
    )
    return f"{text}: {split}." if split else f"{text}."


def faults(result: Result) -> str:
    """The page faults that the method itself took."""
    if not result.faults:
        return ""
    minor, major = result.faults["minor"], result.faults["major"]
    return f"The method took {minor:,} minor and {format_count(major, 'major fault')}."


def later(result: Result) -> str:
    """What the follow-up saw: faults of a later write, and dirty pages of the file."""
    found = {phase["phase"]: phase for phase in result.phases}
    if "write" not in found:
        return ""
    taken = found["write"]["minor_faults"]
    text = "Writing each page once afterwards took "
    text += format_count(taken, "more fault") if taken else "no further fault"
    dirty = [found[name]["dirty"] for name in PHASE_NAMES if name in found]
    if any(dirty):
        counts = ", ".join("unknown" if count is None else f"{count:,}" for count in dirty)
        text += f"; dirty pages of the file after the method, that write and a sync: {counts}"
    return f"{text}."
