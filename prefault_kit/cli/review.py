"""``prefault-kit review``: READ or WRITE, for a workload of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from prefault_kit.cli import options, terminal
from prefault_kit.cli.bar import bar
from prefault_kit.cli.ending import FAILED, UNAVAILABLE, Ending
from prefault_kit.cli.options import DIRECTORY, FILE, SIZE, Parsed, as_json
from prefault_kit.memory.backing import KINDS
from prefault_kit.memory.mapping import SHARINGS
from prefault_kit.show import review as review_text
from prefault_kit.show import review_page
from prefault_kit.studies.review import Progress, Weights, Workload, measured
from prefault_kit.studies.review.presets import PRESETS
from prefault_kit.studies.review.workload import AFTERWARDS, CONTENTS, PATTERNS, WORDS


def _case(
    chosen: dict[str, Any],
    preset: str | None,
    existing_file: Path | None,
    backing: str | None,
    page_size: int | None,
    directory: str | None,
) -> tuple[Workload, Weights]:
    """The case that the options describe, and its weights; ValueError when they contradict."""
    if sum(each is not None for each in (preset, existing_file, backing)) > 1:
        raise ValueError("give one of --preset, --existing-file and --backing")
    if existing_file is not None:
        if directory or page_size:
            raise ValueError("a file of yours is the backing: leave --dir and --page-size out")
        return Workload.of_file(existing_file, **chosen), Weights()
    if preset is not None:
        found = PRESETS[preset]
        if found.not_testable:
            raise Ending(UNAVAILABLE, f"{preset} is not testable here: {found.not_testable}")
        return found.workload(directory or ".", **chosen), found.weights
    memory = options.backing(backing or "file", page_size, directory)
    if memory.on_disk:
        chosen = {"afterwards": "sync"} | chosen
    return Workload(memory, **chosen), Weights()


@click.command(short_help="READ or WRITE? Measure a workload of yours on every way to prefault.")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    metavar="NAME",
    help=f"A case of the debate: {', '.join(PRESETS)}; other options change it.",
)
@click.option("--backing", type=click.Choice(KINDS), help="Where memory is from.  [default: file]")
@click.option("--page-size", type=SIZE, help="A huge one means MAP_HUGETLB or MFD_HUGETLB.")
@click.option("--dir", "directory", type=DIRECTORY, help="Where the file lies.  [default: here]")
@click.option("--existing-file", type=FILE, help="A file of yours; it is only ever read.")
@click.option("--sharing", type=click.Choice(SHARINGS), default="shared", show_default=True)
@click.option("--size", "size_bytes", type=SIZE, help="Of the mapping.  [default: 256MiB]")
@click.option(
    "--content",
    type=click.Choice(list(CONTENTS)),
    metavar="CONTENT",
    help=f"What the file holds at the start: {', '.join(CONTENTS)}.  [default: hole; as-is for a "
    "file of yours]",
)
@click.option("--read", type=float, default=1.0, show_default=True, help="Fraction of pages read.")
@click.option("--write", type=float, default=0.0, show_default=True, help="The same, written.")
@click.option("--pattern", type=click.Choice(list(PATTERNS)), default="random", show_default=True)
@click.option(
    "--afterwards",
    type=click.Choice(list(AFTERWARDS)),
    help="[default: sync for a file of the kit's own on disk, else nothing]",
)
@click.option("--threads", type=int, default=1, show_default=True)
@click.option("--repeats", type=int, default=5, show_default=True, help="After one warm-up.")
@click.option(
    "--weights",
    type=Parsed("weights", Weights.parse),
    default="",
    help="How dear things are: startup (a second of it), tail (a ms of the 99.9th percentile), "
    "written and memory (a GiB), in seconds of work.  [default: startup=1 and no other]",
)
@click.option("--no-sweep", is_flag=True, help="Leave out other written fractions.")
@click.option("--export", type=FILE, help="Write an HTML file to attach, and a summary beside it.")
@as_json
def review(
    preset: str | None,
    backing: str | None,
    page_size: int | None,
    directory: str | None,
    existing_file: Path | None,
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
    """Measure a workload with each way to prefault, phase by phase, and recommend one.

    Each candidate prefaults, then pages are read and written as you say, then the file is synced or
    evicted if you say so. All run interleaved. A file of yours is opened and mapped for reading
    alone, and neither synced nor evicted unless you ask for cold or evict.

    \b
    Examples:
      prefault-kit review --dir /var/tmp --content large-chunks --write 0.01
      prefault-kit review --backing anon --sharing private --write 1 --threads 2
      prefault-kit review --preset fake-nvdimm --dir /var/tmp --export review.html
      prefault-kit review --existing-file model.bin --read 0.2 --pattern hotspot

    Exit status: 0 ok, 1 the experiment failed, 2 bad usage, 3 unavailable on this host.
    """
    context = click.get_current_context()
    chosen = {
        name: context.params[name]
        for name in ("size_bytes", *WORDS)
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    try:
        case, own_weights = _case(chosen, preset, existing_file, backing, page_size, directory)
        taken = review_page.taken(export) if export is not None else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if context.get_parameter_source("weights") is ParameterSource.DEFAULT:
        weights = own_weights
    if taken is not None:
        raise click.UsageError(f"{taken} exists already: choose another name")
    with bar("review", wanted=not as_json) as move:

        def tell(progress: Progress) -> None:
            move(progress.part, progress.words)

        found = measured.run(case, sweep=not no_sweep, on_progress=tell)
    if export is not None and found.outcome == "ok":
        review_page.save(found, weights, export)
    if as_json:
        click.echo(json.dumps(review_text.as_dict(found, weights), indent=1))
    elif found.outcome == "ok":
        terminal.review(found, weights)
    if found.outcome == "unavailable":
        raise Ending(UNAVAILABLE, found.message or "this host cannot run it", found.enable)
    if found.outcome != "ok":
        raise Ending(FAILED, found.message or "the review failed")
