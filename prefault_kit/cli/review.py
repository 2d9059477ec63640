"""``prefault-kit review``: READ or WRITE, for your own workload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.text import Text

from prefault_kit.cli import export as exports
from prefault_kit.cli import options, terminal
from prefault_kit.cli.bar import bar
from prefault_kit.cli.ending import FAILED, UNAVAILABLE, Ending, in_words
from prefault_kit.cli.follower import following
from prefault_kit.cli.options import DIRECTORY, FILE, SIZE, Parsed, as_json, repeats, threads
from prefault_kit.host import extras
from prefault_kit.measure import saved
from prefault_kit.memory.backing import KINDS
from prefault_kit.memory.mapping import SHARINGS
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import review as review_text
from prefault_kit.show import review_export
from prefault_kit.show.printable import printable_long
from prefault_kit.studies.review import Review, ReviewProgress, Weights, Workload, advice, running
from prefault_kit.studies.review.presets import PRESETS
from prefault_kit.studies.review.workload import (
    AFTERWARDS,
    CONTENTS,
    OF_THE_TRACE,
    OPTIONS,
    PATTERNS,
)


def _case(
    chosen: dict[str, Any],
    preset: str | None,
    existing_file: Path | None,
    backing: str | None,
    page_size: int | None,
    directory: str | None,
    trace: Path | None,
    mapping: int | None,
) -> tuple[Workload, Weights]:
    """The case that the options describe, and its weights; ValueError when they contradict."""
    if sum(each is not None for each in (preset, existing_file, backing)) > 1:
        raise ValueError("give one of --preset, --existing-file and --backing")
    if trace is not None:
        return _replayed(chosen, preset, existing_file, backing, page_size, directory, trace,
                         mapping), Weights()  # fmt: skip
    if mapping is not None:
        raise ValueError("--mapping is one of a trace: name that with --trace")
    if existing_file is not None:
        if directory or page_size:
            raise ValueError("your own file is the backing: leave --dir and --page-size out")
        try:
            return Workload.of_file(existing_file, **chosen), Weights()
        except OSError as error:
            raise ValueError(in_words(error)) from None
    if preset is not None:
        found = PRESETS[preset]
        if found.not_testable:
            raise Ending(UNAVAILABLE, f"{preset} is not testable here: {found.not_testable}")
        return found.workload(directory or ".", **chosen), found.weights
    memory = options.backing(backing or "file", page_size, directory)
    if memory.on_disk:
        chosen = {"afterwards": "sync"} | chosen
    return Workload(memory, **chosen), Weights()


def _replayed(
    chosen: dict[str, Any],
    preset: str | None,
    existing_file: Path | None,
    backing: str | None,
    page_size: int | None,
    directory: str | None,
    trace: Path,
    mapping: int | None,
) -> Workload:
    """The accesses of a trace as the case."""
    if preset is not None or existing_file is not None:
        raise ValueError("--trace has a case of its own: leave --preset and --existing-file out")
    for name in OF_THE_TRACE:
        if name in chosen:
            option = "size" if name == "size_bytes" else name
            raise ValueError(f"the trace says what is accessed: leave --{option} out")
    memory = None
    if backing is not None:
        memory = options.backing(backing, page_size, directory)
    elif directory is not None:
        memory = options.backing("file", page_size, directory)
    elif page_size is not None:
        raise ValueError("--page-size goes with --backing")
    try:
        found = Workload.of_trace(trace, mapping, memory, **chosen)
    except OSError as error:
        raise ValueError(in_words(error)) from None
    if found.backing.on_disk and "afterwards" not in chosen:
        return replace(found, afterwards="sync")
    return found


def _export(found: Review, weights: Weights, path: Path) -> Ending | None:
    """Write the page and the summary; how the command ends if that fails."""
    try:
        review_export.save(found, weights, path)
    except OSError as error:
        return exports.failure(error)
    return None


@click.command(short_help="READ or WRITE? Your workload, measured with each method.")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    metavar="NAME",
    help=f"A case from the debate of 2021: {', '.join(PRESETS)}; other options change it.",
)
@click.option(
    "--backing", type=click.Choice(KINDS), help="Where the memory comes from.  [default: file]"
)
@click.option("--page-size", type=SIZE, help="A huge one means MAP_HUGETLB or MFD_HUGETLB.")
@click.option(
    "--dir",
    "directory",
    type=DIRECTORY,
    help="The directory of the file.  [default: the current one]",
)
@click.option(
    "--existing-file",
    type=FILE,
    help="Your own file, which is only read: all of it, or the first 4 GiB without --size.",
)
@click.option(
    "--trace",
    type=FILE,
    help="The accesses of a program that `prefault-kit trace --out` recorded, in place of "
    "--size, --read, --write and --pattern.",
)
@click.option(
    "--mapping",
    type=int,
    metavar="N",
    help="Of the trace, the mapping of this number.  [default: the one with the most faults]",
)
@click.option("--sharing", type=click.Choice(SHARINGS), default="shared", show_default=True)
@click.option("--size", "size_bytes", type=SIZE, help="Of the mapping.  [default: 256MiB]")
@click.option(
    "--content",
    type=click.Choice(list(CONTENTS)),
    metavar="CONTENT",
    help=f"What the file holds at the start: {', '.join(CONTENTS)}.  [default: hole; as-is for "
    "your own file]",
)
@click.option(
    "--read", type=float, metavar="PART", default=1, show_default=True,
    help="The part of the pages that is read.",
)  # fmt: skip
@click.option(
    "--write", type=float, metavar="PART", default=0, show_default=True,
    help="The part of the pages that is written.",
)  # fmt: skip
@click.option("--pattern", type=click.Choice(list(PATTERNS)), default="random", show_default=True)
@click.option(
    "--afterwards",
    type=click.Choice(list(AFTERWARDS)),
    help="[default: sync for the kit's own file on disk, else nothing]",
)
@threads
@repeats(5)
@click.option(
    "--weights",
    type=Parsed("weights", Weights.parse),
    default="",
    help="What things cost, in seconds of work: startup (per second), tail (per ms of the 99.9th "
    "percentile of first accesses), written and memory (per GiB).  [default: startup=1 alone]",
)
@click.option("--no-sweep", is_flag=True, help="Do not try other written fractions.")
@click.option(
    "--export", type=FILE, help="Also write an HTML page, and a Markdown summary beside it."
)
@as_json
def review(
    preset: str | None,
    backing: str | None,
    page_size: int | None,
    directory: str | None,
    existing_file: Path | None,
    trace: Path | None,
    mapping: int | None,
    sharing: str,
    size_bytes: int | None,
    content: str | None,
    read: float,
    write: float,
    pattern: str,
    afterwards: str | None,
    threads: int,
    repeats: int,
    weights: Weights,
    no_sweep: bool,
    export: Path | None,
    as_json: bool,
) -> None:
    """Measure a workload with each method of prefaulting, phase by phase, and recommend one.

    Each candidate prefaults, then reads and writes the pages that you choose, then syncs or evicts
    the file if you choose that. All candidates run interleaved. Your own file is opened and mapped
    for reading only, and is not evicted unless you choose cold or evict.

    \b
    Examples:
      prefault-kit review --dir /var/tmp --content large-chunks --write 0.01
      prefault-kit review --backing anon --sharing private --write 1 --threads 2
      prefault-kit review --preset fake-nvdimm --dir /var/tmp --export review.html
      prefault-kit review --existing-file model.bin --read 0.2 --pattern hotspot
      prefault-kit review --trace server.trace --backing file --dir /var/tmp

    Exit status: 0 ok, 1 the experiment failed, 2 bad usage, 3 unavailable on this host.
    """
    context = click.get_current_context()
    chosen = {
        name: context.params[name]
        for name in ("size_bytes", *OPTIONS)
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    try:
        case, own_weights = _case(
            chosen, preset, existing_file, backing, page_size, directory, trace, mapping
        )
    except ValueError as error:
        raise click.UsageError(printable_long(str(error))) from None
    if context.get_parameter_source("weights") is ParameterSource.DEFAULT:
        weights = own_weights
    if export is not None:
        if lacking := extras.missing("an exported review", "bokeh", "jinja2"):
            raise Ending(UNAVAILABLE, lacking.reason, lacking.command)
        exports.check(review_export.check, export)
    with bar("review", wanted=not as_json) as move:

        def tell(progress: ReviewProgress) -> None:
            move(progress.part, progress.words)

        found = running.run(case, sweep=not no_sweep, on_progress=tell)
    follower = following()
    if follower and found.outcome == "ok":
        follower.row(review_text.as_dict(found, weights))
    failure = None
    if export is not None and found.outcome == "ok":
        failure = _export(found, weights, export)
    if as_json:
        click.echo(saved.json_text(review_text.as_dict(found, weights)))
    elif found.outcome == "ok":
        _print(found, weights)
    if found.outcome == "unavailable":
        raise Ending(UNAVAILABLE, found.message or "this host cannot run it", found.enable)
    if found.outcome != "ok":
        raise Ending(FAILED, found.message or "the review failed")
    if failure is not None:
        raise failure


def _print(found: Review, weights: Weights) -> None:
    """The candidates of a review, cheapest first; what is recommended, and why."""
    console = terminal.console()
    load = found.workload
    title = f"{load.sharing} {load.backing.label}, {format_bytes(load.size_bytes)}, {load.content}"
    title += f": {load.read:.0%} read, {load.write:.0%} written, {load.pattern}"
    title += f", then {load.afterwards}" if load.afterwards != "nothing" else ""
    title += f", on {found.file_system}" if found.file_system else ""
    console.print(Text(title, style="bold"))
    ranked = [review_text.cells(each, weights) for each in advice.ranking(found, weights)]
    rows = [[cells[name] or "-" for name in review_text.SHORT] for cells in ranked]
    console.print(
        terminal.figures(
            console, review_text.SHORT, rows, less=review_text.SHORTEST, names=("candidate",)
        )
    )
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
