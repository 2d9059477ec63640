"""docs.extension.exercises: the exercises with their lessons."""

from __future__ import annotations

from docs.extension import exercises
from prefault_kit.notebook.exercises import EXERCISES


def test_each_exercise_leads_to_its_lesson() -> None:
    """By the page of the notebook that ends with it."""
    text = exercises.pages()["teach/_exercises.md"]
    assert all(f"| `{name}` |" in text for name in EXERCISES)
    assert "| [](/lessons/read-and-write.ipynb) | `half-and-half` |" in text
