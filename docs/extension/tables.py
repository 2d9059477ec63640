"""What several pages share: the page of a kernel, links to promises, the word for a verdict, tables
whose rows are lists on a telephone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from docutils import nodes
from sphinx.application import Sphinx

from prefault_kit.show.kernels import MARKS
from prefault_kit.show.markdown import table
from prefault_kit.studies.kernels import record, version
from prefault_kit.studies.kernels.record import Record
from prefault_kit.studies.promises import PROMISES


def address(record: Record) -> str:
    """The page of a recorded kernel, which it keeps when a later one of its series is recorded."""
    other = "" if record.architecture == "x86_64" else f"-{record.architecture}"
    return f"kernels/{version.series(record.version)}{other}"


def tree(entries: Iterable[str]) -> str:
    """Pages for the sidebar alone, as a toctree has them."""
    return "\n".join(["```{toctree}", ":hidden:", "", *entries, "```", ""])


STACKED = "stacked"
"""The class of a table whose rows are lists in a narrow window."""


def stacked(markdown: str) -> str:
    """A table whose rows are lists in a narrow window."""
    return f"````{{container}} {STACKED}\n\n{markdown}\n````"


def name_cells(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Put the head of its column before each cell of such tables, where a wide window hides it;
    what Sphinx calls for each page."""
    for box in doctree.findall(
        lambda node: STACKED in getattr(node, "attributes", {}).get("classes", ())
    ):
        for each in box.findall(nodes.table):
            head, *rows = each.findall(nodes.row)
            names = [title.astext() for title in head]
            for row in rows:
                for title, cell in zip(names, row, strict=True):
                    if cell.astext():
                        cell[0].insert(0, nodes.inline("", f"{title}: ", classes=["named"]))


def mark(outcome: str, word: str) -> str:
    """A word with the colour of a verdict."""
    return f"[{word}]{{.{outcome.replace(' ', '-')}}}"


def truth(records: Sequence[Record], promises: Collection[str]) -> str:
    """Promises down and kernels across, with links to the pages of both."""
    heads = ("promise", *(f"[{each.name}](/{address(each)}.md)" for each in records))
    rows = [
        (
            f"[{name}](/promises/{name}.md)",
            *(mark(each, MARKS[each]) if each in MARKS else "" for each in row),
        )
        for name, row in record.table(records)
        if name in promises
    ]
    return f"````{{container}} truth\n\n{table(heads, rows)}\n````"


def linked(text: str) -> str:
    """A text in which every promise that it names leads to the page of that promise."""
    return re.sub(
        r"(?<=\()[\w-]+(?=\))",
        lambda name: f"[{name[0]}](/promises/{name[0]}.md)" if name[0] in PROMISES else name[0],
        text,
    )
