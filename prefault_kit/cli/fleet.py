"""``prefault-kit fleet``: one command on many hosts, by Dask."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from rich import box
from rich.table import Table
from rich.text import Text

from prefault_kit.cli import terminal
from prefault_kit.cli.bar import bars
from prefault_kit.cli.ending import FAILED, INTERRUPTED, UNAVAILABLE, Ending, in_words
from prefault_kit.cli.options import FILE, as_json
from prefault_kit.host import extras
from prefault_kit.measure import saved
from prefault_kit.show import fleet as show
from prefault_kit.show.units import format_count
from prefault_kit.studies.comparison import facts, reading
from prefault_kit.studies.comparison.recorded import GRID, VERDICTS
from prefault_kit.studies.fleet.collected import (
    DONE,
    REFUSED,
    Facts,
    Fleet,
    Folder,
    Job,
    NotCollectedError,
    Row,
)
from prefault_kit.studies.review.result import SCHEMA as REVIEW_SCHEMA

if TYPE_CHECKING:
    from prefault_kit.studies.fleet.running import Moved

REVIEW = "review"
KINDS = {"matrix": GRID, "check": VERDICTS, "review": REVIEW}
"""The commands, and what they record."""
OWN = {
    "matrix": ("table", "resume", "as_json"),
    "check": ("junit", "out", "as_ktap", "since", "records", "as_c", "kind", "github", "as_json"),
    "review": ("export", "as_json"),
}
"""Options that say where a command's answer goes: a fleet has its own folder for that."""
NOWHERE = ("--out", "nowhere.csv")
"""What matrix asks for, though on a host of a fleet it makes no file."""
LONGEST_SUMMARY = 300


@click.command(
    short_help="One command on many hosts, by Dask; a recorded run of each.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="The address of a Dask scheduler, as it prints it."
)
@click.option(
    "--local",
    type=click.IntRange(1, 16),
    metavar="N",
    help="For a try-out: N workers of this machine that pretend to be hosts, and take turns.",
)
@click.option("--out", type=FILE, required=True, metavar="DIR", help="A new folder for the runs.")
@click.option("--resume", is_flag=True, help="Continue DIR: what is there of a host is kept.")
@click.option(
    "--hosts",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="Wait for so many.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for hosts that are missing, or have left.",
)
@click.option("--names", is_flag=True, help="Also record what hosts are called.")
@as_json
@click.argument("words", metavar="COMMAND [OPTION]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def fleet(
    context: click.Context,
    scheduler: str | None,
    local: int | None,
    out: Path,
    resume: bool,
    hosts: int,
    wait: float,
    names: bool,
    as_json: bool,
    words: tuple[str, ...],
) -> None:
    """Run matrix, check or review on every host that has a worker of a Dask scheduler.

    Each host runs it once, and alone: workers of one machine are one host. What may be killed runs
    in a process of the kit's own below the Dask worker. Rows are collected in DIR as they are
    finished, with the facts of their host. A host that leaves has a row that says so; it is waited
    for, and goes on where it was. DIR then has a run of each host, for prefault-kit compare.

    Paths are those of the hosts, and relative ones begin where their Dask worker runs. Workers need
    this version of prefault-kit, and of Python.

    \b
    Examples:
      prefault-kit fleet --local 3 --out try check 'read-*'
      prefault-kit fleet --scheduler tcp://boss:8786 --out runs matrix
      prefault-kit fleet --scheduler tcp://boss:8786 --out runs --resume matrix
      prefault-kit fleet --scheduler tcp://boss:8786 --hosts 50 --out all check
      prefault-kit compare runs/host-*.json

    Exit status: 0 every host is done, 1 one is not, or what it found fails the command, 2 bad
    usage, 3 no scheduler, no host, or none that can run it, 130 interrupted: --resume continues.
    """
    if (scheduler is None) == (local is None):
        raise click.UsageError("give either --scheduler ADDRESS or --local N")
    asked = _asked(words, context)
    if lacking := extras.missing("a fleet", "distributed"):
        raise Ending(UNAVAILABLE, lacking.reason, lacking.command)
    try:
        folder = (Folder.resume if resume else Folder.begin)(out, asked)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.UsageError(f"{out} cannot be made or read: {in_words(error)}") from None
    from prefault_kit.studies.fleet.cluster import NoSchedulerError

    with contextlib.closing(folder):
        try:
            with (
                bars(wanted=not as_json) as move,
                _scheduler(scheduler, hosts if local is None else local) as address,
            ):
                _run(folder, address, max(hosts, local or 1), wait, names, _mover(move))
        except KeyboardInterrupt:
            raise Ending(
                INTERRUPTED, f"stopped; the same command with --resume continues {out}"
            ) from None
        except NotCollectedError as error:
            said = f"{error.filename} cannot be written: {error.strerror}"
            raise Ending(FAILED, f"{said}: continue with --resume once it can be") from None
        except NoSchedulerError as error:
            raise Ending(UNAVAILABLE, str(error)) from None
        found = Fleet(asked.words, tuple(folder.hosts))
    if as_json:
        click.echo(saved.json_text(show.as_dict(found)))
    else:
        _print(found)
    _judge(found, out)


