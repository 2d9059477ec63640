"""What a run did, in sentences with numbers: the charts' argument for who cannot see them."""

from __future__ import annotations

from prefault_kit.measure.result import Result
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.screens.explorer import rows
from prefault_kit.screens.model import sentence
from prefault_kit.show.units import format_count, format_ms

SHARE_NAMES = {
    "zero": "zero page",
    "clean": "clean",
    "dirty": "dirty",
    "anonymous": "anonymous",
    "huge": "huge",
}
COUNT_NAMES = {
    "cached": "in the page cache",
    "dirty": "dirty",
    "writeback": "in write-back",
    "minor_faults": "page faults",
}
FOLLOW_UP_NAMES = {"method": "the method", "write": "one write to each page", "sync": "a sync"}


def describe(result: Result) -> str:
    """One paragraph: the time, what is resident, the faults, and what a later write costs."""
    row = rows.of_result(result)
    head = f"{row.method} on {row.memory}, {row.sharing}, {row.size}, {row.start} start"
    if result.outcome == "unavailable":
        return f"{head}: not possible here. {sentence(result.message)}"
    if result.outcome != "ok":
        populated = format_bytes(result.populated_bytes or 0)
        errno = f" with {result.errno}" if result.errno else ""
        return f"{head}: failed{errno} after {populated} were populated. {sentence(result.message)}"
    return " ".join(
        part
        for part in (f"{head}: {timing(row)}.", resident(result), faults(result), later(result))
        if part
    )


def timing(row: rows.Row) -> str:
    """Minimum and median, and how the minimum compares with the published one."""
    if row.best_ms is None or row.median_ms is None:
        return "no timing"
    text = f"best {format_ms(row.best_ms)}, median {format_ms(row.median_ms)} of {row.repeats}"
    if row.published_ms:
        text += f" (published in 2021: {format_ms(row.published_ms)})"
    return text


def resident(result: Result) -> str:
    """How many pages are present, and what they are."""
    counts = result.pages or {}
    present = counts.get("present")
    if present is None:
        return ""
    page_size_bytes = Backing.anon().page_size_bytes
    total = result.size_bytes // page_size_bytes
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
        for share, size in rows.shares_bytes(result).items()
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
    phases = {phase["phase"]: phase for phase in result.phases}
    if "write" not in phases:
        return ""
    taken = phases["write"]["minor_faults"]
    text = (
        "Writing each page once afterwards took no further fault"
        if not taken
        else f"Writing each page once afterwards took {format_count(taken, 'more fault')}"
    )
    dirty = [phases[name]["dirty"] for name in ("method", "write", "sync") if name in phases]
    if any(dirty):
        counts = ", ".join("unknown" if count is None else f"{count:,}" for count in dirty)
        text += f"; dirty pages of the file after the method, that write and a sync: {counts}"
    return f"{text}."
