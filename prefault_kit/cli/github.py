"""``--github``: what a command found as annotations, and as a summary on the page of its job."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from typing import Any

import click

from prefault_kit.cli.ending import Ending
from prefault_kit.host import source
from prefault_kit.show.github import Frames, Line, annotation


def on_github(command: Callable[..., None]) -> Callable[..., None]:
    """The option for a command, whose last sentence becomes an annotation as well."""

    @functools.wraps(command)
    def annotated(*arguments: Any, github: bool, **options: Any) -> None:
        try:
            command(*arguments, github=github, **options)
        except (Ending, click.UsageError) as error:
            if github:
                context = click.get_current_context()
                _print(annotation("error", f"prefault-kit {context.info_name}", str(error)))
            raise

    option = click.option(
        "--github",
        is_flag=True,
        help="Print annotations for GitHub Actions, and add to the job's summary.",
    )
    return option(annotated)


def locate(frames: Frames) -> Line | None:
    """The innermost line of source that is in the repository of the workflow; None without any."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    for path, offset in frames if workspace else ():
        found = source.line_of(path, offset)
        if found and os.path.isfile(found[0]):
            name = os.path.relpath(os.path.realpath(found[0]), os.path.realpath(str(workspace)))
            if not name.startswith(".."):
                return name, found[1]
    return None


def report(annotations: Iterable[str], summary: str) -> None:
    """Print annotations; append a summary in Markdown to the file that the runner names."""
    for line in annotations:
        _print(line)
    if place := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(place, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{summary.rstrip()}\n\n")


def _print(line: str) -> None:
    """On stdout; on stderr where stdout is for a program. A runner reads both."""
    options = click.get_current_context().params
    click.echo(line, err=bool(options.get("as_json") or options.get("as_ktap")))
