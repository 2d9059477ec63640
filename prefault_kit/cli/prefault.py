"""``prefault-kit prefault``: files, or single tensors of them, into the page cache."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.table import Table

from prefault_kit.cli import terminal
from prefault_kit.cli.bar import bar
from prefault_kit.cli.ending import FAILED, UNAVAILABLE, USAGE, Ending, in_words
from prefault_kit.cli.options import FILE, SIZE, as_json
from prefault_kit.kernel.timed import PrefaultError
from prefault_kit.measure import saved
from prefault_kit.measure.trace import WINDOW_BYTES
from prefault_kit.memory import support
from prefault_kit.memory.budget import Budget
from prefault_kit.memory.file_part import FilePart
from prefault_kit.memory.population import ADVICE
from prefault_kit.memory.prefault import Prefault, prefault_within
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.memory.weights import weights
from prefault_kit.show.printable import printable, printable_long

if TYPE_CHECKING:
    from prefault_kit.studies.trace.prefaulting import Brought


@click.command(short_help="Files into the page cache, all of them or single tensors.")
@click.argument("files", metavar="[FILE...]", nargs=-1, type=FILE)
@click.option(
    "--tensor",
    "tensors",
    multiple=True,
    metavar="NAME",
    help="Of a safetensors or GGUF file, this tensor alone; may be repeated.",
)
@click.option(
    "--from-trace",
    "trace",
    type=FILE,
    metavar="TRACE",
    help="Of each file in a saved trace, the pages that the program touched.",
)
@click.option(
    "--around",
    "around_bytes",
    type=SIZE,
    default=WINDOW_BYTES,
    help="With --from-trace: of each page its window of so many bytes, which the kernel may have "
    "mapped without a fault; 0 for the pages alone.  [default: 64KiB]",
)
@click.option("--dry-run", is_flag=True, help="With --from-trace: only say how much it would be.")
@click.option(
    "--threads",
    type=int,
    metavar="N",
    help="Threads that share the work.  [default: by processors and size]",
)
@click.option("--node", type=int, metavar="N", help="Run on the processors of this NUMA node.")
@click.option("--window", "window_bytes", type=SIZE, help="Map so much at a time.  [default: 1GiB]")
@click.option(
    "--leave-free", "leave_free_bytes", type=SIZE, help="Leave so much memory for everything else."
)
@click.option(
    "--at-most",
    "at_most_bytes",
    type=SIZE,
    help="Read no more than so much that is not cached, of all files together.",
)
@click.option(
    "--at-most-of-cgroup",
    type=float,
    metavar="PART",
    help="At most this part of the memory cgroup's limit: 0.5 for half.",
)
@click.option("--touch", is_flag=True, help="Touch pages where the kernel lacks the advice.")
@as_json
def prefault(
    files: tuple[Path, ...],
    tensors: tuple[str, ...],
    trace: Path | None,
    around_bytes: int,
    dry_run: bool,
    threads: int | None,
    node: int | None,
    window_bytes: int | None,
    leave_free_bytes: int | None,
    at_most_bytes: int | None,
    at_most_of_cgroup: float | None,
    touch: bool,
    as_json: bool,
) -> None:
    """Read files into the page cache, so that who maps or reads them does not wait for the disk.

    Nothing is written, and nothing stays mapped. What was read stays until the kernel needs the
    memory for something else. A page that cannot be read is an error that names it; a file that is
    cut short or replaced meanwhile is one, too.

    \b
    Examples:
      prefault-kit prefault model.safetensors
      prefault-kit prefault model.gguf --tensor output.weight
      prefault-kit prefault /var/lib/index/* --threads 4 --leave-free 2GiB --json
      prefault-kit prefault --from-trace server.trace

    Exit status: 0, also where a budget ended it (with --json, complete is false then); 1 if a page
    cannot be read; 2 bad usage, or no such file; 3 if the kernel lacks the advice.
    """
    if bool(files) == (trace is not None):
        raise Ending(USAGE, "name a FILE or several, or a trace with --from-trace")
    if trace is None and dry_run:
        raise Ending(USAGE, "--dry-run goes with --from-trace")
    if trace is not None and (tensors or node is not None or window_bytes is not None):
        raise Ending(USAGE, "--tensor, --node and --window do not go with --from-trace")
    if not touch and (lacking := support.populate_refusal(ADVICE["read"])):
        raise Ending(
            UNAVAILABLE,
            f"this kernel lacks {ADVICE['read']} (it answers {lacking}): with --touch each page is "
            "touched instead",
        )
    try:
        budget = Budget.of(
            leave_free_bytes=leave_free_bytes,
            at_most_bytes=at_most_bytes,
            at_most_of_cgroup=at_most_of_cgroup,
        )
    except ValueError as error:
        raise Ending(USAGE, _in_options(error)) from None
    if trace is not None:
        _from_trace(trace, around_bytes, budget, dry_run, threads, touch, as_json)
        return
    parts = [part for file in files for part in _parts(str(file), tensors)]
    total = sum(part.size_bytes for _, part in parts) or 1
    done: list[tuple[str, Prefault]] = []
    with bar("looking", wanted=not as_json) as move:
        before = 0
        for name, part in parts:

            def tell(now: int, _: int, name: str = name, before: int = before) -> None:
                move(min(1.0, (before + now) / total), f"{name}: {format_bytes(now)}")

            try:
                found = prefault_within(
                    budget,
                    part,
                    threads=threads,
                    node=node,
                    window_bytes=window_bytes,
                    touch=touch,
                    on_progress=tell,
                )
            except ValueError as error:
                raise Ending(USAGE, _in_options(error)) from None
            except PrefaultError as error:
                raise Ending(FAILED, f"{name}: {error.strerror}") from None
            before += part.size_bytes
            done.append((name, found))
    if as_json:
        each = [{"file": part.path, "name": name} for name, part in parts]
        rows = [row | found.as_dict() for row, (_, found) in zip(each, done, strict=True)]
        click.echo(saved.json_text({"files": rows}))
    else:
        _print(done)


def _from_trace(
    path: Path,
    around_bytes: int,
    budget: Budget | None,
    dry_run: bool,
    threads: int | None,
    touch: bool,
    as_json: bool,
) -> None:
    """Bring what a trace has of files, and say how much of it that is."""
    from prefault_kit.cli import trace as traces
    from prefault_kit.studies.trace import prefaulting

    try:
        plans = prefaulting.plans(traces.load(path), around_bytes)
    except ValueError as error:
        raise Ending(USAGE, str(error)) from None
    total = sum(each.size_bytes for each in plans) or 1
    done = []
    with bar("looking", wanted=not as_json) as move:
        before = 0
        for plan in plans:

            def tell(now: int, name: str = plan.path, before: int = before) -> None:
                move(min(1.0, (before + now) / total), f"{printable(name)}: {format_bytes(now)}")

            try:
                if dry_run:
                    done.append(prefaulting.look(plan))
                else:
                    done.append(
                        prefaulting.bring(
                            plan, budget, threads=threads, touch=touch, on_progress=tell
                        )
                    )
            except ValueError as error:
                raise Ending(USAGE, _in_options(error)) from None
            except OSError as error:
                raise Ending(FAILED, printable_long(in_words(error))) from None
            before += plan.size_bytes
    if as_json:
        click.echo(saved.json_text({"files": [each.as_dict() for each in done]}))
    else:
        _print_brought(done, dry_run)


def _print_brought(done: list[Brought], dry_run: bool) -> None:
    console = terminal.console()
    table = Table("file", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in (
        "touched",
        "with windows",
        "runs",
        "cached before",
        "after",
        "major faults",
        "time",
    ):
        table.add_column(head, justify="right")
    for found in done:
        table.add_row(
            printable(found.path),
            terminal.size(found.touched_bytes),
            terminal.size(found.size_bytes),
            f"{found.runs:,}",
            _cached(found.there_before_bytes),
            "" if dry_run else _cached(found.there_after_bytes),
            f"{found.major_faults:,}",
            terminal.ms(found.elapsed_ms),
        )
    console.print(table)
    size = format_bytes(sum(each.size_bytes for each in done) or 0)
    lacking = sum(each.size_bytes - (each.there_before_bytes or 0) for each in done)
    brought = sum(each.brought_bytes or 0 for each in done)
    if dry_run:
        console.print(
            f"{size} would be looked for, {terminal.size(max(0, lacking))} not cached yet"
        )
    else:
        console.print(f"{size} looked for, {terminal.size(max(0, brought))} brought")
    if any(each.done_bytes < each.size_bytes for each in done) and not dry_run:
        console.print("- the budget ended it before all of it was there")
    for each in done:
        if each.note:
            console.print(f"- {printable(each.path)}: {each.note}")


def _in_options(error: ValueError) -> str:
    """The sentence, about the option that the user gave."""
    said = str(error)
    for option in click.get_current_context().command.params:
        if option.name and said.startswith(f"{option.name} is "):
            said = option.opts[0] + said.removeprefix(option.name)
    return said


def _parts(path: str, tensors: tuple[str, ...]) -> list[tuple[str, FilePart]]:
    """The parts of a file to read, each with its name; an Ending that says why there are none."""
    try:
        if not tensors:
            return [(path, FilePart.whole(path))]
        known = weights(path)
    except ValueError as error:
        raise Ending(FAILED, str(error)) from None
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.EISDIR, errno.EINVAL, errno.ENOTDIR)
        raise Ending(USAGE if missing else FAILED, in_words(error)) from None
    for name in tensors:
        if name not in known:
            few = ", ".join(list(known)[:3]) or "none"
            raise Ending(USAGE, f"{path} has no tensor {name!r}; it has {len(known)}: {few}...")
    return [(f"{path}: {name}", known[name]) for name in tensors]


def _cached(size_bytes: int | None) -> str:
    """A size; where there is none a note says why."""
    return "not told" if size_bytes is None else terminal.size(size_bytes)


def _print(done: list[tuple[str, Prefault]]) -> None:
    console = terminal.console()
    table = Table("file", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("size", "cached before", "after", "major faults", "time"):
        table.add_column(head, justify="right")
    for name, found in done:
        table.add_row(
            name,
            terminal.size(found.size_bytes),
            _cached(found.there_before_bytes),
            _cached(found.there_after_bytes),
            f"{found.major_faults:,}",
            terminal.ms(found.elapsed_ms),
        )
    console.print(table)
    notes = dict.fromkeys(
        f"{name}: {note}" if len(done) > 1 and "budget" in note else note
        for name, found in done
        for note in found.notes
    )
    for note in notes:
        console.print(f"- {note}")
