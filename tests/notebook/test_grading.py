"""prefault_kit.notebook.grading: what becomes of a reader's function, and what is said of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from prefault_kit import Mapping
from prefault_kit.notebook import grading
from prefault_kit.notebook.exercises import exercise
from prefault_kit.notebook.grading import NO_FUNCTION, REFUSED, Attempt


@pytest.fixture
def task() -> Iterator[Attempt]:
    """An exercise that asks for a function."""
    made = exercise("cannot-be-killed")
    yield made
    made.close()


def _refuses(_: Mapping) -> None:
    raise OSError(28, "no space")


def _mistaken(_: Mapping) -> None:
    raise ValueError("a slip")


def _endless(_: Mapping) -> None:
    while True:
        pass


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (lambda memory: memory.populate_write(), "returns"),
        (lambda memory: "a word", "returns"),
        (_refuses, REFUSED),
        (_mistaken, "ValueError: a slip"),
        (lambda: None, "TypeError"),
        (None, NO_FUNCTION),
        (_endless, "SIGALRM"),
    ],
)
def test_a_function_is_called_in_a_process_of_its_own(
    task: Attempt,
    answer: Callable[..., object] | None,
    outcome: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may fail, hang or be killed."""
    monkeypatch.setattr(grading, "LIMIT_S", 1)
    task.answer = answer
    assert task.outcome(task.memory).startswith(outcome)


def test_a_function_that_is_killed_is_told(task: Attempt) -> None:
    """By the signal; the notebook lives on, and the check may be asked again."""

    def touch(memory: Mapping) -> None:
        memory.buffer()[memory.size_bytes - 1] = 1

    task.answer = touch
    for _ in range(2):
        judged = task.check()
        assert not judged.solved
        assert "where the file is too short, it ends in: SIGBUS, and it should be" in repr(judged)
        assert "where there is memory, it: returns, as it should be" in repr(judged)


def test_a_function_that_changes_a_byte_is_not_right(task: Attempt) -> None:
    """The kit's own touches answer with an error, and write."""
    task.answer = lambda memory: memory.touch_write()
    judged = task.check()
    assert [each.what for each, seen in judged.found if seen != each.expected] == [
        "all bytes as they were"
    ]


def test_what_a_look_raises_is_said() -> None:
    """A function that returns no list of pages, one that raises, and none."""
    task = exercise("who-wrote")
    try:
        answers: list[tuple[Any, str]] = [
            (lambda *_: None, "TypeError"),
            (lambda *_: 1 / 0, "ZeroDivisionError"),
            (None, "ValueError: task.answer is not a function yet"),
        ]
        for answer, said in answers:
            task.answer = answer
            judged = task.check()
            assert not judged.solved
            assert said in repr(judged)
    finally:
        task.close()
