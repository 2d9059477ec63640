"""``prefault-kit run``: one cell."""

from __future__ import annotations

import click
from rich.table import Table
from rich.text import Text

from prefault_kit.cli import options, terminal
from prefault_kit.cli.bar import bar
from prefault_kit.cli.ending import FAILED, UNAVAILABLE, Ending
from prefault_kit.cli.options import DIRECTORY, METHOD, SIZE, as_json, repeats, threads
from prefault_kit.measure import running, saved
from prefault_kit.measure.experiment import STARTS, Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import Progress
from prefault_kit.memory.backing import KINDS
from prefault_kit.memory.mapping import SHARINGS
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.grid import published


@click.command(short_help="Run one cell: one method on one kind of memory.")
@click.option(
    "--backing", type=click.Choice(KINDS), required=True, help="Where the memory comes from."
)
@click.option(
    "--page-size",
    type=SIZE,
    help="A huge one means MAP_HUGETLB or MFD_HUGETLB.  [default: the system's page size; for "
    "hugetlbfs that of the mount]",
)
@click.option("--sharing", type=click.Choice(SHARINGS), default="private", show_default=True)
@click.option("--method", type=METHOD, required=True, help="As published: POPULATE_READ, Write...")
@click.option(
    "--size", "size_bytes", type=SIZE, default="2MiB", show_default=True, help="Of the mapping."
)
@repeats(10)
@click.option(
    "--start",
    type=click.Choice(STARTS),
    default="empty",
    show_default=True,
    help="empty: file emptied before each repetition; cached: page cache kept; cold: evicted.",
)
@threads
@click.option(
    "--dir",
    "directory",
    type=DIRECTORY,
    help="The directory of the file.  [default: for file the current one, else found among the "
    "mounts]",
)
@click.option(
    "--follow-up",
    is_flag=True,
    help="Afterwards write to each page once and sync, to show the deferred cost.",
)
@as_json
def run(
    backing: str,
    page_size: int | None,
    sharing: str,
    method: str,
    size_bytes: int,
    repeats: int,
    start: str,
    threads: int,
    directory: str | None,
    follow_up: bool,
    as_json: bool,
) -> None:
    """Run one cell: populate memory of one kind by one method, and see what the kernel did.

    Each repetition makes a fresh mapping and times the method alone. Sizes are like 4KiB, 2MiB,
    4GiB or 8192. Files have no name and vanish with the run.

    \b
    Methods:
      Read, Write, Read/Write, POPULATE_READ, POPULATE_WRITE
      FALLOCATE, alone or before one of these: FALLOCATE+POPULATE_WRITE
        (shared memory with a file)
      MAP_POPULATE, WILLNEED, MLOCK, MADV_COLLAPSE

    \b
    Examples:
      prefault-kit run --backing anon --method POPULATE_WRITE
      prefault-kit run --backing memfd --page-size 2MiB --sharing shared \\
          --method POPULATE_WRITE --size 1GiB
      prefault-kit run --backing file --dir /var/tmp --sharing shared \\
          --method POPULATE_READ --size 64MiB --start cold --follow-up

    Exit status: 0 ok, 1 the experiment failed, 2 bad usage, 3 unavailable on this host.
    """
    try:
        cell = Experiment(
            backing=options.backing(backing, page_size, directory),
            sharing=sharing,
            method=method,
            size_bytes=size_bytes,
            start=start,
            repeats=repeats,
            threads=threads,
            follow_up=follow_up,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with bar(method, wanted=not as_json) as move:

        def tell(progress: Progress) -> None:
            if progress.phase == "prepare":
                move(0.0, f"{method}: preparing the file, {progress.part:.0%}")
            elif progress.phase == "follow_up":
                move(1.0, f"{method}: following up")
            else:
                done = progress.repetition + 1
                move(done / (repeats + 1), f"{method}: {progress.repetition} of {repeats}")

        result = running.run(cell, on_progress=tell)
    if as_json:
        click.echo(saved.json_text(result.as_dict()))
    elif result.outcome != "unavailable":
        _print(result, cell)
    if result.outcome == "unavailable":
        raise Ending(UNAVAILABLE, result.message or "this host cannot run it", result.command)
    if result.outcome != "ok":
        name = f" ({result.errno})" if result.errno else ""
        raise Ending(FAILED, f"{result.message}{name}")


def _print(result: Result, cell: Experiment) -> None:
    """Everything that one cell gave: times, the three views, faults, notes."""
    console = terminal.console()
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
    table.add_row("time", f"best of {len(result.timings_ms)}", terminal.ms(result.best_ms))
    table.add_row("", "median", terminal.ms(result.median_ms))
    table.add_row("", "warm-up, kept apart", terminal.ms(result.warmup_ms))
    if (figure := published.published(result)) is not None:
        table.add_row("", "best of 10, published 2021", terminal.ms(figure))
    populated = terminal.size(result.populated_bytes)
    table.add_row("", "populated", populated, end_section=True)


def _views(table: Table, result: Result) -> None:
    for title, view, say in (
        ("accounting", result.usage, terminal.size),
        ("page tables", result.pages, terminal.pages),
        ("page cache", result.file, terminal.pages),
    ):
        first = title
        for name, value in (view or {}).items():
            text = terminal.size(value) if name.endswith("_bytes") else say(value)
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
            *("-" if phase[name] is None else terminal.pages(phase[name]) for name in columns),
            "-" if phase["allocated_bytes"] is None else terminal.size(phase["allocated_bytes"]),
            f"{phase['minor_faults']:,}",
        )
    return table
