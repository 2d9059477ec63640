"""The program with mistakes in a notebook: its memory, and what is found in it.

Addresses differ from run to run, so pieces of memory go by the names of their mistakes; sizes are
rounded, for a kernel that is short of memory may evict a page between two looks.
"""

from __future__ import annotations

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.markdown import Markdown, code, escape, table
from prefault_kit.show.process import help_parts
from prefault_kit.studies.mistakes import MISTAKES, Program
from prefault_kit.studies.process import Diagnosis, Process, ProcessMapping
from prefault_kit.studies.process.diagnosis import where

UNLIMITED_MS = 10_000.0
"""How long the program may be held up at a time: nothing in it must not wait."""
SECONDS = 0.5
"""Between two looks."""
HEADS = ("memory", "resident", "anonymous", "shared dirty", "huge", "cached", "advice")


def memory(process: Process, program: Program, *names: str) -> Markdown:
    """The program's pieces of memory, or some of them; the beat's is there for moments."""
    seen = process.overview(longest_ms=UNLIMITED_MS)
    chosen = names or tuple(program.places)
    rows = [(name, *_figures(seen.at(program.places[name][0]))) for name in chosen]
    return Markdown(table(HEADS, rows))


def _figures(each: ProcessMapping) -> tuple[str, ...]:
    pages = each.pages
    shared_dirty = each.usage.shared_dirty if each.usage else None
    advice = [name for name in each.advice if name.startswith("MADV_")]
    return (
        _size(each.resident_bytes),
        _size(None if pages is None else (each.anonymous_pages or 0) * PAGE_SIZE_BYTES),
        _size(shared_dirty),
        _size(None if pages is None else pages.huge * PAGE_SIZE_BYTES),
        _size(each.file.cached * PAGE_SIZE_BYTES if each.file and each.file.cached else 0),
        " ".join(advice),
    )


def _size(size_bytes: int | None) -> str:
    """To half a MiB; empty where it is not known."""
    if size_bytes is None:
        return ""
    rounded = round(size_bytes / (1 << 19)) << 19
    return format_bytes(rounded) if rounded else "0"


def found(process: Process, program: Program) -> Markdown:
    """What a diagnosis of two looks finds in the program's pieces of memory, by the rule's name."""
    rows = [(name, each.rule) for name, each in _diagnosed(process, program)]
    return Markdown(table(("memory", "diagnosis"), rows) if rows else "Nothing is amiss.")


def sentences(process: Process, program: Program) -> Markdown:
    """The same in full: each finding with its evidence, and what helps."""
    lines = []
    for name, each in _diagnosed(process, program):
        told = each.sentence
        if each.address is not None:
            told = told.replace(where(process.overview(files=False).at(each.address)), f"*{name}*")
        helps = "".join(
            code(part) if is_code else escape(part)
            for part, is_code in help_parts(each.help or "nothing")
        )
        lines.append(f"- {told}. What helps: {helps}.")
    return Markdown("\n".join(lines))


def _diagnosed(process: Process, program: Program) -> list[tuple[str, Diagnosis]]:
    before = process.overview(longest_ms=UNLIMITED_MS)
    process.wait(SECONDS)
    diagnoses = process.diagnose(process.changes(before, longest_ms=UNLIMITED_MS))
    named = [(name, each) for each in diagnoses if (name := _whose(each, program))]
    return sorted(named, key=lambda row: list(MISTAKES).index(row[0]))


def _whose(diagnosis: Diagnosis, program: Program) -> str | None:
    """The mistake whose memory it is about; None of the interpreter's."""
    if diagnosis.rule == "steady-faults":
        return "beat"
    for name, (address, _) in program.places.items():
        if diagnosis.address == address:
            return name
    return None
