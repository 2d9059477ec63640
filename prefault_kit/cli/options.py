"""Sizes, methods and directories as options of commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from prefault_kit.memory import methods
from prefault_kit.memory.backing import NOWHERE, Backing
from prefault_kit.memory.sizes import parse_bytes


class Parsed(click.ParamType):  # type: ignore[type-arg]  # not generic in older click
    """A value that a function of the kit reads; its ValueError is the sentence of a bad one."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):  # click converts a value twice
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(parse_bytes(part) for part in text.split(","))


SIZE = Parsed("size", parse_bytes)
SIZES = Parsed("size,size...", _sizes)
METHOD = Parsed("method", lambda text: methods.method(text).name)
DIRECTORY = click.Path(path_type=str)
DIRECTORY.name = "dir"  # what the help calls it
FILE = click.Path(path_type=Path)

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, and no progress."
)

threads = click.option(
    "--threads", type=int, metavar="N", default=1, show_default=True,
    help="Threads that share the range.",
)  # fmt: skip


def repeats(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """How often a command measures, unless told otherwise."""
    return click.option(
        "--repeats", type=int, metavar="N", default=default, show_default=True,
        help="Repetitions after one warm-up.",
    )  # fmt: skip


def backing(kind: str, page_size: int | None, directory: str | None) -> Backing:
    """What --backing, --page-size and --dir name; ValueError in words of the command line."""
    if kind in NOWHERE and directory is not None:
        raise ValueError(f"{kind} memory has no file: leave --dir out")
    return Backing.of(kind, page_size=page_size, directory=directory)
