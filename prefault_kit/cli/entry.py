"""The command and its end: every error is one sentence on stderr and an exit status."""

from __future__ import annotations

import os
import sys

import click

import prefault_kit
from prefault_kit.cli.check import check
from prefault_kit.cli.doctor import doctor
from prefault_kit.cli.ending import FAILED, INTERRUPTED, Ending, in_words
from prefault_kit.cli.matrix import matrix
from prefault_kit.cli.review import review
from prefault_kit.cli.run import run

NAME = "prefault-kit"


@click.group(invoke_without_command=True, context_settings={"max_content_width": 100})
@click.version_option(prefault_kit.__version__, prog_name=NAME)
@click.pass_context
def cli(context: click.Context) -> None:
    """A laboratory for page prefaulting with MADV_POPULATE_READ and MADV_POPULATE_WRITE.

    \b
    Examples:
      prefault-kit doctor
      prefault-kit run --backing anon --method POPULATE_WRITE
      prefault-kit matrix --sizes 2MiB,4GiB --out grid.csv
      prefault-kit review --dir . --content large-chunks --write 0.01

    Every command takes --json, and --help with examples. Exit status: 0 ok, 1 the experiment
    failed, 2 bad usage, 3 unavailable on this host.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (doctor, run, matrix, check, review):
    cli.add_command(command)


def _say(sentence: str) -> None:
    words = " ".join(sentence.split())
    click.echo(f"{NAME}: {words.rstrip('.')}", err=True)


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; its exit status."""
    try:
        status = cli.main(arguments, prog_name=NAME, standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _say(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("stopped; nothing is left behind")
        return INTERRUPTED
    except Ending as ending:
        _say(str(ending))
        return ending.status
    except BrokenPipeError:  # the reader of stdout has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        _say(in_words(error))
        return FAILED
    return status if isinstance(status, int) else 0
