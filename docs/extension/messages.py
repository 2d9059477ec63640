"""What the kit says where a host cannot do something, with what helps: read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import prefault_kit
from prefault_kit.host import Unavailable
from prefault_kit.show.markdown import code, table

ROOM = Path(prefault_kit.__file__).parent
GAP = "…"
"""In place of what a sentence takes from the host."""


def pages() -> dict[str, str]:
    """The table that the page of errors includes."""
    found = {says: helps for path in sorted(ROOM.rglob("*.py")) for says, helps in refusals(path)}
    rows = [(says, code(helps) if helps else "") for says, helps in sorted(found.items())]
    return {"reference/_refusals.md": table(("what it says", "what helps"), rows) + "\n"}


def refusals(path: Path) -> Iterator[tuple[str, str]]:
    """The sentences of a module with which something is refused, each with its command or ""."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == Unavailable.__name__:
            reason, command, *_ = (*map(_text, node.args), "", "")
            if reason.strip(f"{GAP} "):
                yield reason, command


def _text(node: ast.expr) -> str:
    """A text with gaps where it is computed; a name or a call is a gap as a whole."""
    if isinstance(node, ast.Constant):
        return str(node.value or "")
    if isinstance(node, ast.JoinedStr):
        return re.sub(f"{GAP}+", GAP, "".join(map(_text, node.values)))
    return GAP