def _run(
    folder: Folder,
    address: str,
    hosts: int,
    wait_s: float,
    names: bool,
    on_move: Callable[[Moved], object],
) -> None:
    """Run it in a thread: a Ctrl-C comes between two rows then, and not within one."""
    from prefault_kit.cli import followed
    from prefault_kit.studies.fleet import cluster, running

    stop = threading.Event()
    with cluster.connected(address) as reached, ThreadPoolExecutor(1) as pool:
        done = pool.submit(
            running.run, folder, reached, followed.rows,
            hosts=hosts, wait_s=wait_s, names=names, on_move=on_move, stop=stop,
        )  # fmt: skip
        try:
            done.result()
        except KeyboardInterrupt:
            stop.set()
            done.result()
            raise


@contextlib.contextmanager
def _scheduler(address: str | None, hosts: int) -> Iterator[str]:
    if address is not None:
        yield address
        return
    from prefault_kit.studies.fleet import local

    with local.scheduler(hosts) as own:
        yield own


def _mover(move: Callable[[str, float | None, str], None]) -> Callable[[Moved], None]:
    return lambda moved: move(show.named(moved.host), moved.part, moved.words)


def _judge(found: Fleet, out: Path) -> None:
    """Ending unless every host is done."""
    states = Counter(each.state for each in found.hosts)
    if not found.hosts:
        raise Ending(
            UNAVAILABLE,
            "no host has a worker at this scheduler",
            "dask worker ADDRESS --nthreads 1, on each host",
        )
    if states[DONE] < len(found.hosts):
        refused = states[REFUSED] == len(found.hosts)
        first = f": {found.hosts[0].message}" if refused else ""
        more = "" if refused else f": the same command with --resume asks those again in {out}"
        raise Ending(UNAVAILABLE if refused else FAILED, f"{show.sentence(found)}{first}{more}")


def _print(found: Fleet) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in show.HEAD:
        table.add_column(name, justify="right" if name == "rows" else "left", overflow="fold")
    for each in found.hosts:
        table.add_row(*map(Text, show.row(each)))
    terminal.console().print(table)


def _asked(words: Sequence[str], context: click.Context) -> Job:
    """What hosts are asked for; UsageError if it is nothing that they could be."""
    name, *more = words or [""]
    if name not in KINDS:
        known = ", ".join(KINDS)
        raise click.UsageError(f"{name!r} is no command for a fleet: choose of {known}" if name
                               else f"name what hosts are to run: {known}")  # fmt: skip
    own = list(NOWHERE) if name == "matrix" else []
    assert context.parent and isinstance(context.parent.command, click.Group)
    command = context.parent.command.get_command(context.parent, name)
    assert command
    for option in ("--out", "--resume"):
        if name == "matrix" and any(each.partition("=")[0] == option for each in more):
            raise click.UsageError(_misplaced(option))
    with command.make_context(name, [*more, *own], parent=context.parent) as inner:
        for each in command.params:
            given = inner.get_parameter_source(each.name or "") is not ParameterSource.DEFAULT
            if given and each.name in OWN[name] and each.opts[0] not in own:
                raise click.UsageError(_misplaced(each.opts[0]))
    return job(KINDS[name], (name, *more, *own))


def job(kind: str, words: Sequence[str]) -> Job:
    """A command line for hosts, whose rows are of this kind."""
    if kind == REVIEW:
        return Job(tuple(words), _checked_review, lambda _, rows: dict(rows[0]), _recommended)
    return Job(tuple(words), _checker(kind), _recorder(kind), _counted)


def _misplaced(option: str) -> str:
    return (
        f"{option} is not for a host of a fleet: leave it out, its runs are in the --out of fleet"
    )


def _recorder(kind: str) -> Callable[[Facts, Sequence[Row]], dict[str, Any]]:
    """What makes a recorded run, by the checks that a stranger's file goes through."""

    def record(known: Facts, rows: Sequence[Row]) -> dict[str, Any]:
        if not (known.get("kernel") and known.get("machine")):
            raise ValueError("it does not say of which kernel and machine it is")
        data = {"format": reading.FORMAT, "kind": kind, "host": dict(known), "rows": list(rows)}
        return reading.as_dict(reading.parse(saved.json_text(data).encode(), Path("a row")))

    return record


def _checker(kind: str) -> Callable[[Facts, Row], tuple[Facts, Row]]:
    record = _recorder(kind)

    def check(known: Facts, row: Row) -> tuple[Facts, Row]:
        data = record(known, [row])
        return data["host"], data["rows"][0]

    return check


def _counted(rows: Sequence[Row]) -> str:
    """Cells or verdicts, by what they are."""
    counts = Counter(str(each.get("verdict", each.get("outcome"))) for each in rows)
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def _checked_review(known: Facts, row: Row) -> tuple[Facts, Row]:
    """A review has facts of its host that are known ones, and candidates."""
    taken, _ = facts.known(dict(known))
    candidates = row.get("candidates")
    if row.get("schema") != REVIEW_SCHEMA or not isinstance(candidates, list):
        raise ValueError("it is no review of this version of the kit")
    return taken, dict(row) | {"host": taken}


def _recommended(rows: Sequence[Row]) -> str:
    """What the review of a host recommends."""
    found = rows[0].get("recommendation")
    if not isinstance(found, dict):
        return format_count(len(rows[0]["candidates"]), "candidate")
    return f"{found.get('name')}: {found.get('reason')}"[:LONGEST_SUMMARY]
