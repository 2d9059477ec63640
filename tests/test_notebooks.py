"""The notebooks: that the strict comparison has something to compare."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
IGNORED = "nbval-ignore-output"
WIDGET = "application/vnd.jupyter.widget-view+json"
MOST_LINES = 10
"""Of a cell. Six are better; an import cell and a verdict table may need more."""


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def test_there_are_notebooks() -> None:
    """An empty list would pass every test below."""
    assert len(NOTEBOOKS) >= 2


def test_every_code_cell_was_executed(notebook: nbformat.NotebookNode) -> None:
    """A stripped notebook compares nothing, so each code cell carries its execution count."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    for cell in code:
        assert cell.execution_count, cell.source
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_no_error_is_stored(notebook: nbformat.NotebookNode) -> None:
    """No cell stores a traceback."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", cell.source


def test_something_is_compared(notebook: nbformat.NotebookNode) -> None:
    """Each notebook has output that the strict comparison holds it to, or is a screen alone."""
    shown = [cell for cell in notebook.cells if cell.get("outputs")]
    compared = [cell for cell in shown if IGNORED not in cell.metadata.get("tags", [])]
    screens = [
        cell for cell in shown if any(WIDGET in output.get("data", {}) for output in cell.outputs)
    ]
    assert compared or screens == shown != []


def test_the_title_is_a_question(notebook: nbformat.NotebookNode) -> None:
    """A notebook begins with its question."""
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    title = first.source.splitlines()[0]
    assert title.startswith("# ") and title.endswith("?")


def test_no_widget_state_and_no_script_is_stored(notebook: nbformat.NotebookNode) -> None:
    """Widget state (megabytes) and scripts are not stored."""
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert "application/javascript" not in output.get("data", {})


def test_no_cell_is_long(notebook: nbformat.NotebookNode) -> None:
    """What takes more lines is in the kit, with a test."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if line.strip()]
            lines = [line for line in lines if not line.startswith("%%needs ")]
            assert len(lines) <= MOST_LINES, cell.source


def test_no_notebook_enters_the_kernel_s_room(notebook: nbformat.NotebookNode) -> None:
    """The package offers what a notebook needs, the page size included."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert "prefault_kit.kernel" not in cell.source
