"""Runs side by side as sentences and cells of tables, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show.labels import letters
from prefault_kit.show.printable import printable
from prefault_kit.show.units import format_count, format_ms
from prefault_kit.studies.comparison.cells import FASTER, SLOWER, Cell, Entry, Summary
from prefault_kit.studies.comparison.comparison import Comparison
from prefault_kit.studies.comparison.facts import NONE, Difference
from prefault_kit.studies.comparison.promises import Promise
from prefault_kit.studies.comparison.recorded import (
    DIFFERS,
    EXPLAINED,
    GRID,
    HOLDS,
    NOT_TESTABLE,
    Answer,
    Run,
)

FACTS = {
    "kernel": "kernel",
    "machine": "architecture",
    "cpu": "processor",
    "cpus": "processors",
    "hypervisor": "hypervisor",
    "accelerator": "guest",
    "page_size_bytes": "page size",
    "huge_page_sizes_bytes": "huge pages",
    "huge_page_pools": "pools of huge pages",
    "thp": "THP",
    "shmem_thp": "THP of shared memory",
    "file_systems": "file system",
    "memory_bytes": "memory",
    "memory_limit_bytes": "memory limit",
    "swap_bytes": "swap",
    "damon": "DAMON",
    "starts": "start",
    "repeats": "repetitions",
    "prefault_kit": "prefault-kit",
    "python": "Python",
    "date": "date",
}
"""Facts in words."""
MARKS = {HOLDS: "yes", EXPLAINED: "otherwise", DIFFERS: "DIFFERS", NOT_TESTABLE: "-", None: ""}
"""The words of a cell; empty where it was not asked."""
MARKED = (
    "yes: it holds; otherwise: not as in the text of 2021, for a known reason; DIFFERS: for no "
    "known reason; -: not testable there"
)
UNKNOWN = "unknown"
MOST_NAMED = 12
"""Runs that are named in one place."""
SUMMARY = ("run", "cells", "ratio", "least", "most", "faster", "slower", "within noise")
CERTAINTY = (
    "Ratios are of medians, to the first run, with intervals of 95% from the repetitions "
    "of both: of 100 cells that are equal, five lie outside by chance, and what changes from one "
    "run to the next is in no interval"
)


def legend(found: Comparison) -> dict[str, str]:
    """The letter of each run, by its name."""
    return {run.name: letters(at) for at, run in enumerate(found.runs)}


def about(run: Run) -> str:
    """A run in a line: its file and its host."""
    what = format_count(run.size, "cell" if run.kind == GRID else "verdict")
    host = run.host
    if not host:
        return f"{printable(run.name)}: {what}; it does not say of which host it is"
    parts = [f"Linux {fact('kernel', host.get('kernel'))}"]
    parts += [str(host[name]) for name in ("cpu", "date") if host.get(name)]
    return f"{printable(run.name)}: {what}; {', '.join(parts)}"


def fact(name: str, value: Any) -> str:
    """The value of a fact in words."""
    if value is None:
        return UNKNOWN
    if value in (NONE, [], ()):
        return NONE
    if name.endswith("_bytes") and isinstance(value, int):
        return format_bytes(value) if value else NONE
    if name == "huge_page_sizes_bytes":
        return ", ".join(map(format_bytes, value))
    if name == "huge_page_pools":
        pools = (
            f"{each['total']} of {format_bytes(each['page_size_bytes'])}, {each['free']} free"
            for each in value
        )
        return "; ".join(pools)
    if isinstance(value, list | tuple):
        return ", ".join(printable(str(each)) for each in value)
    return printable(str(value))


def differences(found: Comparison) -> list[tuple[str, str]]:
    """What differs between the hosts: the fact, and its values with the letters of their runs."""
    known = legend(found)
    return [(FACTS[each.fact], _groups(each, known)) for each in found.differences]


def _groups(difference: Difference, known: Mapping[str, str]) -> str:
    return "; ".join(
        f"{fact(difference.fact, value)} ({named([known[name] for name in names])})"
        for value, names in difference.values
    )


def named(names: Sequence[str]) -> str:
    """Names, of which there may be many."""
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: MOST_NAMED - 1])} and {len(names) - MOST_NAMED + 1} more"


def warning(found: Comparison) -> str:
    """The sentence above the differences."""
    if found.unknown and len(found.unknown) == len(found.runs):
        return "No run says of which host it is: what differs between them is not known"
    if not found.differences:
        return "The hosts do not differ in what is recorded of them"
    return "Before any figure is read, this differs between the hosts"


def ratio(entry: Entry | None) -> str:
    """A ratio with its interval: ``1.05 (1.02 to 1.08)``; empty without one."""
    if entry is None or entry.ratio is None:
        return ""
    said = f"{_figure(entry.ratio)}"
    if entry.low is None or entry.high is None:
        return said
    return f"{said} ({_figure(entry.low)} to {_figure(entry.high)})"


def _figure(number: float | None) -> str:
    """A ratio, with as many digits as say something."""
    if number is None:
        return "-"
    return f"{number:.2f}" if 0.1 <= number < 1000 else f"{number:.2g}"


def time(entry: Entry | None) -> str:
    """The median, or why there is none."""
    if entry is None:
        return "-"
    if entry.outcome != "ok" or entry.median_ms is None:
        return entry.errno or entry.outcome
    return format_ms(entry.median_ms)


def best(entry: Entry | None) -> str:
    """The shortest repetition."""
    return "-" if entry is None or entry.best_ms is None else format_ms(entry.best_ms)


def by_memory(cells: Sequence[Cell]) -> Iterator[tuple[str, list[Cell]]]:
    """Cells with the memory that they are of, in their order."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.memory, []).append(cell)
    yield from groups.items()


