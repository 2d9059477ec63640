"""docs.extension.commands: a page for each command, from the command."""

from __future__ import annotations

import click

from docs.extension import commands
from prefault_kit.cli.entry import COMMANDS

PAGES = commands.pages()


def test_every_command_has_a_page() -> None:
    """Also the one whose module has another name; all are in the tree."""
    for name in COMMANDS:
        assert f":prog: prefault-kit {name}\n" in PAGES[f"reference/command-line/{name}.md"]
        assert f"\n{name}\n" in PAGES["reference/command-line/_tree.md"]
    assert "prefault_kit.cli.trial:trial" in PAGES["reference/command-line/try.md"]


def test_exit_statuses_are_those_of_the_help() -> None:
    """What a command says at the end of its help."""
    text = PAGES["reference/_statuses.md"]
    assert "| [guard](command-line/guard.md) | 0 if the budget was kept; 1 if it was" in text


def test_options_take_what_the_command_line_calls_it() -> None:
    """A name or a quote of the code is not what one types; a metavar stays."""
    command = click.Command(
        "x",
        params=[
            click.Option(["-m", "only_group"], type=click.IntRange(1)),
            click.Option(["-r"], metavar="REGEX"),
        ],
    )
    lines = [".. option:: -m <only_group>", "   :default: ``'auto'``", ".. option:: -r <REGEX>"]
    commands.typed(None, click.Context(command), lines)  # type: ignore[arg-type]
    assert lines == [
        ".. option:: -m <integer>", "   [default: ``auto``]", ".. option:: -r <REGEX>",
    ]  # fmt: skip


def test_help_is_text_and_its_examples_are_code() -> None:
    """What Markup would read stays as it is."""
    lines = [
        "IDs may have *wildcards*",
        "",
        "| Examples:",
        "|   check 'read-*' \\",
        "|       -x",
        "",
    ]
    commands.plain(None, click.Context(click.Command("x")), lines)  # type: ignore[arg-type]
    assert lines == [
        r"IDs may have \*wildcards\*", "", "Examples:", "", ".. code-block:: sh", "",
        "   check 'read-*' \\", "       -x", "",
    ]  # fmt: skip
