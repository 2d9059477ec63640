"""``prefault-kit contribute``: a recorded run as a file to send, after a look at what is in it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from prefault_kit.cli import export as exports
from prefault_kit.cli.ending import FAILED, Ending, in_words
from prefault_kit.cli.options import FILE, as_json
from prefault_kit.measure import saved
from prefault_kit.show import contribution as show
from prefault_kit.show.printable import printable_long
from prefault_kit.studies import comparison
from prefault_kit.studies.comparison import Run, contribution, reading


@click.command(short_help="Make a file to send of a recorded run, after a look into it.")
@click.argument("file", metavar="FILE", type=FILE)
@click.option("--check", is_flag=True, help="Only check FILE, made by somebody else, and show it.")
@click.option("--out", type=FILE, help="The file to send.  [default: NAME.contribution.json here]")
@click.option("--yes", is_flag=True, help="Do not ask before the file is written.")
@as_json
def contribute(file: Path, check: bool, out: Path | None, yes: bool, as_json: bool) -> None:
    """Make a file to send of a recorded run.

    Shows first what the file will say of the host, every fact on a line, and asks. The name of
    this host, of its user and paths are taken out; commands are left out. Nothing is sent, and
    FILE stays as it is. What is written is read back by the checks of compare. To give it to this
    project, attach it to a new issue of its repository.

    What it may say of the host: kernel, architecture, processor, processors, hypervisor, guest,
    page size, huge pages, pools of huge pages, THP, THP of shared memory, file system, memory,
    memory limit, swap, DAMON, Python, prefault-kit and date; of the run also its start and
    repetitions.

    \b
    Examples:
      prefault-kit contribute grid.csv
      prefault-kit contribute verdicts.json --out to-send.json --yes
      prefault-kit contribute --check theirs.contribution.json

    Exit status: 0 written, or with --check nothing is wrong; 1 the file cannot be written in the
    end, or --check found a path, an address or an unknown fact in it; 2 bad usage, such as a file
    that is no run; 130 not confirmed.
    """
    if check and (out is not None or yes):
        raise click.UsageError("--check writes nothing: leave --out and --yes out")
    try:
        run = comparison.read(file)
        if check:
            _check(run, as_json)
            return
        made = contribution.without_names(run, contribution.own_names())
        text = contribution.text(made)
        target = contribution.place(file) if out is None else out
        reading.parse(text.encode(), target)  # as who gets it will
    except ValueError as error:
        raise click.UsageError(printable_long(str(error))) from None
    except OSError as error:
        raise click.UsageError(printable_long(in_words(error))) from None
    exports.check(saved.attempt, target)
    _show(made, str(target), run.left_out, as_json, err=not as_json and not yes)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("the file is shown and asked for first: give --yes")
        click.confirm(f"Write {target}?", abort=True, err=True)
    try:
        saved.write(target, text)
    except OSError as error:
        raise Ending(FAILED, in_words(error)) from None
    if not as_json:
        click.echo(f"{target} is written: send it as it is")


def _show(run: Run, name: str, left_out: tuple[str, ...], as_json: bool, *, err: bool) -> None:
    """What the file says."""
    if as_json:
        said = {"file": name, "kind": run.kind, "size": run.size, "host": dict(run.host)}
        said |= {"columns": list(contribution.columns(run)), "left_out": list(left_out)}
        click.echo(saved.json_text(said))
        return
    click.echo(printable_long(f"{name} says"), err=err)
    for line in show.lines(run):
        click.echo(line, err=err)
    if left_out:
        click.echo(f"left out: {', '.join(left_out)}", err=err)


def _check(run: Run, as_json: bool) -> None:
    """Show a file of somebody else's, and what should not be in it."""
    wrong = [printable_long(each) for each in dict.fromkeys(contribution.remarks(run))]
    _show(run, run.name, run.left_out, as_json, err=False)
    if wrong:
        more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise Ending(FAILED, f"{printable_long(run.name)}: {'; '.join(wrong[:3])}{more}")
