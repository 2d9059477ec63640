"""Every command in a text is one that the command line takes: its name, options and choices."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import nbformat
import pytest

from prefault_kit.cli.entry import NAME, cli

ROOT = Path(__file__).parents[1]
TEXTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "data" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
]
END_OF_COMMAND = re.compile(r"^([|;&]+|\d?>>?)")
"""A word of a shell line behind which the command has ended."""


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each command in Markdown, in a block of code or in a line of text."""
    joined = re.sub(r"\\\n\s*", " ", text)
    lines = [found[2] for found in re.finditer(r"(`+)([^`]+?)\1", joined.replace("```", "\n"))]
    lines += re.findall(rf"^[ \w./-]*?{NAME}\b.*$", joined, re.M)
    for line in lines:
        found = re.match(
            rf"(?:[\w./-]+ )*?(?:[\w.-]+/)*{NAME}(?: (?!\w+/\d)(.*))?$", " ".join(line.split())
        )
        if found and "`" not in line:
            yield arguments(found[1] or "")


def arguments(line: str) -> list[str]:
    """The words of a shell line up to the end of the command; a comment is none."""
    words = []
    for word in shlex.split(line, comments=True):
        if END_OF_COMMAND.match(word):
            break
        words.append(word)
    return words


def refusal(words: list[str]) -> str:
    """Why the command line would not take it, whatever is missing yet; "" if it would."""
    command: click.Command = cli
    context = click.Context(cli, info_name=NAME)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"no such command: {words[0]}"
        command, words = found, words[1:]
        context = click.Context(command, parent=context, **command.context_settings)
    try:
        given, _, _ = command.make_parser(context).parse_args(list(words))
        for option in command.params:
            values = given.get(option.name or "")
            if isinstance(option.type, click.Choice) and isinstance(values, str):
                option.type.convert(values, option, context)
    except click.UsageError as error:
        return error.format_message()
    return ""


def text_of(path: Path) -> str:
    """Of a notebook its Markdown."""
    if path.suffix != ".ipynb":
        return path.read_text()
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_is_taken(path: Path) -> None:
    """Its options are there, and have the values they want."""
    refused = {" ".join(words): refusal(words) for words in commands(text_of(path))}
    assert {line: why for line, why in refused.items() if why} == {}


def test_commands_are_found() -> None:
    """In blocks, in lines of text, behind other programs, and over several lines."""
    text = (
        "Run `prefault-kit check ID --as-c` or\n\n```sh\ntaskset -c 1 prefault-kit try -- x > y\n"
        ".venv/bin/prefault-kit run \\\n    --size 2MiB  # a cell\n```\n\n    prefault-kit doctor\n"
    )
    assert list(commands(text)) == [
        ["check", "ID", "--as-c"],
        ["try", "--", "x"],
        ["run", "--size", "2MiB"],
        ["doctor"],
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("doctor --nothing", "No such option"),
        ("nothing", "no such command: nothing"),
        ("kernels nothing", "no such command: nothing"),
        ("run --sharing both", "'both' is not one of"),
        ("run --size", "requires an argument"),
        ("guard --ready x -- redis-server --port 1", ""),
    ],
)
def test_what_is_wrong_is_noticed(line: str, why: str) -> None:
    """A name, an option, a choice, a value; what another program takes is its own."""
    said = refusal(line.split())
    assert why in said
    assert bool(said) == bool(why)
