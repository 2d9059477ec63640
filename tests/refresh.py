"""Execute notebooks and store their outputs: ``python -m tests.refresh NOTEBOOK...``.

What differs on every run and says nothing (timing metadata, widget state of several megabytes) is
not stored. What this host cannot show keeps its stored output, be it a cell or a row of a verdict
table, and is listed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import NotebookNode

from prefault_kit.notebook import NOT_TESTABLE_HERE

CELL_S = 60
"""The longest time of a cell; and of a stall, for now and then the client of the kernel overlooks
an answer until this time is over (seen once in twenty runs, with pyzmq 27.3)."""


def executed(path: Path) -> NotebookNode:
    """Run one notebook in its directory; the file stays as it is."""
    notebook = nbformat.read(path, as_version=4)
    run = ExecutePreprocessor(
        timeout=CELL_S,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
    )
    run.preprocess(notebook, {"metadata": {"path": str(path.parent)}})
    notebook.metadata.pop("widgets", None)
    return notebook


def kept(fresh: Sequence[NotebookNode], stored: Sequence[NotebookNode]) -> list[NotebookNode]:
    """The fresh outputs of a cell, but the stored ones for what this host cannot show."""
    if _says_not_testable(fresh) and stored and not _says_not_testable(stored):
        return list(stored)
    if len(fresh) == len(stored):
        for new, old in zip(fresh, stored, strict=True):
            for kind, text in new.get("data", {}).items():
                if kind.startswith("text/") and kind in old.get("data", {}):
                    new.data[kind] = _with_stored_rows(text, old.data[kind])
    return list(fresh)


def _says_not_testable(outputs: Sequence[NotebookNode]) -> bool:
    return any(str(each.get("text", "")).startswith(NOT_TESTABLE_HERE) for each in outputs)


def _with_stored_rows(fresh: str, stored: str) -> str:
    """``fresh``, with the rows that say ``not testable here`` as they are stored.

    A row is known by its promise, its memory and what is expected.
    """
    if NOT_TESTABLE_HERE not in fresh:
        return fresh
    rows = {_key(line): line for line in stored.splitlines() if line.startswith("| ")}
    lines = [
        rows.get(_key(line), line) if f"| {NOT_TESTABLE_HERE}" in line else line
        for line in fresh.splitlines()
    ]
    return "\n".join(lines)


def _key(line: str) -> tuple[str, ...]:
    return tuple(line.strip("| ").split(" | ")[:3])


def refresh(path: Path) -> list[str]:
    """Run one notebook and write it back, if all of it ran; the sources of the cells that kept
    something, since this host cannot show it."""
    stored = {cell.id: cell.get("outputs", []) for cell in nbformat.read(path, as_version=4).cells}
    notebook = executed(path)
    unlike = []
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            before = nbformat.from_dict(cell.outputs)
            cell.outputs = kept(cell.outputs, stored.get(cell.id, []))
            if cell.outputs != before:
                unlike.append(cell.source)
    nbformat.write(notebook, path)
    return unlike


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name)
        for source in refresh(Path(name)):
            print(f"  not testable here, kept as stored: {source.splitlines()[0]}")
