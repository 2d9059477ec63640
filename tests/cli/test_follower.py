"""Who follows a command is told its rows, and how far it is."""

import json

from prefault_kit.cli.entry import ended
from prefault_kit.cli.follower import Follower, following
from tests.cli.command import PAGE

CELLS = ("matrix", "--out", "nowhere.csv", "--repeats", "2", "--only")


def follow(*words: str, known: list[dict[str, object]] | None = None) -> Follower:
    """Run a command for a follower; what it was told is in ``known``."""
    told = list(known or [])
    parts: list[float] = []
    follower = Follower(known or [], told.append, lambda part, _: parts.append(part))
    assert ended(list(words), follower) == (0, None)
    assert parts == sorted(parts)
    return Follower(told, follower.row, follower.move)


def test_outside_of_a_command_nobody_follows() -> None:
    """Nor where a command prints for itself."""
    assert following() is None


def test_cells_are_told_and_those_known_are_not_run_again() -> None:
    """No file is made; a row has what a table has."""
    first = follow(*CELLS, f"private anon {PAGE} populate_read").known
    assert [each["method"] for each in first] == ["POPULATE_READ"]
    assert len(first[0]["timings_ms"]) == 2
    both = follow(*CELLS, f"private anon {PAGE} populate_*", known=list(first)).known
    assert [each["method"] for each in both] == ["POPULATE_READ", "POPULATE_WRITE"]
    assert both[0] == first[0]
    json.dumps(both)


def test_verdicts_are_told_and_those_known_are_not_asked_again() -> None:
    """Each by its promise and its memory, wherever it stands."""
    every = follow("check", "read-zero-page", "read-keeps-cow").known
    assert len(every) > 2
    lied = [dict(each) | {"observed": "known"} for each in every[1:]]
    again = follow("check", "read-zero-page", "read-keeps-cow", known=lied).known
    assert [*again[:-1]] == lied
    assert again[-1] == every[0]


def test_a_review_is_one_row() -> None:
    """As --json prints it."""
    words = ("review", "--backing", "anon", "--sharing", "private", "--size", "1MiB")
    (row,) = follow(*words, "--repeats", "3", "--no-sweep").known
    assert row["schema"] == "prefault-kit-review/1"
    assert row["candidates"]
