"""``prefault-kit trace``: the page faults of a program, in time and place."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from prefault_kit.cli import export as exports
from prefault_kit.cli import terminal
from prefault_kit.cli.ending import FAILED, INTERRUPTED, UNAVAILABLE, Ending, in_words
from prefault_kit.cli.options import FILE, SIZE, as_json
from prefault_kit.host import extras, features
from prefault_kit.measure import saved, trace_file
from prefault_kit.measure.trace import WINDOW_BYTES, Trace, check_around
from prefault_kit.show import trace as text
from prefault_kit.show import trace_export
from prefault_kit.show.printable import printable_long
from prefault_kit.studies.trace import NothingSeen, running
from prefault_kit.studies.trace.comparison import Comparison, compare

MOST_SHOWN = 15
"""Mappings in the table; --json and the page have all."""


def load(path: Path) -> Trace:
    """A saved trace; an Ending that says why there is none."""
    try:
        return trace_file.load(path)
    except ValueError as error:
        raise click.UsageError(printable_long(str(error))) from None
    except OSError as error:
        raise click.UsageError(f"cannot read {in_words(error)}") from None


@click.command(
    short_help="Record a program's page faults: which pages, when, and what for.",
    context_settings={"allow_interspersed_args": False},
)
@click.option("--out", type=FILE, help="Save the trace to a new file, for review and prefault.")
@click.option(
    "--export", type=FILE, help="Also write an HTML page with a picture, and the JSON beside it."
)
@click.option(
    "--compare",
    "earlier",
    type=FILE,
    metavar="TRACE",
    help="Hold it against an earlier trace: what that foretold (coverage), or had in vain (waste).",
)
@click.option(
    "--around",
    "around_bytes",
    type=SIZE,
    default=WINDOW_BYTES,
    help="To compare, a page of a file stands for its window of so many bytes; 0 for itself alone."
    "  [default: 64KiB]",
)
@click.option("--load", "saved_trace", type=FILE, help="Show a saved trace, and run nothing.")
@click.option(
    "--duration",
    type=float,
    metavar="SECONDS",
    help="End it after so many seconds.  [default: it ends by itself, or by Ctrl-C]",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- CMD...")
@as_json
def trace(
    out: Path | None,
    export: Path | None,
    earlier: Path | None,
    around_bytes: int,
    saved_trace: Path | None,
    duration: float | None,
    command: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run a program and record each of its page faults: mapping, page, time, read or write.

    The program is not changed; its threads and the processes that it starts are recorded too. A
    page is known by its file, or by its mapping, so that another run has the same pages. Whether a
    fault read or wrote is told to root where tracefs is mounted; else it is known of read-only
    memory alone. The program's output is passed on (with --json to stderr); Ctrl-C ends it, and
    what was recorded until then is the trace.

    \b
    Examples:
      prefault-kit trace --out python.trace -- python3 -c 'import numpy'
      prefault-kit trace --compare python.trace -- python3 -c 'import numpy'
      prefault-kit trace --load python.trace --export python.html
      prefault-kit prefault --from-trace python.trace
      prefault-kit review --trace python.trace

    Exit status: 0 ok, however the program ended; 1 if a file cannot be written; 2 bad usage, or
    no such program; 3 if faults cannot be observed here; 130 after Ctrl-C.
    """
    if bool(command) == (saved_trace is not None):
        raise click.UsageError("give a command to run behind --, or a saved trace with --load")
    if saved_trace is not None and (out is not None or duration is not None):
        raise click.UsageError("--out and --duration are for a command: nothing runs with --load")
    try:
        check_around(around_bytes)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if export is not None:
        if lacking := extras.missing("an exported trace", "jinja2"):
            raise Ending(UNAVAILABLE, lacking.reason, lacking.command)
        exports.check(trace_export.check, export)
    if out is not None:
        try:
            saved.claim(out)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    before = load(earlier) if earlier is not None else None
    found = load(saved_trace) if saved_trace is not None else _record(command, duration, as_json)
    failure = _save(found, out)
    compared = None
    if before is not None:
        try:
            compared = compare(found, before, around_bytes)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if export is not None:
        try:
            trace_export.save(export, found, compared)
        except OSError as error:
            failure = failure or exports.failure(error)
    if as_json:
        click.echo(saved.json_text(text.as_dict(found, compared)))
    else:
        _print(found, compared)
    if failure is not None:
        raise failure
    if found.stopped and duration is None and saved_trace is None:
        raise Ending(
            INTERRUPTED,
            "the program was stopped, and the trace has what it had done until then",
        )


def _record(command: tuple[str, ...], duration: float | None, as_json: bool) -> Trace:
    try:
        return running.run(command, duration_s=duration, outputs=(2, 2) if as_json else (1, 2))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except NothingSeen:
        raise Ending(
            UNAVAILABLE,
            f"no fault of {command[0]} was to be seen: it runs as another user (setuid)",
            "sudo prefault-kit trace",
        ) from None
    except OSError as error:
        if error.filename is not None:
            said = (error.strerror or str(error)).lower()
            raise click.UsageError(f"{command[0]} cannot be run: {said}") from None
        missing = features.fault_events(error)
        assert missing
        raise Ending(UNAVAILABLE, missing.reason, missing.command) from None


def _save(found: Trace, out: Path | None) -> Ending | None:
    """Save the trace; how the command ends if that fails."""
    if out is None:
        return None
    try:
        trace_file.save(found, out)
    except OSError as error:
        return Ending(FAILED, f"the trace was not saved, and no file is there: {in_words(error)}")
    return None


def _print(found: Trace, compared: Comparison | None) -> None:
    """The working set, the mappings, a comparison, what is missing."""
    console = terminal.console()
    console.print(Text(text.title(found), style="bold"))
    for sentence in text.summary(found):
        console.print(Text(sentence))
    if len(found):
        rows = [
            text.cells(found, number, each) for number, each in enumerate(found.use[:MOST_SHOWN], 1)
        ]
        console.print(
            terminal.figures(console, text.COLUMNS, rows, less=text.ALWAYS, names=("mapping",))
        )
        if len(found.use) > MOST_SHOWN:
            console.print(f"and {len(found.use) - MOST_SHOWN} more: see --json or --export")
    if compared is not None:
        for sentence in text.comparison(compared):
            console.print(Text(sentence, style="bold"))
    for sentence in text.notes(found):
        console.print(Text(f"- {sentence}"))
