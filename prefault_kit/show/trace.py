"""A trace in words and figures: the working set, its mappings, what is not in it, a comparison.

Names come from the program, or from a file of anybody's: they are printed as harmless lines.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from prefault_kit.kernel import fault_around
from prefault_kit.measure.trace import (
    ANONYMOUS,
    FILE,
    SHARED,
    UNRECORDED,
    MappingUse,
    Trace,
    TracedMapping,
)
from prefault_kit.measure.trace_file import SCHEMA
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.printable import printable, printable_long
from prefault_kit.show.units import format_count, format_ms
from prefault_kit.studies.trace.comparison import Comparison, Overlap

COLUMNS = (
    "", "mapping", "size", "touched", "faults", "major", "read", "written", "unknown", "runs",
    "in order",
)  # fmt: skip
ALWAYS = ("", "mapping", "size", "touched", "faults", "in order")
"""Those that a narrow table has, too."""
COMPARED = ("", "now", "earlier", "both", "coverage", "waste")
NS_PER_MS = 1_000_000
MANY = 20
"""Mappings of one size from which on it is said that each is counted."""


def title(trace: Trace) -> str:
    """The program, in one line."""
    return printable(shlex.join(trace.command))


def name(trace: Trace, mapping: TracedMapping) -> str:
    """A mapping in one line: a file's path, or what it is and which of several."""
    words = mapping.name if mapping.kind == FILE else mapping.name or mapping.kind
    if mapping.kind == SHARED:
        words = f"{mapping.kind} {mapping.name}"
    elif mapping.kind == UNRECORDED:
        words = "not recorded (mremap)"
    if mapping.kind in (ANONYMOUS, SHARED):
        words += f", {_size(mapping.size_bytes)} no. {mapping.ordinal}"
    if mapping.image and mapping.kind != FILE:
        words += f", of {trace.images[mapping.image].name}"
    return printable(words)


def _size(value: int) -> str:
    return format_bytes(value) if value else "0"


def cells(trace: Trace, number: int, use: MappingUse) -> tuple[str, ...]:
    """A row of :data:`COLUMNS`; it begins with the number that --mapping takes, from 1."""
    mapping = trace.mappings[use.index]
    page = trace.page_size_bytes
    return (
        str(number),
        name(trace, mapping),
        "" if mapping.kind == UNRECORDED else _size(mapping.size_bytes),
        _size(use.pages * page),
        f"{use.faults:,}",
        f"{use.major:,}",
        _size(use.read * page),
        _size(use.written * page),
        _size(use.unknown * page),
        f"{use.runs:,}",
        f"{use.in_order:.0%}",
    )


def summary(trace: Trace) -> list[str]:
    """The working set, when it was there, and how the program ended: one text each."""
    major = int(trace.major.sum())
    words = (
        f"{format_count(len(trace), 'fault')}, {major:,} of them major, in {_ms(trace.duration_ns)}"
    )
    said = [f"{words}; the program {ending(trace)}"]
    if not len(trace):
        return said
    pages = format_count(trace.pages, "page")
    said.append(
        f"working set: {_size(trace.pages * trace.page_size_bytes)} ({pages}) in "
        f"{format_count(len(trace.use), 'mapping')}; {_halves(trace)}"
    )
    if len(trace.images) > 1:
        forked = sum(each.forked for each in trace.images)
        processes = f"{forked:,} forked process" + ("" if forked == 1 else "es")
        said.append(f"{format_count(len(trace.images) - forked, 'program')} and {processes}")
    return said


def ending(trace: Trace) -> str:
    """How the program ended, in words."""
    if trace.stopped:
        return "was stopped"
    if trace.status is None:
        return "was left running"
    if trace.status < 0:
        try:
            return f"was killed by {signal.Signals(-trace.status).name}"
        except ValueError:
            return f"was killed by signal {-trace.status}"
    return f"ended with status {trace.status}"


def _ms(time_ns: int) -> str:
    return format_ms(time_ns / NS_PER_MS)


def _halves(trace: Trace) -> str:
    times = trace.time_ns[trace.first]
    at = [int(times[int(part * (len(times) - 1))]) for part in (0.5, 0.9)]
    return f"half of it after {_ms(at[0])}, nine tenths after {_ms(at[1])}"


