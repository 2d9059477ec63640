"""The command and its end: every error is one sentence on stderr and an exit status."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

import click

import prefault_kit
from prefault_kit.cli.ending import FAILED, INTERRUPTED, UNAVAILABLE, Ending, in_words
from prefault_kit.cli.follower import Follower
from prefault_kit.host import process

NAME = "prefault-kit"
COMMANDS = (
    "doctor", "run", "matrix", "check", "review", "kernels", "prefault", "attach", "guard", "try",
    "trace", "compare", "contribute", "fleet",
)  # fmt: skip
"""Each is a module of this room, with a function of the same name."""
NOUNS = {"try": "trial"}
"""The module of a command whose name is a word of Python's own."""
KILLERS = (signal.SIGTERM, signal.SIGHUP)


class Commands(click.Group):
    """The commands, of which only the one that is asked for is imported."""

    def list_commands(self, _: click.Context) -> list[str]:
        """In the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """A command by its name."""
        return _command(name) if name in COMMANDS else super().get_command(context, name)


@functools.cache
def _command(name: str) -> click.Command:
    """A command, which first looks at what all of them need of the process that they run in."""
    noun = NOUNS.get(name, name)
    command: click.Command = getattr(import_module(f"prefault_kit.cli.{noun}"), noun)
    assert command.callback
    command.callback = _surroundings_first(command.callback)
    return command


@click.group(cls=Commands, invoke_without_command=True, context_settings={"max_content_width": 100})
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
      prefault-kit prefault model.safetensors --leave-free 2GiB

    Every command takes --json, and --help with examples. Exit status: 0 ok, 1 the experiment
    failed, 2 bad usage, 3 unavailable on this host.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _surroundings_first(command: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(command)
    def checked(*arguments: object, **options: object) -> object:
        if missing := process.why_not() or process.lost_directory():
            raise Ending(UNAVAILABLE, missing.reason, missing.command)
        return command(*arguments, **options)

    return checked


def _open_streams() -> None:
    """Open /dev/null in place of closed standard streams, which files of ours would take.

    Standard output has to be open, or what is found would be lost.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    if sys.stdout is None:
        raise Ending(FAILED, "standard output is closed: there is nowhere to print to")


def _drop_output(fd: int = 1) -> None:
    """Let what is not written yet go to /dev/null: it cannot be written, nor at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), fd)


def _say(sentence: str) -> None:
    words = " ".join(sentence.split())
    try:
        click.echo(f"{NAME}: {words.rstrip('.')}", err=True)
    except OSError:  # there is no other place to say it, and the interpreter would try once more
        _drop_output(2)


@contextlib.contextmanager
def _tidy_when_killed() -> Iterator[None]:
    """Let SIGTERM and SIGHUP clean up as Ctrl-C does, before they end the process as ever."""
    came: list[int] = []

    def stop(number: int, _: object) -> None:
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt

    ours = [each for each in KILLERS if signal.getsignal(each) is signal.SIG_DFL]
    for each in ours:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)
        if came:
            os.kill(os.getpid(), came[0])


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; its exit status."""
    with _tidy_when_killed():
        return _main(arguments)


def _main(arguments: list[str] | None) -> int:
    try:
        _open_streams()
    except Ending as ending:
        _say(str(ending))
        return ending.status
    status, sentence = ended(arguments)
    if sentence is not None:
        _say(sentence)
    return status


def ended(arguments: list[str] | None, follower: Follower | None = None) -> tuple[int, str | None]:
    """Run a command line; its exit status, and its sentence if it did not succeed."""
    try:
        status = cli.main(arguments, prog_name=NAME, standalone_mode=False, obj=follower)
        sys.stdout.flush()
    except click.ClickException as error:
        return error.exit_code, error.format_message()
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED, "stopped; nothing is left behind"
    except Ending as ending:
        return ending.status, str(ending)
    except OSError as error:
        _drop_output()
        # a broken pipe is a reader of stdout that has seen enough
        return FAILED, None if isinstance(error, BrokenPipeError) else in_words(error)
    return (status if isinstance(status, int) else 0), None