def summary_cells(letter: str, each: Summary) -> tuple[str, ...]:
    """One run against the first, in the columns of :data:`SUMMARY`."""
    counts = (str(each.faster), str(each.slower), str(each.noise))
    cells = str(each.compared) + (f" (+{each.missing})" if each.missing else "")
    return (letter, cells, *map(_figure, (each.ratio, each.least, each.most)), *counts)


def summary_sentence(found: Comparison, at: int) -> str:
    """The same in words."""
    one, other = letters(at), letters(0)
    each = found.summaries[at - 1]
    if not each.compared:
        return f"{one} and {other} have no cell in common that was timed"
    alone = f"; {format_count(each.missing, 'cell')} timed in one of them alone" * bool(
        each.missing
    )
    return (
        f"{one} takes {_figure(each.ratio)} times as long as {other} at the median of "
        f"{format_count(each.compared, 'cell')}, {_figure(each.least)} to {_figure(each.most)}: "
        f"{each.faster} {FASTER}, {each.slower} {SLOWER}, {each.noise} within noise{alone}"
    )


def promise_sentence(found: Comparison) -> str:
    """How many promises differ between the hosts."""
    differ = sum(each.differs for each in found.promises)
    partly = sum(each.is_partly_asked and not each.differs for each in found.promises)
    more = f"; {partly} more could be tested on some of them alone" if partly else ""
    return (
        f"{differ} of {format_count(len(found.promises), 'promise')} differ between the hosts{more}"
    )


def differing(promises: Sequence[Promise]) -> list[Promise]:
    """Those that differ."""
    return [each for each in promises if each.differs]


def outcomes(promise: Promise) -> str:
    """What it is where, with the letters of the runs: ``yes (A, B); otherwise (C)``."""
    return grouped([MARKS[each] or "not asked" for each in promise.outcomes])


def seen(promise: Promise) -> list[tuple[str, str]]:
    """What was seen where, with the letters of the runs, and on which kinds of memory."""
    memories: dict[str, list[str]] = {}
    for row in promise.rows:
        if row.differs:
            words = grouped([_seen(each) for each in row.answers])
            memories.setdefault(words, []).append(printable(row.backing))
    return [(", ".join(kinds), words) for words, kinds in memories.items()]


def grouped(words: Sequence[str]) -> str:
    """Words, a place for each run, with the letters of those that have them."""
    known: dict[str, list[str]] = {}
    for at, each in enumerate(words):
        known.setdefault(each, []).append(letters(at))
    return "; ".join(f"{each} ({named(names)})" for each, names in known.items())


def _seen(answer: Answer | None) -> str:
    if answer is None:
        return "not asked"
    if answer.outcome == NOT_TESTABLE:
        return "not testable"
    why = f": {printable(answer.reason)}" if answer.reason else ""
    return f"{answer.verdict}, {printable(answer.observed or '')}{why}"


def as_dict(found: Comparison) -> dict[str, Any]:
    """The JSON object that ``compare --json`` prints."""
    names = [run.name for run in found.runs]
    said: dict[str, Any] = {
        "kind": found.kind,
        "runs": [
            {"name": run.name, "host": dict(run.host), "file_systems": list(run.file_systems)}
            | {"size": run.size}
            for run in found.runs
        ],
        "differences": [
            {
                "fact": each.fact,
                "values": [{"value": value, "runs": list(runs)} for value, runs in each.values],
            }
            for each in found.differences
        ],
    }
    if found.kind == GRID:
        pairs = zip(names[1:], found.summaries, strict=True)
        said["summaries"] = [{"run": name} | asdict(each) for name, each in pairs]
        said["cells"] = [_cell(names, each) for each in found.cells]
        return said
    said["promises"] = [_promise(names, each) for each in found.promises]
    return said


def _cell(names: Sequence[str], cell: Cell) -> dict[str, Any]:
    known = {name: value for name, value in vars(cell).items() if name != "entries"}
    known["runs"] = [
        {"run": name} | vars(entry) | {"verdict": entry.verdict}
        for name, entry in zip(names, cell.entries, strict=True)
        if entry is not None
    ]
    return known


def _promise(names: Sequence[str], promise: Promise) -> dict[str, Any]:
    return {
        "id": promise.id,
        "claim": promise.claim,
        "differs": promise.differs,
        "outcomes": dict(zip(names, promise.outcomes, strict=True)),
        "differing": [
            {
                "backing": row.backing,
                "expected": row.expected,
                "answers": {
                    name: None
                    if each is None
                    else {key: getattr(each, key) for key in ("verdict", "observed", "reason")}
                    for name, each in zip(names, row.answers, strict=True)
                },
            }
            for row in promise.rows
            if row.differs
        ],
    }
