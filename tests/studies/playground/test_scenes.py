"""prefault_kit.studies.playground.scenes: each can be played here, and answers what it asks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.measure.worker import Worker
from prefault_kit.notebook import missing
from prefault_kit.studies.playground import Playing, Step
from prefault_kit.studies.playground.operations import OPERATIONS
from prefault_kit.studies.playground.scenes import PAGES, SCENES, Scene, scene

HALF = PAGES // 2
ANSWERS: dict[str, list[tuple[str, int, int, str, str, int]]] = {
    # operation, first, count; then of which strip how many pages are what
    "first-touch": [
        ("write", 10, 1, "table", "anonymous", 1),
        ("MADV_POPULATE_WRITE", 0, PAGES, "table", "anonymous", PAGES),
    ],
    "fault-around": [
        ("MADV_POPULATE_READ", 0, PAGES, "table", "of the file", PAGES),
        ("MADV_DONTNEED", 0, PAGES, "cache", "cached", PAGES),
        ("write", 30, 1, "table", "of the file", 1),
    ],
    "read-then-write": [("write", 0, PAGES, "table", "anonymous", PAGES)],
    "write-back": [
        ("msync", 0, PAGES, "cache", "dirty", 0),
        ("write", 5, 1, "cache", "dirty", 1),
    ],
    "zero-page": [("write", 5, 2, "table", "zero page", PAGES - 2)],
    "after-a-fork": [("fork", 0, PAGES, "table", "anonymous", PAGES)],
    "in-a-hole": [
        ("MADV_POPULATE_READ", 0, PAGES, "storage", "hole", PAGES),
        ("fallocate", 0, PAGES, "storage", "hole", 0),
    ],
    "beyond-the-end": [("MADV_POPULATE_READ", 0, PAGES, "table", "of the file", 40)],
    "a-forbidden-page": [
        ("MADV_POPULATE_WRITE", 0, PAGES, "table", "anonymous", 20),
        ("MADV_POPULATE_READ", 0, PAGES, "table", "zero page", PAGES - 20),
    ],
    "give-back": [
        ("MADV_DONTNEED", 0, 8, "storage", "hole", 0),
        ("MADV_REMOVE", 8, 8, "storage", "hole", 8),
        ("punch hole", 16, 8, "storage", "hole", 16),
    ],
    "sooner-or-later": [
        ("MADV_DONTNEED", 0, 8, "table", "not present", 8),
        ("MADV_FREE", 8, 8, "table", "not present", 8),
    ],
    "who-sees-it": [
        ("MADV_POPULATE_READ", 0, PAGES, "table", "of the file", PAGES),
        ("MADV_DONTNEED", 0, PAGES, "cache", "cached", PAGES),
    ],
    "unplug": [
        ("MADV_DONTNEED", 0, 16, "storage", "data", 16),
        ("punch hole", 0, 16, "storage", "data", 0),
        ("MADV_POPULATE_WRITE", 0, 16, "storage", "data", 16),
    ],
    "a-row-of-zeros": [
        ("write", 10, 1, "table", "anonymous", 1),
        ("write", 20, 10, "table", "anonymous", 11),
    ],
    "protect-for-a-snapshot": [
        ("userfaultfd protect", 0, PAGES, "access", "rw protected", PAGES),
        ("write", 5, 1, "access", "rw protected", PAGES - 1),
        ("write", HALF + 5, 1, "table", "not present", HALF - 1),
    ],
}
"""What the reader sees who tries the operations that the question is about."""
FAULTS = {
    ("first-touch", "write"): 1,
    ("first-touch", "MADV_POPULATE_WRITE"): PAGES - 1,
    ("read-then-write", "write"): HALF,
    ("fault-around", "write"): 1,
}
NEEDS = {
    "file": ("shared file", "cachestat"),
    "protect-for-a-snapshot": ("userfaultfd", "WP_ASYNC"),
}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One process for all scenes."""
    with Worker() as made:
        yield made


def begun(name: str, worker: Worker, directory: Path) -> tuple[Scene, Playing]:
    """A scene with its memory prepared; skips where this host has no such memory."""
    found = scene(name)
    for need in (*NEEDS.get(found.ground.kind, ()), *NEEDS.get(name, ())):
        if (reason := missing(need, str(directory))) is not None:
            pytest.skip(f"not testable here: {reason.reason}")
    ground = found.ground
    if ground.kind == "file":
        ground = replace(ground, directory=str(directory))
    playing = Playing(ground, worker)
    playing.do_all(found.prepared)
    return found, playing


@pytest.mark.parametrize("name", SCENES)
def test_it_answers_what_it_asks(name: str, worker: Worker, tmp_path: Path) -> None:
    """The operations are offered, work here, and show what the question is about."""
    found, playing = begun(name, worker, tmp_path)
    assert playing.alive
    for operation in found.operations:
        assert OPERATIONS[operation].why_not(playing.ground) is None
    for operation, first, count, strip, word, pages in ANSWERS[name]:
        assert operation in (*found.operations, "read", "write")
        act = playing.do(Step(operation, first, count))
        assert act.strips is not None
        assert getattr(act.strips, strip).count(word) == pages, (operation, strip)
        if (name, operation) in FAULTS:
            assert act.outcome.minor == FAULTS[name, operation]


@pytest.mark.parametrize("name", SCENES)
def test_it_is_a_question_about_pages_that_are_there(name: str) -> None:
    """And there are few operations, so that one sees which matter."""
    found = SCENES[name]
    assert "?" in found.question
    assert 2 <= len(found.operations) <= 5
    first, count = found.chosen
    assert 0 < count <= found.ground.pages - first
    assert found.history().steps == list(found.prepared)


def test_an_unknown_scene_is_told() -> None:
    """With those that there are."""
    with pytest.raises(ValueError, match="there is no scene 'x'; there is first-touch"):
        scene("x")
