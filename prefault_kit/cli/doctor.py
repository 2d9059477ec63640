"""``prefault-kit doctor``: what this host can run, what not, why, and what would help."""

from __future__ import annotations

from dataclasses import asdict

import click

from prefault_kit import host
from prefault_kit.cli import terminal
from prefault_kit.cli.options import DIRECTORY, as_json
from prefault_kit.measure import saved


@click.command(short_help="What this host can run, what it cannot, and what would enable it.")
@click.option("--dir", "directory", type=DIRECTORY, help="Directory to try for file cells.")
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
        terminal.capabilities(host.facts(), found)
