"""``prefault-kit attach``: a running process, its mappings and what is amiss with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table
from rich.text import Text

from prefault_kit.cli import export as exports
from prefault_kit.cli import terminal
from prefault_kit.cli.bar import bar
from prefault_kit.cli.ending import FAILED, UNAVAILABLE, Ending, in_words
from prefault_kit.cli.options import FILE, Parsed, as_json
from prefault_kit.host import extras
from prefault_kit.measure import saved
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import process as show
from prefault_kit.show import process_export
from prefault_kit.show.units import format_count
from prefault_kit.studies.process import (
    Changes,
    Diagnosis,
    Faults,
    NoAccess,
    Overview,
    PageMap,
    Process,
)
from prefault_kit.studies.process.overview import LONGEST_MS

MAP_COLUMNS = 64
WIDE = 120
"""Columns of a terminal that has room for all of the table."""
PARTS = {"willneed": "MADV_WILLNEED", "collapse": "MADV_COLLAPSE"}
"""The options that advise the process, and their advice."""


def _address(text: str) -> int:
    """An address as maps prints it, with 0x or without."""
    try:
        value = int(text, 16)
    except ValueError:
        raise ValueError(f"{text!r} is no address: type one as 7f12a4c00000") from None
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{text} is no address: it has more than 64 bits")
    return value


ADDRESS = Parsed("address", _address)


@click.command(short_help="A running process: its mappings, and what is amiss.")
@click.argument("pid", type=int)
@click.option("--map", "address", type=ADDRESS, help="Also the page map of the mapping there.")
@click.option(
    "--changes",
    "changes_s",
    type=float,
    metavar="SECONDS",
    help="Look twice, and tell what changed: what was reclaimed, protected again, faulted.",
)
@click.option(
    "--faults",
    "faults_s",
    type=float,
    metavar="SECONDS",
    help="Record its page faults meanwhile: by mapping, and by place in the code.",
)
@click.option(
    "--most", type=click.IntRange(1, 100_000), metavar="N", default=show.MOST_ROWS,
    show_default=True,
    help="Mappings in the table; the rest is summed.",
)  # fmt: skip
@click.option(
    "--longest-ms",
    type=click.FloatRange(0, 1_000_000),
    metavar="MS",
    default=LONGEST_MS,
    show_default=True,
    help="How long looking may hold the process up at a time.",
)
@click.option(
    "--willneed", type=ADDRESS, metavar="ADDRESS",
    help="First have the kernel read the mapping there (MADV_WILLNEED).",
)  # fmt: skip
@click.option(
    "--collapse", type=ADDRESS, metavar="ADDRESS",
    help="First have it made of huge pages (MADV_COLLAPSE), where the kernel takes that.",
)  # fmt: skip
@click.option(
    "--read-file", type=ADDRESS, metavar="ADDRESS",
    help="First read what the mapping there maps of its file into the page cache.",
)  # fmt: skip
@click.option("--export", type=FILE, help="Also write an HTML page, and the JSON beside it.")
@as_json
def attach(
    pid: int,
    address: int | None,
    changes_s: float | None,
    faults_s: float | None,
    most: int,
    longest_ms: float,
    willneed: int | None,
    collapse: int | None,
    read_file: int | None,
    export: Path | None,
    as_json: bool,
) -> None:
    """Look at a process of yours (or, as root, at any): its mappings, what is in memory of each,
    what the kernel was advised, what is cached of the files, and what is amiss, with what helps.

    Nothing of the process is changed, unless --willneed, --collapse or --read-file says so. What
    looking costs it is told.

    \b
    Examples:
      prefault-kit attach 4242
      prefault-kit attach 4242 --changes 5
      prefault-kit attach 4242 --faults 5
      prefault-kit attach 4242 --map 7f12a4c00000
      prefault-kit attach 4242 --export process.html
      prefault-kit attach 4242 --read-file 7f12a4c00000

    Exit status: 0 ok, 1 no such process or it ended, 2 bad usage, 3 it may not be looked at.
    """
    if export is not None:
        if lacking := extras.missing("an exported page", "jinja2"):
            raise Ending(UNAVAILABLE, lacking.reason, lacking.command)
        exports.check(process_export.check, export)
    with _endings(pid, as_json), Process(pid) as process:
        done = _act(process, {"willneed": willneed, "collapse": collapse}, read_file, as_json)
        with bar("attach", wanted=not as_json) as move:
            seen = process.overview(longest_ms=longest_ms, on_progress=move)
            changes = seen_faults = None
            if faults_s is not None:
                seen_faults = process.faults(faults_s, on_progress=move)
            if changes_s is not None:
                move(0, f"waiting {changes_s:g} s")
                process.wait(changes_s)
            if faults_s is not None or changes_s is not None:
                changes = process.changes(seen, longest_ms=longest_ms, on_progress=move)
                seen = changes.after
        page_map = None
        if address is not None:
            page_map = process.page_map(seen.at(address))
        diagnoses = process.diagnose(changes or seen, seen_faults)
    more: dict[str, Any] = {
        "changes": changes,
        "page_map": page_map,
        "seen_faults": seen_faults,
    }
    if as_json:
        found = show.as_dict(seen, diagnoses, **more)
        click.echo(saved.json_text(found | {"done": done}))
    else:
        _print(seen, diagnoses, most, done, **more)
    if export is not None:
        try:
            process_export.save(export, seen, diagnoses, **more)
        except OSError as error:
            raise exports.failure(error) from None


@contextlib.contextmanager
def _endings(pid: int, as_json: bool) -> Iterator[None]:
    """The errors of looking as ends of the command; totals are told all the same."""
    try:
        yield
    except NoAccess as error:
        with contextlib.suppress(OSError), Process(pid) as process:
            totals = process.totals()
            if as_json:
                click.echo(saved.json_text(show.closed_dict(totals, error.missing)))
            else:
                click.echo(f"{show.title(totals)}: {show.totals(totals)}")
        raise Ending(UNAVAILABLE, error.missing.reason, error.missing.command) from None
    except ProcessLookupError as error:
        raise Ending(FAILED, error.strerror or str(error)) from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _act(
    process: Process, asked: dict[str, int | None], read_file: int | None, as_json: bool
) -> list[str]:
    """What was to be done to the process first: a sentence each."""
    done = []
    for option, address in asked.items():
        if address is not None:
            advice = PARTS[option]
            try:
                process.advise(address, advice)
            except NoAccess:
                raise
            except OSError as error:
                raise Ending(
                    FAILED,
                    f"{advice} of the mapping at 0x{address:x} failed from outside: "
                    f"{in_words(error)}",
                ) from None
            done.append(f"{advice} was given for the mapping at 0x{address:x}")
    if read_file is not None:
        with bar("reading", wanted=not as_json) as move:
            try:
                size = process.read_file(read_file, on_progress=move)
            except (NoAccess, ProcessLookupError):
                raise
            except OSError as error:
                raise Ending(
                    FAILED, f"the file at 0x{read_file:x} cannot be read: {in_words(error)}"
                ) from None
        done.append(f"{format_bytes(size)} of the file at 0x{read_file:x} were read")
    return done


def _print(
    seen: Overview,
    diagnoses: tuple[Diagnosis, ...],
    most: int,
    done: list[str],
    *,
    changes: Changes | None,
    page_map: PageMap | None,
    seen_faults: Faults | None,
) -> None:
    console = terminal.console()
    for sentence in done:
        console.print(Text(sentence))
    console.print(Text(show.title(seen), style="bold"))
    console.print(Text(show.printable(seen.command_line)))
    console.print(Text(show.totals(seen)))
    console.print(_mappings(seen, most, console.width))
    if page_map is not None:
        _print_map(page_map)
    if seen_faults is not None:
        _print_faults(seen_faults, most)
    for sentence in show.changed(changes, most) if changes else []:
        console.print(Text(sentence))
    for each in diagnoses:
        style = "bold red" if each.level == "problem" else "bold"
        console.print(Text(f"{each.level}: ", style=style), end="")
        console.print(Text(show.printable_long(each.sentence)))
        if each.help:
            console.print(Text(f"    what helps: {show.printable_long(each.help)}"), soft_wrap=True)
    if not diagnoses:
        console.print("Nothing is amiss, as far as is known.")
    console.print(Text(show.cost(seen)))
    for missing in seen.missing:
        console.print(Text(f"Not known: {missing}"), soft_wrap=True)


def _mappings(seen: Overview, most: int, width: int) -> Table:
    """The mappings as a table: without columns that say nothing, with few on a narrow screen."""
    rows = show.rows(seen, most)
    told = [at for at in show.telling(rows) if width >= WIDE or show.COLUMNS[at] in show.ALWAYS]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at in told:
        name = show.COLUMNS[at]
        options: dict[str, Any] = {"justify": "right"} if name in show.NUMBERS else {}
        wraps = name in ("advice", "mapping")
        table.add_column(name, no_wrap=not wraps, overflow="fold", **options)
    for row in rows:
        table.add_row(*(Text(row[at]) for at in told))
    return table


def _print_faults(found: Faults, most: int) -> None:
    console = terminal.console()
    for sentence in show.faults(found):
        console.print(Text(sentence, style="bold"))
    if not found.total:
        return
    for heads, rows in (
        (show.FAULT_COLUMNS, show.fault_rows(found, most)),
        (("minor", "major", "by", "called from"), show.place_rows(found, most)),
    ):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in heads:
            number = name in ("minor", "major")
            table.add_column(name, justify="right" if number else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)


def _print_map(found: PageMap) -> None:
    console = terminal.console()
    mapping = found.mapping
    per_cell = format_count(found.pages_per_cell, "page")
    console.print(
        Text(
            f"{show.printable(mapping.title)} at {mapping.address:x}, "
            f"{format_bytes(mapping.size_bytes)}; a letter is {per_cell}: "
            ". absent, z zero page, a anonymous, f of the file, h huge, s swapped; "
            "capitals where most of them are"
        )
    )
    text = show.letters(found)
    for at in range(0, len(text), MAP_COLUMNS):
        console.print(Text(text[at : at + MAP_COLUMNS]))
    if words := show.folio_words(found):
        console.print(Text(words))