def notes(trace: Trace) -> list[str]:
    """What is not in the trace, and what would help: one sentence each."""
    lack = trace.lack
    said = []
    if lack.lost:
        said.append(f"{lack.lost:,} records came too fast for the buffers and are missing")
    if lack.full:
        said.append(
            f"the trace was full after {len(trace):,} faults, and what came later is missing"
        )
    if lack.kernel:
        said.append(
            "faults that the kernel took for the program, in read(2) for one, are missing "
            "(sudo sysctl kernel.perf_event_paranoid=1 would show them)"
        )
    if lack.accesses:
        said.append(
            "whether a fault read or wrote is known of memory alone that may not be written: "
            + lack.accesses
        )
    if lack.left:
        said.append(
            "processes that it had started still ran as it ended, and went on unseen: "
            f"{lack.left:,}"
        )
    if any(each.kind == ANONYMOUS and each.ordinal > MANY for each in trace.mappings):
        said.append("memory that is unmapped and mapped anew is another mapping each time")
    if any(each.kind == FILE for each in trace.mappings):
        said.append(_around(trace))
    said.append(
        "what the program populated (MAP_POPULATE, MADV_POPULATE_READ, mlock) took no fault, and a "
        "huge page took one for all of it"
    )
    return [printable_long(each) for each in said]


def _around(trace: Trace) -> str:
    """What fault-around hides, by the setting that was recorded, if it was to be seen."""
    told = trace.host.get("fault_around_bytes")
    known = told if isinstance(told, int) and 0 < told < 1 << 40 else None
    size = known or max(fault_around.USUAL_BYTES, trace.page_size_bytes)
    if size <= trace.page_size_bytes:
        return (
            "the kernel maps no page of a file around one that faults here (fault_around_bytes), "
            "but may map a large folio as a whole"
        )
    return (
        "a page of a file that has no fault may have been used: the kernel maps what is cached "
        f"around one that faults, {'' if known else 'usually '}{format_bytes(size)} at once; for a "
        f"trace of every page, as root: {fault_around.without()}"
    )


def comparison(found: Comparison) -> list[str]:
    """What the earlier trace foretold, in sentences."""
    return [_overlap(found.files, "files"), _overlap(found.memory, "other memory")]


def _overlap(found: Overlap, what: str) -> str:
    if found.coverage is None or found.waste is None:
        return f"{what}: nothing to compare"
    return (
        f"{what}: {found.coverage:.0%} of what was touched now ({_size(found.now)}) is in the "
        f"earlier trace (coverage), and {found.waste:.0%} of that ({_size(found.earlier)}) was not "
        "touched now (waste)"
    )


def compared_cells(found: Overlap) -> tuple[str, ...]:
    """A row of :data:`COMPARED`."""
    return (
        printable(found.title),
        _size(found.now),
        _size(found.earlier),
        _size(found.both),
        "" if found.coverage is None else f"{found.coverage:.0%}",
        "" if found.waste is None else f"{found.waste:.0%}",
    )


def as_dict(trace: Trace, compared: Comparison | None = None) -> dict[str, Any]:
    """The object that ``trace --json`` prints: all but the single faults."""
    page = trace.page_size_bytes
    return {
        "schema": SCHEMA,
        "command": list(trace.command),
        "status": trace.status,
        "stopped": trace.stopped,
        "duration_ms": trace.duration_ns / NS_PER_MS,
        "page_size_bytes": page,
        "faults": len(trace),
        "major": int(trace.major.sum()),
        "pages": trace.pages,
        "working_set_bytes": trace.pages * page,
        "growth": [{"ms": ms, "bytes": pages * page} for ms, pages in trace.growth()],
        "images": [asdict(each) for each in trace.images],
        "mappings": [_mapping(trace, at, each) for at, each in enumerate(trace.use, 1)],
        "lack": asdict(trace.lack),
        "notes": notes(trace),
        "comparison": compared.as_dict() if compared else None,
        "host": trace.host,
    }


def _mapping(trace: Trace, number: int, use: MappingUse) -> dict[str, Any]:
    return asdict(trace.mappings[use.index]) | {
        "number": number,
        **{each: value for each, value in asdict(use).items() if each != "index"},
        "touched_bytes": use.pages * trace.page_size_bytes,
    }


def first_touches(trace: Trace, use: MappingUse, most: int = 8) -> str:
    """The first runs of pages in the order in which they were touched.

    A run that goes on page by page is one: ``0-31, 64, 40-41, ...``.
    """
    at = trace.of(use.index)
    pages = trace.page[at][trace.first[at]].tolist()
    return ", ".join(_in_runs(pages, most))


def _in_runs(pages: Iterable[int], most: int) -> list[str]:
    found: list[list[int]] = []
    for page in pages:
        if found and page == found[-1][1] + 1:
            found[-1][1] = page
        elif len(found) == most:
            return [*map(_run, found), "..."]
        else:
            found.append([page, page])
    return [*map(_run, found)]


def _run(run: list[int]) -> str:
    return str(run[0]) if run[0] == run[1] else f"{run[0]}-{run[1]}"
