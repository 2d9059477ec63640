"""The exercises as a table with their lessons."""

from __future__ import annotations

from docs.extension import notebooks
from prefault_kit.notebook.exercises import EXERCISES
from prefault_kit.show.markdown import code, table


def pages() -> dict[str, str]:
    """The table that the page of exercises includes."""
    places = {stem.partition("-")[0]: place for stem, place in notebooks.places().items()}
    rows = [
        (f"[](/{places[each.lesson[:2]]}.ipynb)", code(name), each.task)
        for name, each in EXERCISES.items()
    ]
    return {"teach/_exercises.md": table(("lesson", "exercise", "task"), rows) + "\n"}
