"""A page for each command of the command line, from the command itself."""

from __future__ import annotations

import re
from importlib import import_module

import click
from sphinx.application import Sphinx

from prefault_kit.cli.entry import COMMANDS, NAME, NOUNS
from prefault_kit.show.markdown import table


def pages() -> dict[str, str]:
    """The page of each command, the tree of them, and what each exit status means."""
    made = {f"reference/command-line/{name}.md": _page(name) for name in COMMANDS}
    tree = "\n".join(["```{toctree}", ":maxdepth: 1", "", *COMMANDS, "```", ""])
    rows = [(f"[{name}](command-line/{name}.md)", _statuses(name)) for name in COMMANDS]
    statuses = table(("command", "ends with"), rows) + "\n"
    return {
        **made,
        "reference/command-line/_tree.md": tree,
        "reference/_statuses.md": statuses,
    }


def _target(name: str) -> str:
    noun = NOUNS.get(name, name)
    return f"prefault_kit.cli.{noun}:{noun}"


def _page(name: str) -> str:
    return f"""```{{eval-rst}}
.. click:: {_target(name)}
   :prog: {NAME} {name}
   :nested: full
```
"""


def plain(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Make reStructuredText of a command's help, which is plain text: what is indented in it
    becomes a block of code. Sphinx-click calls it."""
    found = []
    in_code = False
    for line in lines:
        text = line.removeprefix("| ")
        is_code = line.startswith("|   ")
        if is_code and not in_code:
            found += ["", ".. code-block:: sh", ""]
        found.append(f" {text}" if is_code else re.sub(r"[*`|_\\]", r"\\\g<0>", text))
        in_code = is_code
    lines[:] = found


def typed(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Let an option take what the command line calls its value, and have its default as one would
    type it, in place of the names and spellings of the code. Sphinx-click calls it."""
    kinds = {
        each.name: each.type.name.removesuffix(" range")
        for each in context.command.params
        if isinstance(each, click.Option) and not each.metavar
    }
    for at, line in enumerate(lines):
        if line.startswith(".. option::"):
            lines[at] = re.sub(r"<(\w+)>", lambda name: f"<{kinds.get(name[1], name[1])}>", line)
        elif ":default:" in line:
            lines[at] = line.replace("'", "").replace(":default: ", "[default: ") + "]"


def _statuses(name: str) -> str:
    """What the help of a command says about its exit status."""
    module, _, attribute = _target(name).partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    said = re.search(r"Exit status:\s*(.*?)(?:\n\s*\n|\Z)", command.help or "", re.S)
    return " ".join(said[1].split()) if said else "as every command"
