"""prefault_kit.notebook.handout: an assignment that is solved by the solutions, and by nothing."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from prefault_kit.notebook.exercises import EXERCISES
from prefault_kit.notebook.handout import BEGIN, handout, write

SOLUTIONS = Path(__file__).parents[2] / "notebooks" / "solutions.py"
NAMES = ["three-pages", "how-far", "cannot-be-killed"]


def execute(notebook: NotebookNode, place: Path) -> None:
    """Run it in a kernel of its own."""
    client = NotebookClient(notebook, timeout=60, kernel_name="python3")
    client.execute(cwd=str(place))


def test_the_solutions_solve_it(tmp_path: Path) -> None:
    """All cells of the teacher's version run."""
    notebook = nbformat.from_dict(handout(NAMES, SOLUTIONS))
    execute(notebook, tmp_path)
    assert sum("Solved." in str(cell.get("outputs")) for cell in notebook.cells) == len(NAMES)


def test_without_code_it_stops_at_the_first(tmp_path: Path) -> None:
    """The student's version has no solution in it."""
    notebook = nbformat.from_dict(handout(NAMES))
    assert "BEGIN SOLUTION" not in nbformat.writes(notebook)
    with pytest.raises(CellExecutionError, match=r"three_pages\.check"):
        execute(notebook, tmp_path)


def test_every_exercise_has_its_cells() -> None:
    """A task, one to write in, one that is graded: what nbgrader needs to know of each."""
    notebook = nbformat.from_dict(handout(list(EXERCISES), SOLUTIONS))
    nbformat.validate(notebook)
    told = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert [each.grade_id for each in told] == [
        f"{name}-{part}" for name in EXERCISES for part in ("task", "code", "check")
    ]
    kinds = [(each.solution, each.grade, each.locked, each.get("points")) for each in told]
    assert kinds == [
        (False, False, True, None),
        (True, False, False, None),
        (False, True, True, 1),
    ] * len(EXERCISES)
    assert sum(BEGIN in cell.source for cell in notebook.cells) == len(EXERCISES)


def test_the_same_each_time(tmp_path: Path) -> None:
    """And written as a new file alone."""
    first, second = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    for path in (first, second):
        write(path, handout(NAMES))
    assert first.read_text() == second.read_text()
    with pytest.raises(FileExistsError):
        write(first, handout(NAMES))


def test_each_once_and_by_its_name_alone(tmp_path: Path) -> None:
    """A name, a generator, a name that comes twice."""
    one = handout(["three-pages"])
    for names in ("three-pages", iter(["three-pages"]), ["three-pages", "three-pages"]):
        assert handout(names) == one
    assert [cell["id"] for cell in one["cells"]][2:] == [
        f"three-pages-{part}" for part in ("task", "code", "check")
    ]


def test_a_teacher_may_write_solutions_in_any_way(tmp_path: Path) -> None:
    """Without a docstring, of one statement; one that is missing is told."""
    path = tmp_path / "mine.py"
    path.write_text("def three_pages(task):\n    task.memory.touch_write()\n")
    code = handout(["three-pages"], path)["cells"][3]["source"]
    assert "task.memory.touch_write()" in code
    with pytest.raises(ValueError, match="the solutions have no function how_far"):
        handout(["how-far"], path)


@pytest.mark.parametrize("names", [[], ["four-pages"]])
def test_what_is_not_there_is_told(names: list[str]) -> None:
    """With what there is."""
    with pytest.raises(ValueError, match="choose of three-pages"):
        handout(names)
