"""Exercises as an assignment: a notebook in nbgrader's format, which also works without nbgrader.

Each exercise becomes three cells: the task, one for code, and one that fails unless the task is
solved. Source of the format: nbgrader's documentation, "Cell types and cell metadata".
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prefault_kit.notebook.exercises import EXERCISES

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
"""nbgrader takes out what is between them."""
Cell = dict[str, Any]
POINTS = 1
"""Of each exercise."""
SETUP = """%load_ext prefault_kit.notebook
{imports}
from prefault_kit.notebook.exercises import exercise"""
IMPORTS = """import os

import numpy as np

from prefault_kit import PAGE_SIZE_BYTES as PAGE
from prefault_kit import Backing, Mapping
from prefault_kit.memory import snapshot"""
INTRODUCTION = """# Exercises

Write code where it says so, and run the cell below it: the state of real memory is judged.
`hint()` of a task gives one hint after the other, `begin()` fresh memory."""


def handout(
    names: Iterable[str], solutions: str | os.PathLike[str] | None = None
) -> dict[str, Any]:
    """An assignment with these exercises; ValueError where there is none of a name.

    ``solutions``, the path of ``solutions.py``, puts the solution of each between nbgrader's
    marks, for the version of the teacher.
    """
    names = [names] if isinstance(names, str) else list(dict.fromkeys(map(str, names)))
    unknown = [name for name in names if name not in EXERCISES]
    if unknown or not names:
        raise ValueError(f"choose of {', '.join(EXERCISES)}, not {', '.join(unknown) or 'none'}")
    known = ast.parse(Path(solutions).read_text(encoding="utf-8")) if solutions else None
    imports = _imports(known) if known else IMPORTS
    cells = [
        _cell("markdown", INTRODUCTION, "introduction"),
        _cell("code", SETUP.format(imports=imports), "setup"),
    ]
    for name in names:
        cells += _exercise(name, _solution(known, name) if known else "")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "cells": cells,
    }


def write(path: str | os.PathLike[str], notebook: dict[str, Any]) -> None:
    """Write an assignment as a new file; FileExistsError where there is one."""
    with open(path, "x", encoding="utf-8") as file:
        json.dump(notebook, file, indent=1)


def _exercise(name: str, solution: str) -> list[Cell]:
    task = name.replace("-", "_")
    check = f"judged = {task}.check()\nprint(judged)\nassert judged.solved"
    marked = f"{BEGIN}\ntask = {task}\n{solution}\n{END}" if solution else "# YOUR CODE HERE"
    return [
        _graded(f'{task} = exercise("{name}")\nprint({task})', f"{name}-task"),
        _graded(marked, f"{name}-code", locked=False, solution=True),
        _graded(check, f"{name}-check", grade=True, points=POINTS),
    ]


def _graded(source: str, identity: str, **described: Any) -> Cell:
    usual = {"grade": False, "locked": True, "solution": False, "task": False}
    known = {"grade_id": identity, "schema_version": 3} | usual | described
    return _cell("code", source, identity, nbgrader=known)


def _cell(kind: str, source: str, identity: str, **metadata: Any) -> Cell:
    made: Cell = {"cell_type": kind, "id": identity, "metadata": metadata, "source": source}
    return made if kind == "markdown" else made | {"outputs": [], "execution_count": None}


def _imports(solutions: ast.Module) -> str:
    found = [each for each in solutions.body if isinstance(each, ast.Import | ast.ImportFrom)]
    return "\n".join(ast.unparse(each) for each in found)


def _solution(solutions: ast.Module, name: str) -> str:
    """The body of a solution, without its docstring."""
    wanted = name.replace("-", "_")
    functions = [each for each in solutions.body if isinstance(each, ast.FunctionDef)]
    found = next((each for each in functions if each.name == wanted), None)
    if found is None:
        raise ValueError(f"the solutions have no function {wanted}")
    body = found.body[1:] if ast.get_docstring(found) is not None else found.body
    return "\n".join(ast.unparse(each) for each in body)
