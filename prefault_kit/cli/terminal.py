"""What people read: results, rows and capabilities as tables in the terminal."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from prefault_kit.host import Capability
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import review as review_text
from prefault_kit.show.units import format_count, format_ms
from prefault_kit.studies.grid import published, table_file
from prefault_kit.studies.promises.promise import DIFFERS, HOLDS, NOT_TESTABLE, Verdict
from prefault_kit.studies.review import Review, Weights, advice

PLAIN_WIDTH = 150
"""Columns where there is no terminal to ask."""

UNKNOWN = "not reported by this kernel"


def _console() -> Console:
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(width=width, markup=False, highlight=False, emoji=False)


def _ms(value: float | None) -> str:
    return "-" if value is None else format_ms(value)


def _bytes(value: int | None) -> str:
    return UNKNOWN if value is None else format_bytes(value) if value else "0"


def _pages(value: int | None) -> str:
    return UNKNOWN if value is None else format_count(value, "page")


def result(result: Result, cell: Experiment) -> None:
    """Everything that one cell gave: times, the three views, faults, notes."""
    console = _console()
    title = (
        f"{cell.method}: {cell.sharing} {cell.backing.label}, {format_bytes(cell.size_bytes)}, "
        f"start {cell.start}"
    )
    if cell.threads > 1:
        title += f", {cell.threads} threads"
    if result.file_system:
        title += f", on {result.file_system}"
    console.print(Text(title, style="bold"))
    table = Table(show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    _times(table, result)
    _views(table, result)
    console.print(table)
    if result.phases:
        console.print(_phases(result))
    for note in filter(None, (*result.notes, published.published_note(cell))):
        console.print(f"- {note}")


def _times(table: Table, result: Result) -> None:
    table.add_row("time", f"best of {len(result.timings_ms)}", _ms(result.best_ms))
    table.add_row("", "median", _ms(result.median_ms))
    table.add_row("", "warm-up, kept apart", _ms(result.warmup_ms))
    if (figure := published.published(result)) is not None:
        table.add_row("", "best of 10, published 2021", _ms(figure))
    populated = _bytes(result.populated_bytes)
    table.add_row("", "populated", populated, end_section=True)


def _views(table: Table, result: Result) -> None:
    for title, view, say in (
        ("accounting", result.usage, _bytes),
        ("page tables", result.pages, _pages),
        ("page cache", result.file, _pages),
    ):
        first = title
        for name, value in (view or {}).items():
            text = _bytes(value) if name.endswith("_bytes") else say(value)
            table.add_row(first, name.removesuffix("_bytes").replace("_", " "), text)
            first = ""
        table.add_section()
    if result.faults:
        table.add_row("faults", "minor", f"{result.faults['minor']:,}")
        table.add_row("", "major", f"{result.faults['major']:,}")


def _phases(result: Result) -> Table:
    table = Table(title="after", title_justify="left")
    columns = ("cached", "dirty", "writeback")
    for name in ("phase", *columns, "allocated", "minor faults"):
        table.add_column(name, justify="left" if name == "phase" else "right")
    for phase in result.phases:
        table.add_row(
            phase["phase"],
            *("-" if phase[name] is None else _pages(phase[name]) for name in columns),
            "-" if phase["allocated_bytes"] is None else _bytes(phase["allocated_bytes"]),
            f"{phase['minor_faults']:,}",
        )
    return table


def grid(results: Sequence[Result]) -> None:
    """A grid: each cell's time beside the published one, and POPULATE beside touching."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("method", no_wrap=True)
    for name in ("best", "median", "published", "to touch", "published"):
        table.add_column(name, justify="right", no_wrap=True)
    before = ""
    for row in table_file.rows(results):
        memory = f"{row['sharing']} {row['backing']} {format_bytes(row['page_size_bytes'])}"
        group = f"{memory}, {format_bytes(row['size_bytes'])}"
        if row["start"] != "empty":
            group += f", {row['start']}"
        if group != before:
            table.add_section()
            table.add_row(Text(group, style="bold"))
        before = group
        table.add_row(
            row["method"],
            _ms(row["best_ms"]) if row["outcome"] == "ok" else row["outcome"],
            _ms(row["median_ms"]),
            _ms(row["published_ms"]),
            *(
                "" if row[name] is None else f"{row[name]:.2f}"
                for name in ("ratio_populate_to_touch", "published_ratio_populate_to_touch")
            ),
        )
    console = _console()
    console.print(table)
    console.print("to touch: POPULATE's time over that of touching the same memory")


