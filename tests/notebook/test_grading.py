"""prefault_kit.notebook.grading: what becomes of a reader's function, and what is said of it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefault_kit import PAGE_SIZE_BYTES as PAGE
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


def _undisturbed(_: Mapping) -> None:
    signal.alarm(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(100)


def _forks(_: Mapping) -> None:
    if os.fork() == 0:
        time.sleep(100)


def _leaves(_: Mapping) -> None:
    os._exit(7)


def _exits(_: Mapping) -> None:
    sys.exit(3)


def _killed(_: Mapping) -> None:
    os.kill(os.getpid(), 35)


class Unspeakable(Exception):
    """Cannot be put into words."""

    def __str__(self) -> str:
        raise ValueError


def _unspeakable(_: Mapping) -> None:
    raise Unspeakable


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (lambda memory: memory.populate_write(), "returns"),
        (lambda memory: "a word", "returns"),
        (_refuses, REFUSED),
        (_mistaken, "ValueError: a slip"),
        (lambda: None, "TypeError"),
        (None, NO_FUNCTION),
        (_endless, "it did not come to an end in 1 s"),
        (_undisturbed, "it did not come to an end in 1 s"),
        (_forks, "returns"),
        (_leaves, "it ended its process with status 7"),
        (_exits, "SystemExit: 3"),
        (_killed, "signal 35"),
        (_unspeakable, "Unspeakable"),
    ],
)
def test_a_function_is_called_in_a_process_of_its_own(
    task: Attempt,
    answer: Callable[..., object] | None,
    outcome: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may fail, hang or be killed."""
    if "1 s" in outcome:
        monkeypatch.setattr(grading, "LIMIT_S", 1)
    task.answer = answer
    before = os.listdir("/proc/self/fd")
    assert task.outcome(task.memory).startswith(outcome)
    assert os.listdir("/proc/self/fd") == before


def test_ctrl_c_leaves_no_child(task: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended with the check."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    task.answer = _undisturbed
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    before = children.read_text()
    with monkeypatch.context() as patched:
        patched.setattr(grading.select, "select", interrupted)
        with pytest.raises(KeyboardInterrupt):
            task.call(task.memory)
    assert children.read_text() == before


def test_numbers_that_are_returned_come_sorted(task: Attempt) -> None:
    """Of any iterable; of anything else nothing comes."""
    answers: list[tuple[object, object]] = [
        ({10, 3, 9}, [3, 9, 10]),
        (np.array([2, 1]), [1, 2]),
        ("32", None),
        (["x"], None),
        (None, None),
    ]
    for returned, numbers in answers:
        task.answer = lambda returned=returned: returned
        assert task.call() == ("returns", numbers)


def test_after_close_nothing_is_judged() -> None:
    """The descriptor may be another file's by then."""
    task = exercise("a-hole")
    task.close()
    other = exercise("a-hole")
    try:
        other.memory.punch_hole(8 * PAGE, 8 * PAGE)
        assert other.check().solved
        assert "ValueError: the mapping is closed" in repr(task.check())
    finally:
        other.close()


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
            (lambda *_: None, "['nothing', 'nothing']"),
            (lambda *_: 1 / 0, "ZeroDivisionError"),
            (None, "the answer is not a function yet"),
            (lambda *_: [3, 9, 10], "[[3, 9, 10], [3, 9, 10]]"),
        ]
        for answer, said in answers:
            task.answer = answer
            judged = task.check()
            assert not judged.solved
            assert said in repr(judged)
    finally:
        task.close()
