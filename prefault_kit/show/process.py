"""A process in words and figures: its totals, its mappings, what is amiss, what looking cost.

Names come from the process and may hold anything: :func:`printable` makes a harmless line of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel.looking import Looking
from prefault_kit.kernel.pagemap import PageCounts
from prefault_kit.kernel.symbols import Place
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.page_map import ABSENT
from prefault_kit.show.printable import printable as printable
from prefault_kit.show.printable import printable_long as printable_long
from prefault_kit.show.units import format_count, format_ms
from prefault_kit.studies.process import (
    Changes,
    Diagnosis,
    Faults,
    Overview,
    PageMap,
    ProcessMapping,
)

COLUMNS = (
    "address", "size", "resident", "anonymous", "dirty", "huge", "zero", "swapped", "cached",
    "perm", "advice", "mapping",
)  # fmt: skip
NUMBERS = COLUMNS[1:9]
"""The columns that are figures."""
ALWAYS = ("address", "size", "resident", "perm", "mapping")
"""The columns that no table lacks."""
MOST_ROWS = 20
CODE = re.compile(
    r"((?:sudo|echo|prefault-kit) .+?(?= says where|;|$)"
    r"|\b[a-z]\w+\((?!\d\))[^()]*(?:\([^()]*\)[^()]*)*\))"
)
"""Commands and calls in a sentence; read(2) is a word of it."""
LONGEST_FRAME = 60
TOTALS = {
    "VmRSS": "resident",
    "RssAnon": "anonymous",
    "RssFile": "of files",
    "RssShmem": "of shared memory",
    "HugetlbPages": "hugetlb",
    "VmSwap": "in swap",
    "VmLck": "locked",
    "VmPTE": "page tables",
    "VmSize": "addresses",
}
"""Sizes of /proc/PID/status that are told, in order; those that are 0 are left out."""
CELL_LETTERS = {ABSENT: ".", "zero page": "z", "anonymous": "a", "of the file": "f", "huge": "h",
                "swapped": "s"}  # fmt: skip
"""A cell of a map in letters: a capital where most of its pages are so."""


def help_parts(words: str) -> list[tuple[str, bool]]:
    """What helps, in parts, each with whether it is code: a command, or a call.

    >>> help_parts("madvise((void *)0x1000, 4096, MADV_NORMAL), or read(2) it")
    [('madvise((void *)0x1000, 4096, MADV_NORMAL)', True), (', or read(2) it', False)]
    """
    return [(part, at % 2 == 1) for at, part in enumerate(CODE.split(words)) if part]


def _size(value: int | None) -> str:
    return "" if value is None else format_bytes(value) if value else "0"


def _pages(count: int | None) -> str:
    return _size(None if count is None else count * PAGE_SIZE_BYTES)


def title(seen: Overview) -> str:
    """Which process it is, in one line."""
    threads = format_count(seen.stat.threads, "thread")
    words = f"Process {seen.pid} ({printable(seen.stat.command)}), {threads}"
    if seen.asked_pid != seen.pid:
        words += f"; {seen.asked_pid} is a thread of it"
    return words


def totals(seen: Overview) -> str:
    """The sizes of its status that are not 0, in one line."""
    return ", ".join(
        f"{format_bytes(size)} {words}"
        for name, words in TOTALS.items()
        if (size := seen.status_bytes(name))
    )


def cells(mapping: ProcessMapping) -> tuple[str, ...]:
    """A row of :data:`COLUMNS`; what is not known is empty."""
    pages, usage = mapping.pages, mapping.usage
    dirty = None
    if usage and usage.private_dirty is not None and usage.shared_dirty is not None:
        dirty = usage.private_dirty + usage.shared_dirty
    return (
        f"{mapping.address:x}",
        format_bytes(mapping.size_bytes),
        _size(mapping.resident_bytes),
        _pages(mapping.anonymous_pages),
        _size(dirty),
        _pages(pages.huge) if pages else _size(usage.anon_huge if usage else None),
        _pages(pages.zero) if pages else "",
        _pages(pages.swapped) if pages else "",
        _cached(mapping),
        mapping.head.permissions,
        ", ".join(mapping.advice) if usage else "not known",
        printable(mapping.title) + _fate(mapping),
    )


def _cached(mapping: ProcessMapping) -> str:
    if mapping.file is None or mapping.file.cached is None:
        return ""
    text = _pages(mapping.file.cached)
    return f"{text}, {_pages(mapping.file.dirty)} dirty" if mapping.file.dirty else text


def _fate(mapping: ProcessMapping) -> str:
    return " (replaced)" if mapping.file and mapping.file.fate == "replaced" else ""


def rows(seen: Overview, most: int = MOST_ROWS) -> list[tuple[str, ...]]:
    """The mappings with the most memory, and the others as one row."""
    ordered = seen.largest
    found = [cells(each) for each in ordered[:most]]
    if rest := ordered[most:]:
        found.append(_summed(rest))
    return found


def telling(rows: Sequence[tuple[str, ...]]) -> list[int]:
    """The columns of a table of :func:`rows` in which something stands: not those of zeros alone.

    >>> [COLUMNS[at] for at in telling([("7f00", "4 KiB", *[""] * 5, "0", "", "rw-p", "", "a")])]
    ['address', 'size', 'resident', 'perm', 'mapping']
    """
    return [
        at
        for at, name in enumerate(COLUMNS)
        if name in ALWAYS or any(row[at] not in ("", "0") for row in rows)
    ]


def _summed(rest: Sequence[ProcessMapping]) -> tuple[str, ...]:
    def total(figures: Iterable[int | None]) -> int:
        return sum(each or 0 for each in figures)

    counts = [each.pages for each in rest if each.pages]
    usages = [each.usage for each in rest if each.usage]
    return (
        "",
        format_bytes(total(each.size_bytes for each in rest)),
        _size(total(each.resident_bytes for each in rest)),
        _pages(total(each.anonymous_pages for each in rest)),
        _size(total((each.private_dirty or 0) + (each.shared_dirty or 0) for each in usages)),
        _pages(total(each.huge for each in counts)),
        _pages(total(each.zero for each in counts)),
        _pages(total(each.swapped for each in counts)),
        "",
        "",
        "",
        format_count(len(rest), "more mapping"),
    )


def cost(seen: Overview) -> str:
    """What looking cost the process, in a sentence."""
    return (
        f"Looking took {format_ms(seen.elapsed_ms)} and held the process's mmap_lock for reading "
        f"{format_ms(seen.looking.elapsed_ns / 1e6)} in "
        f"{format_count(seen.looking.calls, 'call')}, "
        f"{format_ms(seen.looking.longest_ns / 1e6)} at the longest: so long its mmap, munmap and "
        "mprotect may have waited"
    )


def changed(found: Changes, most: int = MOST_ROWS) -> list[str]:
    """What changed, a sentence each."""
    first = (
        f"In {found.seconds:.1f} s: {format_count(found.minor_faults, 'minor fault')}, "
        f"{format_count(found.major_faults, 'major fault')}, resident memory "
        f"{_signed(found.resident_bytes)}"
    )
    if not found.mappings:
        return [f"{first}; no mapping changed"]
    sentences = [first]
    ordered = sorted(found.mappings, key=lambda each: -abs(each.resident_bytes or 0))
    for each in ordered[:most]:
        mapping = each.mapping
        words = [f"{printable(mapping.title)} at 0x{mapping.address:x}"]
        if each.before is None:
            words.append(f"is new, {format_bytes(mapping.size_bytes)}")
        elif each.after is None:
            words.append(f"is gone, {format_bytes(mapping.size_bytes)}")
        figures = {
            "size": each.size_bytes if each.before and each.after else None,
            "resident": each.resident_bytes,
            "private dirty": each.usage("private_dirty"),
            "shared dirty": each.usage("shared_dirty"),
            "swapped": (each.pages("swapped") or 0) * PAGE_SIZE_BYTES,
            "locked": each.usage("locked"),
        }
        words += [f"{name} {_signed(value)}" for name, value in figures.items() if value]
        sentences.append(f"{words[0]}: {', '.join(words[1:]) or 'flags or permissions'}")
    if left := len(ordered) - most:
        sentences += [f"{format_count(left, 'more mapping')} changed"] if left > 0 else []
    return sentences


def _signed(size_bytes: int) -> str:
    if not size_bytes:
        return "unchanged"
    return f"{'+' if size_bytes > 0 else '-'}{format_bytes(abs(size_bytes))}"


def cell_word(counts: PageCounts, pages: int) -> tuple[str, bool]:
    """The state that most pages in memory of a cell have, and whether most of its pages have it.

    >>> cell_word(PageCounts(1, 0, 0, 0, 1), 4)
    ('of the file', False)
    """
    huge = counts.huge
    own = {
        "zero page": counts.zero,
        "huge": huge,
        "of the file": max(0, counts.file - huge),
        "anonymous": max(0, counts.present - counts.zero - max(counts.file, huge)),
        "swapped": counts.swapped,
    }
    word = max(own, key=lambda each: own[each])
    if not own[word]:
        return ABSENT, True
    return word, own[word] * 2 > pages


def letters(found: PageMap) -> str:
    """A page map as letters, one a cell: :data:`CELL_LETTERS`."""
    count = found.mapping.size_bytes // PAGE_SIZE_BYTES
    text = ""
    for at, each in enumerate(found.cells):
        word, mostly = cell_word(each, min(found.pages_per_cell, count - at * found.pages_per_cell))
        text += CELL_LETTERS[word].upper() if mostly else CELL_LETTERS[word]
    return text


def folio_words(found: PageMap) -> str | None:
    """The sizes of its folios in a sentence; None where they are not known."""
    if found.folios is None:
        return None
    if not found.folios:
        return "Folios: every page by itself"
    sizes = ", ".join(
        f"{number} of {format_bytes(pages * PAGE_SIZE_BYTES)}"
        for pages, number in sorted(found.folios.items(), reverse=True)
    )
    return f"Folios of several pages, as far as they are mapped: {sizes}"


FAULT_COLUMNS = ("minor", "major", "perm", "where")


def faults(found: Faults) -> list[str]:
    """The faults that were seen, as sentences before their tables."""
    sentences = [
        f"In {found.seconds:.1f} s {format_count(found.minor, 'minor fault')} and "
        f"{format_count(found.major, 'major fault')} on {format_count(found.pages, 'page')}"
    ]
    if found.lost:
        sentences.append(
            f"{format_count(found.lost, 'fault')} came too fast to be recorded, and are in no table"
        )
    if not found.kernel_included:
        sentences.append(
            "Faults that the kernel takes for the process, in read(2) for one, are missing: "
            "to see them, sudo sysctl kernel.perf_event_paranoid=1"
        )
    if found.unwatched_threads:
        sentences.append(
            f"{format_count(found.unwatched_threads, 'thread')} could not be watched for want of "
            "descriptors: ulimit -n"
        )
    return sentences


def fault_rows(found: Faults, most: int = MOST_ROWS) -> list[tuple[str, ...]]:
    """The mappings with the most faults, in :data:`FAULT_COLUMNS`."""
    rows: list[tuple[str, ...]] = []
    for each in found.mappings[:most]:
        where = "" if each.address is None else f" at {each.address:x}"
        rows.append(
            (
                f"{each.minor:,}",
                f"{each.major:,}",
                each.permissions,
                f"{printable(each.title)}{where}",
            )
        )
    return rows


def place_rows(found: Faults, most: int = MOST_ROWS) -> list[tuple[str, ...]]:
    """The places in the code with the most faults: counts, the place, and how it was reached."""
    return [
        (
            f"{each.minor:,}",
            f"{each.major:,}",
            _frame(each.place, "the kernel for " if each.by_kernel else ""),
            " < ".join(_frame(frame) for frame in each.stack[:4]),
        )
        for each in found.places[:most]
    ]


def _frame(place: Place, before: str = "") -> str:
    """A place in a cell: its function, which C++ may make very long, or where it is in its file."""
    name = f"{place.function}+{place.distance:#x}" if place.function else str(place)
    if len(name) > LONGEST_FRAME:
        name = f"{name[: LONGEST_FRAME // 2]}...{name[-LONGEST_FRAME // 2 :]}"
    in_file = f" ({os.path.basename(place.file)})" if place.function and place.file else ""
    return printable(f"{before}{name}{in_file}")


# As JSON


def as_dict(
    seen: Overview,
    diagnoses: Sequence[Diagnosis],
    *,
    changes: Changes | None = None,
    page_map: PageMap | None = None,
    seen_faults: Faults | None = None,
) -> dict[str, Any]:
    """All that was found, in the names of the kernel and in bytes or pages."""
    return {
        "pid": seen.pid,
        "command": seen.stat.command,
        "command_line": seen.command_line,
        "state": seen.stat.state,
        "threads": seen.stat.threads,
        "start_ticks": seen.start_ticks,
        "page_size_bytes": PAGE_SIZE_BYTES,
        "totals_bytes": {name: seen.status_bytes(name) for name in TOTALS},
        "faults": {"minor": seen.stat.minor_faults, "major": seen.stat.major_faults},
        "memlock_bytes": seen.memlock_bytes,
        "mappings": [mapping_dict(each) for each in seen.mappings],
        "diagnoses": [diagnosis_dict(each) for each in diagnoses],
        "missing": [missing_dict(each) for each in seen.missing],
        "looking": looking_dict(seen.looking) | {"wall_ms": seen.elapsed_ms},
        "changes": changes_dict(changes) if changes else None,
        "page_map": page_map_dict(page_map) if page_map else None,
        "fault_stream": faults_dict(seen_faults) if seen_faults else None,
    }


def closed_dict(seen: Overview, missing: Unavailable) -> dict[str, Any]:
    """What is known of a process that may not be looked at."""
    return as_dict(seen, ()) | {
        "mappings": None,
        "diagnoses": None,
        "looking": None,
        "missing": [missing_dict(missing)],
    }


def mapping_dict(each: ProcessMapping) -> dict[str, Any]:
    """One mapping."""
    head = each.head
    return {
        "address": head.address,
        "size_bytes": each.size_bytes,
        "permissions": head.permissions,
        "offset": head.offset,
        "device": f"{head.device[0]}:{head.device[1]}",
        "inode": head.inode,
        "name": head.name,
        "kind": each.kind,
        "vm_flags": None if each.vm_flags is None else list(each.vm_flags),
        "advice": None if each.vm_flags is None else each.advice,
        "page_size_bytes": each.page_size_bytes,
        "thp_eligible": each.thp_eligible,
        "resident_bytes": each.resident_bytes,
        "usage": each.usage.as_dict() if each.usage else None,
        "pages": each.pages._asdict() if each.pages else None,
        "file": None
        if each.file is None
        else {
            "cached": each.file.cached,
            "dirty": each.file.dirty,
            "writeback": each.file.writeback,
            "size_bytes": each.file.size_bytes,
            "fate": each.file.fate,
        },
        "nodes_bytes": each.nodes,
    }


def diagnosis_dict(each: Diagnosis) -> dict[str, Any]:
    """One diagnosis."""
    return {
        "rule": each.rule,
        "level": each.level,
        "sentence": each.sentence,
        "evidence": each.evidence,
        "help": each.help,
        "address": each.address,
    }


def missing_dict(each: Unavailable) -> dict[str, Any]:
    """What could not be found out."""
    return {"reason": each.reason, "command": each.command}


def looking_dict(each: Looking) -> dict[str, Any]:
    """What looking cost."""
    return {
        "calls": each.calls,
        "elapsed_ms": each.elapsed_ns / 1e6,
        "longest_ms": each.longest_ns / 1e6,
    }


def changes_dict(found: Changes) -> dict[str, Any]:
    """What changed."""
    return {
        "seconds": found.seconds,
        "minor_faults": found.minor_faults,
        "major_faults": found.major_faults,
        "resident_bytes": found.resident_bytes,
        "mappings": [
            {
                "address": each.mapping.address,
                "name": each.mapping.head.name,
                "was_there": each.before is not None,
                "is_there": each.after is not None,
                "size_bytes": each.size_bytes,
                "resident_bytes": each.resident_bytes,
                "swapped_pages": each.pages("swapped"),
                "private_dirty": each.usage("private_dirty"),
                "shared_dirty": each.usage("shared_dirty"),
                "cached_pages": each.cached,
            }
            for each in found.mappings
        ],
    }


def faults_dict(found: Faults) -> dict[str, Any]:
    """The faults that were seen."""
    return {
        "seconds": found.seconds,
        "minor": found.minor,
        "major": found.major,
        "pages": found.pages,
        "lost": found.lost,
        "kernel_included": found.kernel_included,
        "unwatched_threads": found.unwatched_threads,
        "mappings": [asdict(each) for each in found.mappings],
        "files": [{"name": name, "faults": count} for name, count in found.files],
        "threads": [{"tid": tid, "faults": count} for tid, count in found.threads],
        "places": [
            {
                "place": str(each.place),
                "by_kernel": each.by_kernel,
                "function": each.place.function,
                "file": each.place.file,
                "offset": each.place.offset,
                "line_command": each.place.command,
                "stack": [str(frame) for frame in each.stack],
                "minor": each.minor,
                "major": each.major,
            }
            for each in found.places
        ],
    }


def page_map_dict(found: PageMap) -> dict[str, Any]:
    """A page map, as cells."""
    return {
        "address": found.mapping.address,
        "name": found.mapping.head.name,
        "pages_per_cell": found.pages_per_cell,
        "cells": [each._asdict() for each in found.cells],
        "folios": found.folios,
        "looking": looking_dict(found.looking),
    }
