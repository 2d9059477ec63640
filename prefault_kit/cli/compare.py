"""``prefault-kit compare``: recorded runs of several hosts side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from prefault_kit.cli import export as exports
from prefault_kit.cli import terminal
from prefault_kit.cli.bar import bar
from prefault_kit.cli.ending import UNAVAILABLE, Ending, in_words
from prefault_kit.cli.options import FILE, as_json
from prefault_kit.host import extras
from prefault_kit.measure import saved
from prefault_kit.show import comparison as show
from prefault_kit.show.labels import letters
from prefault_kit.show.printable import printable, printable_long
from prefault_kit.studies import comparison
from prefault_kit.studies.comparison import Comparison, Run
from prefault_kit.studies.comparison.cells import FASTER, SLOWER, Cell, Entry
from prefault_kit.studies.comparison.recorded import GRID

MOST_IN_FULL = 6
"""Runs that have a sentence each; more are a table."""
GAP = 2
STYLES = {FASTER: "green", SLOWER: "yellow"}


@click.command(short_help="Recorded runs of several hosts side by side, and what differs.")
@click.argument("files", metavar="A B [C]...", nargs=-1, type=FILE)
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Only the cells, or the promises, that match; may be repeated.",
)
@click.option("--export", type=FILE, help="Also write an HTML page with all of it.")
@as_json
def compare(
    files: tuple[Path, ...], only: tuple[str, ...], export: Path | None, as_json: bool
) -> None:
    """Hold recorded runs of several hosts against the first.

    Grids: of each cell the median on each host, and its ratio to the first host's with its
    confidence interval. Verdicts: which promises differ, and what was seen where. What differs
    between the hosts (kernel, processor, file system, THP, page size) is told before.

    Files are what matrix, run and check wrote or printed with --json, the records of kernels run,
    and what contribute made. They may come from anybody: what is no run is refused.

    \b
    PATTERN is one or more words, in any case and order, each a cell's sharing,
    backing, page size, method, size or start; or the id of a promise.
    * stands for anything. Where many hosts do not fit side by side, they stand
    one below the other, of the cells that are chosen.

    \b
    Examples:
      prefault-kit compare mine.csv theirs.csv
      prefault-kit compare *.csv --only "shared file POPULATE_WRITE 4GiB"
      prefault-kit compare *.csv --export hosts.html
      prefault-kit compare data/kernels/6.1.176.json data/kernels/7.3.4.json

    Exit status: 0 compared, 1 the page cannot be written in the end, 2 bad usage, such as a file
    that is no run, 3 the export needs a package that is not here.
    """
    if len(files) < 2:
        raise click.UsageError("name two recorded runs or more")
    if export is not None:
        if lacking := extras.missing("an exported page", "jinja2"):
            raise Ending(UNAVAILABLE, lacking.reason, lacking.command)
        exports.check(saved.attempt, export)
    try:
        with bar("reading", wanted=not as_json) as move:

            def tell(part: float, name: str) -> None:
                move(part, f"reading {printable(name)}")

            runs = comparison.read_all(files, on_progress=tell)
        found = comparison.compare(runs, only)
    except ValueError as error:
        raise click.UsageError(printable_long(str(error))) from None
    except OSError as error:
        raise click.UsageError(printable_long(in_words(error))) from None
    if export is not None:
        from prefault_kit.show.comparison_page import page

        try:
            saved.write(export, page(found))
        except OSError as error:
            raise exports.failure(error) from None
    if as_json:
        click.echo(saved.json_text(show.as_dict(found)))
    else:
        _print(found, chosen=bool(only))


def _print(found: Comparison, *, chosen: bool) -> None:
    """Who is who, what differs between them, then the figures."""
    console = terminal.console()
    for at, run in enumerate(found.runs):
        _say(console, f"{letters(at)}  {show.about(run)}")
    console.print(Text(f"{show.warning(found)}{':' if found.differences else ''}", style="bold"))
    table = Table(box=None, padding=(0, 1, 0, 2), show_header=False, pad_edge=False)
    for name, values in show.differences(found):
        table.add_row(name, values)
    if found.differences:
        console.print(table)
    if found.kind == GRID:
        _print_cells(console, found, chosen)
    else:
        _print_promises(console, found, chosen)


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style))


def _print_cells(console: Console, found: Comparison, chosen: bool) -> None:
    if len(found.runs) <= MOST_IN_FULL:
        for at in range(1, len(found.runs)):
            _say(console, show.summary_sentence(found, at), "bold")
    else:
        console.print(_summaries(found))
    rows = list(_across(found))
    if _width(rows) <= console.width:
        console.print(_table(rows))
    elif chosen:
        for cell in found.cells:
            console.print(_down(found.runs, cell))
    else:
        _say(
            console,
            f"{len(found.cells)} cells of {len(found.runs)} hosts do not fit side by side: choose "
            "some by --only, or have all by --export or --json",
        )
    _say(console, show.CERTAINTY)


def _summaries(found: Comparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(show.SUMMARY):
        table.add_column(name, justify="right" if at else "left")
    for at, each in enumerate(found.summaries, start=1):
        table.add_row(*show.summary_cells(letters(at), each))
    return table


Line = list[tuple[str, str]]
"""Texts of a row with their styles."""


def _across(found: Comparison) -> Iterator[Line]:
    """The heads, then each cell with its hosts side by side; a memory's name stands alone."""
    heads = ["method", "A"]
    for at in range(1, len(found.runs)):
        heads += [letters(at), f"{letters(at)} / A"]
    yield [(head, "") for head in heads]
    for memory, cells in show.by_memory(found.cells):
        yield [(memory, "bold")]
        for cell in cells:
            first, *others = cell.entries
            line = [(cell.method, ""), (show.time(first), "")]
            for entry in others:
                line += [(show.time(entry), ""), (show.ratio(entry), _style(entry))]
            yield line


def _style(entry: Entry | None) -> str:
    return STYLES.get((entry and entry.verdict) or "", "")


def _width(rows: Sequence[Line]) -> int:
    """Columns that rows take."""
    widths = [0] * len(rows[0])
    for row in rows:
        for at, (text, _) in enumerate(row):
            widths[at] = max(widths[at], len(text))
    return sum(widths) + GAP * len(widths)


def _table(rows: Sequence[Line]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for at, (head, _) in enumerate(rows[0]):
        table.add_column(head, justify="right" if at else "left", no_wrap=True)
    for row in rows[1:]:
        if len(row) == 1:
            table.add_section()
        table.add_row(*(Text(text, style=style) for text, style in row))
    return table


def _down(runs: Sequence[Run], cell: Cell) -> Table:
    """One cell, its hosts one below the other."""
    title = Text(f"{cell.memory}, {cell.method}", style="bold")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    table.add_column("")
    for head in ("median", "best", "/ A"):
        table.add_column(head, justify="right")
    table.add_column("run", overflow="fold")
    for at, (run, entry) in enumerate(zip(runs, cell.entries, strict=True)):
        figures = (show.time(entry), show.best(entry), Text(show.ratio(entry), _style(entry)))
        table.add_row(letters(at), *figures, printable(run.name))
    return table


def _print_promises(console: Console, found: Comparison, chosen: bool) -> None:
    _say(console, show.promise_sentence(found), "bold")
    shown = list(found.promises) if chosen else show.differing(found.promises)
    for promise in shown:
        _say(console, f"{promise.id}: {show.outcomes(promise)}")
        if not (chosen or len(found.runs) == 2):
            continue
        for memories, words in show.seen(promise):
            _say(console, f"  {memories}: {words}")
    if shown:
        _say(console, show.MARKED)
