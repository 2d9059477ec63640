"""Execute notebooks anew and store their outputs: ``python -m tests.refresh NOTEBOOK...``.

What differs on every run and says nothing (timing metadata, widget state of several megabytes) is
not stored.
"""

import sys
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import NotebookNode

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


def refresh(path: Path) -> None:
    """Run one notebook and write it back, if all of it ran."""
    notebook = executed(path)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name)
        refresh(Path(name))