def capabilities(facts: dict[str, object], found: Sequence[Capability]) -> None:
    """What there is, what is missing and why, and the commands to copy."""
    console = _console()
    console.print(
        f"Linux {facts['kernel']} on {facts['cpu']}, {facts['cpus']} processors, "
        f"{_bytes(int(str(facts['memory_bytes'])))} of memory, "
        f"pages of {_bytes(int(str(facts['page_size_bytes'])))}"
    )
    table = Table()
    table.add_column("what", no_wrap=True)
    table.add_column("here", no_wrap=True)
    table.add_column("detail")
    for each in found:
        mark = Text("yes", style="green") if each.available else Text("no", style="bold red")
        detail = each.detail
        if each.reason and each.reason not in detail:
            detail = f"{each.reason} ({detail})" if detail else each.reason
        table.add_row(each.name, mark, detail)
    console.print(table)
    commands = dict.fromkeys(each.command for each in found if each.command)
    for command in commands:
        names = ", ".join(each.name for each in found if each.command == command)
        console.print(f"To enable {names}:")
        console.print(f"  {command}", soft_wrap=True)
    if not commands and all(each.available for each in found):
        console.print("Everything can run here.")


MARKS = {HOLDS: "green", DIFFERS: "bold red", NOT_TESTABLE: "dim"}
EXPLAINED = "yellow"


def verdicts(found: Sequence[Verdict]) -> None:
    """One verdict a line under its promise, with what was seen or why not; then the counts."""
    console = _console()
    wide = max((len(each.backing) for each in found), default=0)
    before = ""
    for each in found:
        if each.id != before:
            console.print(Text.assemble((each.id, "bold"), f"  {each.claim} ({each.source})"))
        before = each.id
        known = each.verdict == DIFFERS and each.explained
        console.print(
            Text.assemble(
                "  ",
                (
                    f"{each.verdict:<{len(NOT_TESTABLE)}}",
                    EXPLAINED if known else MARKS[each.verdict],
                ),
                f"  {each.backing:<{wide}}  {_observed(each)}",
            ),
            soft_wrap=True,
        )
    counts = Counter(each.verdict for each in found)
    surprises = sum(not each.explained for each in found)
    console.print(
        f"{counts[HOLDS]} hold, {counts[DIFFERS]} differ ({surprises} unexplained), "
        f"{counts[NOT_TESTABLE]} not testable here"
    )


def _observed(verdict: Verdict) -> str:
    if verdict.verdict == NOT_TESTABLE:
        return verdict.reason or ""
    seen = verdict.observed or ""
    if verdict.verdict == HOLDS:
        return seen
    return f"{seen}, not {verdict.expected}: {verdict.reason or 'unexplained'}"


def review(found: Review, weights: Weights) -> None:
    """The candidates of a review, cheapest first; what is recommended, and why."""
    console = _console()
    load = found.workload
    title = f"{load.sharing} {load.backing.label}, {format_bytes(load.size_bytes)}, {load.content}"
    title += f": {load.read:.0%} read, {load.write:.0%} written, {load.pattern}"
    title += f", then {load.afterwards}" if load.afterwards != "nothing" else ""
    title += f", on {found.file_system}" if found.file_system else ""
    console.print(Text(title, style="bold"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in review_text.SHORT[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    for each in advice.ranking(found, weights):
        cells = review_text.cells(each, weights)
        table.add_row(*(cells[name] or "-" for name in review_text.SHORT))
    console.print(table)
    for each in found.candidates:
        if each.outcome != "ok":
            console.print(Text(each.sentence))
    first, *rest = review_text.answer(found, weights)
    console.print(Text(first, style="bold"))
    for sentence in rest:
        console.print(Text(sentence))
    console.print(
        "faults: during the accesses; dirty pages: after prefaulting; amplification: bytes written "
        "back over bytes dirtied by the program"
    )
    console.print(f"to repeat: {review_text.command(found, weights)}", soft_wrap=True)
