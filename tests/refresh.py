"""Execute notebooks anew and store their outputs: ``python -m tests.refresh NOTEBOOK...``.

What differs on every run and says nothing (timing metadata, widget state of several megabytes) is
not stored.
"""

import sys
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor


def refresh(path: Path) -> None:
    """Run one notebook in its directory and write it back, if all of it ran."""
    notebook = nbformat.read(path, as_version=4)
    run = ExecutePreprocessor(timeout=300, kernel_name="python3", record_timing=False)
    run.preprocess(notebook, {"metadata": {"path": str(path.parent)}})
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name)
        refresh(Path(name))
