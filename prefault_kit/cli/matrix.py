"""``prefault-kit matrix``: the published grid on this host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from rich import box
from rich.table import Table
from rich.text import Text

from prefault_kit import host
from prefault_kit.cli import terminal
from prefault_kit.cli.bar import bar
from prefault_kit.cli.ending import FAILED, INTERRUPTED, UNAVAILABLE, USAGE, Ending
from prefault_kit.cli.follower import following
from prefault_kit.cli.options import DIRECTORY, FILE, SIZES, as_json, repeats
from prefault_kit.host import Unavailable
from prefault_kit.measure import saved
from prefault_kit.measure.experiment import STARTS, Experiment
from prefault_kit.measure.result import Result
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.grid import matrix as grids
from prefault_kit.studies.grid import table_file
from prefault_kit.studies.grid.cells import Grid, name
from prefault_kit.studies.grid.matrix import GridProgress
from prefault_kit.studies.grid.recording import NotRecordedError


@click.command(short_help="Run the grid published in 2021, 95 cells a size.")
@click.option(
    "--sizes", "sizes_bytes", type=SIZES, default="2MiB", show_default=True, help="Of the mappings."
)
@repeats(10)
@click.option("--out", "table", type=FILE, required=True, metavar="FILE.csv", help="The table.")
@click.option("--resume", is_flag=True, help="Continue an interrupted FILE.csv.")
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Only the cells that match; may be repeated.",
)
@click.option(
    "--start",
    type=click.Choice(STARTS),
    default="empty",
    show_default=True,
    help="For cells that have it (cached: with a file, cold: on disk); the others start empty.",
)
@click.option(
    "--dir",
    "directory",
    type=DIRECTORY,
    help="The directory of the files.  [default: the current one]",
)
@click.option(
    "--tmpfs-dir", type=DIRECTORY, help="That of tmpfs.  [default: found among the mounts]"
)
@click.option(
    "--hugetlbfs-dir", type=DIRECTORY, help="That of hugetlbfs.  [default: found among the mounts]"
)
@as_json
def matrix(
    sizes_bytes: tuple[int, ...],
    repeats: int,
    table: Path,
    resume: bool,
    only: tuple[str, ...],
    start: str,
    directory: str | None,
    tmpfs_dir: str | None,
    hugetlbfs_dir: str | None,
    as_json: bool,
) -> None:
    """Run the grid that was published in 2021: 95 cells a size, in its order.

    A row a cell goes to FILE.csv, with the published figure and the ratio of POPULATE to touching
    beside it; what was asked for and what host it was, without its name, go to FILE.host.json.
    Cells of the same memory run interleaved. An interruption, even by kill -9, loses only the
    repetition under way (FILE.part has the others): the same command with --resume continues.

    \b
    PATTERN is one or more words, in any case and order. Each has to be a
    cell's sharing, backing, page size or method, where * stands for anything:
      --only "shared memfd 4KiB *"    one memory, every method
      --only "hugetlbfs *POPULATE*"   populating hugetlbfs, private and shared
      --only read --only write        plain touching of every memory
      --only 4KiB                     without huge pages

    \b
    Examples:
      prefault-kit matrix --sizes 2MiB,4GiB --out grid.csv --dir /var/tmp
      prefault-kit matrix --sizes 2MiB,4GiB --out grid.csv --dir /var/tmp --resume
      prefault-kit matrix --out warm.csv --only private --start cached

    Exit status: 0 done (cells that this host cannot run have a row that says why), 1 a cell failed,
    2 bad usage, 3 no cell can run on this host, 130 interrupted.
    """
    grid = Grid(
        sizes_bytes=sizes_bytes,
        repeats=repeats,
        start=start,
        only=only,
        directory="." if directory is None else directory,
        tmpfs_directory=tmpfs_dir,
        hugetlbfs_directory=hugetlbfs_dir,
    )
    try:
        cells = grid.cells()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    given = {"file": directory, "tmpfs": tmpfs_dir, "hugetlbfs": hugetlbfs_dir}

    with bar(f"checking {len(cells)} cells", wanted=not as_json) as move:
        warnings = _check(cells, given)

        def tell(progress: GridProgress) -> None:
            while warnings:  # not before the table's files are found to be as they should be
                click.echo(warnings.pop(0), err=True)
            cell = progress.cell
            what = name(cell.backing, cell.sharing, cell.method)
            size = format_bytes(cell.size_bytes)
            words = f"{progress.number} of {progress.cells}: {what}, {size}"
            move(progress.work_done / progress.work, words)

        try:
            if follower := following():
                from prefault_kit.studies.comparison import reading

                known = [Result.from_dict(dict(each)) for each in follower.known]
                results = grids.follow(
                    grid, known, lambda each: follower.row(reading.row(each)), on_progress=tell
                )
            else:
                results = grids.run(grid, table, resume=resume, on_progress=tell)
        except KeyboardInterrupt:
            sentence = f"stopped; the same command with --resume continues {table}"
            raise Ending(INTERRUPTED, sentence) from None
        except ValueError as error:
            raise Ending(USAGE, str(error)) from None
        except NotRecordedError as error:
            said = f"{error.filename} cannot be written: {error.strerror}"
            raise Ending(FAILED, f"{said}: continue with --resume once it can be") from None
    if as_json:
        data = {
            "schema": saved.SCHEMA,
            "table": str(table),
            "host": host.facts(),
            "rows": table_file.rows(results),
        }
        click.echo(saved.json_text(data))
    else:
        _print(results)
    if failed := [each for each in results if each.outcome == "error"]:
        first = f"{failed[0].sharing} {failed[0].backing}: {failed[0].message}"
        raise Ending(FAILED, f"{len(failed)} of {len(results)} cells failed, the first is {first}")


def _check(cells: Sequence[Experiment], given: dict[str, str | None]) -> list[str]:
    """Refuse a grid of which no cell can run; else a sentence for each reason why some cannot."""
    for backing in {cell.backing: None for cell in cells if given.get(cell.backing.kind)}:
        page = Experiment(backing, "shared", "Read", backing.page_size_bytes)
        if missing := page.why_not():
            raise Ending(UNAVAILABLE, missing.reason, missing.command)
    found = [(cell, cell.why_not()) for cell in cells]
    refused: Counter[Unavailable] = Counter(missing for _, missing in found if missing)
    if refused.total() == len(cells):
        reason, command = found[0][1].reason, found[0][1].command  # type: ignore[union-attr]
        raise Ending(UNAVAILABLE, f"none of the {len(cells)} cells can run here: {reason}", command)
    return [
        f"{count} of {len(cells)} cells cannot run: {missing.reason}"
        + (f"; to enable them: {missing.command}" if missing.command else "")
        for missing, count in refused.items()
    ]


def _print(results: Sequence[Result]) -> None:
    """A grid: each cell's time beside the published one, and POPULATE beside touching."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("method", no_wrap=True)
    for heading in ("best", "median", "published", "to touch", "published"):
        table.add_column(heading, justify="right", no_wrap=True)
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
            terminal.ms(row["best_ms"]) if row["outcome"] == "ok" else row["outcome"],
            terminal.ms(row["median_ms"]),
            terminal.ms(row["published_ms"]),
            *(
                "" if row[ratio] is None else f"{row[ratio]:.2f}"
                for ratio in ("ratio_populate_to_touch", "published_ratio_populate_to_touch")
            ),
        )
    console = terminal.console()
    console.print(table)
    console.print("to touch: POPULATE's time over that of touching the same memory")
