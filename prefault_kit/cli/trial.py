"""``prefault-kit try``: which advice helps a program that nobody changes?"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
from rich import box
from rich.table import Table
from rich.text import Text

from prefault_kit.cli import export as exports
from prefault_kit.cli import terminal
from prefault_kit.cli.bar import bar
from prefault_kit.cli.ending import FAILED, UNAVAILABLE, Ending, in_words
from prefault_kit.cli.github import locate, on_github, report
from prefault_kit.cli.options import FILE, SIZE, as_json, repeats
from prefault_kit.host import extras
from prefault_kit.kernel.tracer import ANY_BYTES, KINDS, LEAST_BYTES, MOMENTS
from prefault_kit.measure import saved
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import trial as trial_text
from prefault_kit.show import trial_export, trial_page
from prefault_kit.show.printable import printable_long
from prefault_kit.show.units import format_count
from prefault_kit.studies.trial import (
    Choice,
    Group,
    Plan,
    Ready,
    Setting,
    Trial,
    TrialProgress,
    record,
    running,
)
from prefault_kit.studies.trial import files as trial_files
from prefault_kit.studies.trial.candidates import CANDIDATES
from prefault_kit.studies.trial.plan import REPEATS
from prefault_kit.studies.trial.result import MEASURES
from prefault_kit.studies.trial.run import TIMEOUT_S, RunFailed

DECISIONS = {name.removesuffix("_ms"): name for name in MEASURES}
MOST_SHOWN = 12
"""Groups of mappings that are shown beside a trial; --list shows all."""


def _words(text: str, what: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"{what} cannot be read as a command: {error}") from None


def _variants(texts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found = {}
    for text in texts:
        name, equals, command = text.partition("=")
        words = _words(command, f"the variant {name}")
        if not equals or not words:
            raise ValueError(f"a variant is NAME='CMD...', not {text!r}")
        if name.strip() in found:
            raise ValueError(f"two variants are called {name.strip()!r}: give each its own name")
        found[name.strip()] = words
    return found


@click.command(
    "try",
    short_help="Which advice helps a program? Each is tried on it.",
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
)
@click.option("--list", "only_list", is_flag=True, help="List its mappings, and try nothing.")
@click.option(
    "--min-size",
    type=SIZE,
    default=LEAST_BYTES,
    help="Of the mappings that are tried.  [default: 1MiB]",
)
@click.option("--max-size", type=SIZE, default=ANY_BYTES, help="The same, at most.")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(list(KINDS)),
    metavar="KIND",
    multiple=True,
    help=f"May be repeated: {', '.join(KINDS)}.  [default: all]",
)
@click.option(
    "--path",
    metavar="PATTERN",
    default="",
    help="A pattern for the path of the file that is mapped.",
)
@click.option(
    "--mapping", "only_group", type=int, metavar="N",
    help="One line of --list alone, by its number.",
)  # fmt: skip
@click.option(
    "--at",
    "moment",
    type=click.Choice(["auto", *MOMENTS]),
    default="auto",
    show_default=True,
    help="When advice is given: at mmap, after the program's own advice, or when mprotect makes a "
    "mapping writable; auto does as the first run suggests.",
)
@click.option(
    "--only",
    "names",
    multiple=True,
    metavar="NAME",
    help=f"A candidate; may be repeated: {', '.join(CANDIDATES)}.  [default: all that apply]",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME='CMD...'",
    help="Another command to compare, the program with a flag of its own; may be repeated.",
)
@click.option(
    "--ready", "pattern", metavar="REGEX",
    help="It is ready once a line of its output matches this.",
)  # fmt: skip
@click.option("--port", type=int, metavar="N", help="A TCP port that answers when it is ready.")
@click.option(
    "--load", metavar="'CMD...'", default="",
    help="A command to run against it when it is ready.",
)  # fmt: skip
@click.option(
    "--by",
    type=click.Choice(list(DECISIONS)),
    help="What decides.  [default: load, or else ready, if they are given; else wall]",
)
@repeats(REPEATS)
@click.option(
    "--start",
    type=click.Choice(list(trial_files.STARTS)),
    default="as-it-is",
    show_default=True,
    help="State of the files that it maps before each run; cold evicts them, and asks first.",
)
@click.option(
    "--file",
    "more_files",
    metavar="PATH",
    multiple=True,
    help="Another file that --start is about.",
)
@click.option("--yes", is_flag=True, help="Evict the files without asking.")
@click.option("--memory-limit", type=SIZE, help="Run it in a memory cgroup of this size (root).")
@click.option(
    "--io-limit",
    type=SIZE,
    help="Let the device of its files read and write so much a second for it (root).",
)
@click.option("--budget", type=SIZE, default=0, help="What advice may populate in a run, at most.")
@click.option("--stdin", type=FILE, help="Its standard input.  [default: /dev/null]")
@click.option(
    "--export", type=FILE, help="Also write an HTML page, and a Markdown summary beside it."
)
@click.option("--out", type=FILE, help="Also write the recorded runs as JSON, without directories.")
@on_github
@click.option(
    "--timeout", type=float, metavar="SECONDS", default=TIMEOUT_S, show_default=True,
    help="The longest time of a run.",
)  # fmt: skip
@as_json
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
def trial(
    only_list: bool,
    min_size: int,
    max_size: int,
    kinds: tuple[str, ...],
    path: str,
    only_group: int | None,
    moment: str,
    names: tuple[str, ...],
    variants: tuple[str, ...],
    pattern: str | None,
    port: int | None,
    load: str,
    by: str | None,
    repeats: int,
    start: str,
    more_files: tuple[str, ...],
    yes: bool,
    memory_limit: int | None,
    io_limit: int | None,
    budget: int,
    stdin: Path | None,
    export: Path | None,
    out: Path | None,
    github: bool,
    timeout: float,
    as_json: bool,
    command: tuple[str, ...],
) -> None:
    """Run a program as it is and with each advice on its memory, taking turns; say which helps.

    The program is not changed: it is traced, stopped where it maps memory (1 MiB or more, unless
    --min-size says otherwise), and made to give one more piece of advice there. Only advice that
    keeps the content of memory is given, and never more than is free; refusals are listed.

    \b
    Examples:
      prefault-kit try -- python3 -c 'import numpy; numpy.ones(10**8)'
      prefault-kit try --list -- git log -p
      prefault-kit try --ready 'Ready to accept' -- redis-server --dir /var/tmp
      prefault-kit try --only HUGEPAGE --variant 'quiet=java -Xint A' -- java A
      prefault-kit try --export try.html --out try.json --start cold \\
          -- ./server --once

    Exit status: 0 ok, 1 the experiment failed, 2 bad usage, 3 unavailable on this host.
    """
    try:
        plan = Plan(
            command,
            Choice(min_size, max_size, kinds or tuple(KINDS), path, moment),
            only_group=only_group,
            candidates=names or tuple(CANDIDATES),
            variants=_variants(variants),
            repeats=repeats,
            start=start,
            evicted=more_files,
            memory_limit_bytes=memory_limit,
            io_limit_bytes=io_limit,
            measure=DECISIONS[by] if by else None,
            setting=Setting(
                Ready(pattern, port) if pattern is not None or port is not None else None,
                _words(load, "--load"),
                str(stdin) if stdin else "/dev/null",
                timeout,
                budget,
            ),
        )
        _attempt(export, out)
        missing = running.why_not(command[0])
        if missing is None and (only_list or (start == "cold" and not yes)):
            with bar("the first run", wanted=not as_json):
                groups, _ = running.survey(plan)
            if only_list:
                _list(groups, as_json)
                return
            _ask(groups, more_files)
        with bar("try", wanted=not as_json) as move:

            def tell(progress: TrialProgress) -> None:
                move(progress.part, progress.words)

            found = running.run(plan, on_progress=tell)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except (FileNotFoundError, PermissionError) as error:
        if error.filename is None:
            raise
        raise click.UsageError(in_words(error)) from None
    except RunFailed as failed:
        raise Ending(FAILED, f"the program could not be run: {failed}") from None
    failure = _write(found, export, out) if found.outcome == "ok" else None
    if as_json:
        click.echo(saved.json_text(trial_text.as_dict(found)))
    elif found.outcome == "ok":
        _print(found)
    if github and found.outcome == "ok":
        report(trial_text.on_github(found, locate), trial_page.markdown(found))
    if found.outcome == "unavailable":
        raise Ending(UNAVAILABLE, found.message or "this host cannot try it", found.enable)
    if found.outcome != "ok":
        raise Ending(FAILED, found.message or "the trial failed")
    if failure is not None:
        raise failure


def _attempt(export: Path | None, out: Path | None) -> None:
    """See that what is to be written can be, before the program is run."""
    if export is not None:
        if lacking := extras.missing("an exported page", "jinja2"):
            raise Ending(UNAVAILABLE, lacking.reason, lacking.command)
        exports.check(trial_export.check, export)
        if out is not None and out.absolute() in map(Path.absolute, trial_export.files(export)):
            raise click.UsageError(f"{out} would be the export: choose another name")
    if out is not None:
        exports.check(saved.attempt, out)


def _write(found: Trial, export: Path | None, out: Path | None) -> Ending | None:
    """Write the record and the page; how the command ends if one of them cannot be."""
    said = []
    try:
        if out is not None:
            record.save(found, out)
    except OSError as error:
        said.append(f"the record could not be written: {in_words(error)}")
    try:
        if export is not None:
            trial_export.save(found, export)
    except OSError as error:
        said.append(str(exports.failure(error)))
    return Ending(FAILED, "; ".join(said)) if said else None


def _ask(groups: list[Group], more: tuple[str, ...]) -> None:
    """Ask before files are evicted; click.Abort if they are to stay."""
    paths = list(dict.fromkeys([*trial_files.mapped(groups), *more]))
    if not sys.stdin.isatty():
        raise click.UsageError("--start cold evicts files and asks first: give --yes")
    for path in paths:
        click.echo(f"  {path}", err=True)
    click.confirm("Evict them from the page cache before each run?", abort=True, err=True)


def _list(groups: list[Group], as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        said = [{**asdict(each), "place": str(each.place or "")} for each in groups]
        click.echo(saved.json_text({"mappings": said}))
        return
    terminal.console().print(_mappings(groups))


def _mappings(groups: list[Group]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in trial_text.MAPPING_COLUMNS:
        right = name in ("", "count", "size", "used")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for number, group in enumerate(groups, 1):
        table.add_row(*trial_text.mapping_cells(number, group))
    return table


def _print(found: Trial) -> None:
    """The mappings, the rows, what is recommended."""
    console = terminal.console()
    console.print(Text(printable_long(shlex.join(found.command)), style="bold"))
    console.print(_mappings(list(found.groups[:MOST_SHOWN])))
    if len(found.groups) > MOST_SHOWN:
        console.print(Text(f"and {len(found.groups) - MOST_SHOWN} more: see --list"))
    size = format_bytes(sum(each.length for each in found.chosen)) if found.chosen else "none"
    lines = format_count(len(found.chosen), "line")
    console.print(Text(f"advised: {size} in {lines}, at {found.moment}"))
    at = [trial_text.COLUMNS.index(name) for name in trial_text.SHORT]
    ranked = [trial_text.cells(found, row) for row in trial_text.ranked(found)]
    rows = [[cells[each] for each in at] for cells in ranked]
    time = MEASURES[found.measure]
    heads = [time if name == "time" else name for name in trial_text.SHORT]
    less = (time, *trial_text.SHORTEST)
    console.print(terminal.figures(console, heads, rows, less=less, names=("",)))
    if watched := [trial_text.watched_cells(found, row) for row in trial_text.watched(found)]:
        heads = list(trial_text.WATCHED_COLUMNS)
        some = trial_text.WATCHED_SHORTEST
        console.print(terminal.figures(console, heads, watched, less=some, names=("watched",)))
    for remark in (trial_text.own_cost(found), *trial_text.remarks(found)):
        if remark:
            console.print(Text(remark))
    first, *rest = trial_text.answer(found)
    console.print(Text(first, style="bold"))
    for line in rest:
        console.print(Text(line))
