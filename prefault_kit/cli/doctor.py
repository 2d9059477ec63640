"""``prefault-kit doctor``: what this host can run, what not, why, and what would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click
from rich import box
from rich.table import Table
from rich.text import Text

from prefault_kit import host
from prefault_kit.cli import terminal
from prefault_kit.cli.options import DIRECTORY, as_json
from prefault_kit.host import Capability
from prefault_kit.measure import saved


@click.command(short_help="What this host can run, and what would enable the rest.")
@click.option(
    "--dir",
    "directory",
    type=DIRECTORY,
    help="The directory of the files.  [default: the current one]",
)
@as_json
def doctor(directory: str | None, as_json: bool) -> None:
    """Say what this host can run, what it cannot, why, and what would enable it.

    Tries every kind of memory and every kernel feature once, on a page or two. Changes no setting
    and leaves nothing behind; the commands it names are for you to run.

    \b
    Examples:
      prefault-kit doctor
      prefault-kit doctor --dir /var/tmp
      prefault-kit doctor --json
    """
    found = host.capabilities(directory)
    if as_json:
        data = {"host": host.facts(), "capabilities": [asdict(each) for each in found]}
        click.echo(saved.json_text(data))
    else:
        _print(host.facts(), found)


def _print(facts: dict[str, object], found: Sequence[Capability]) -> None:
    """What there is, what is missing and why, and the commands to copy."""
    console = terminal.console()
    console.print(
        f"Linux {facts['kernel']} on {facts['cpu']}, {facts['cpus']} processors, "
        f"{terminal.size(int(str(facts['memory_bytes'])))} of memory, "
        f"pages of {terminal.size(int(str(facts['page_size_bytes'])))}"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("here", no_wrap=True)
    table.add_column("detail")
    for each in found:
        mark = Text("yes", style="green") if each.available else Text("no", style="bold red")
        detail = each.detail
        if each.reason and each.reason not in detail:
            detail = f"{each.reason} ({detail})" if detail else each.reason
        table.add_row(each.name, mark, detail)
    console.print(table)
    commands = dict.fromkeys(each.command for each in found if each.command)
    for command in commands:
        names = ", ".join(each.name for each in found if each.command == command)
        console.print(f"To enable {names}:")
        console.print(f"  {command}", soft_wrap=True)
    if not commands and all(each.available for each in found):
        console.print("Everything can run here.")
