"""prefault_kit.notebook.exercises: the kernel tells a right solution from a wrong one."""

import importlib.util
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.notebook import missing
from prefault_kit.notebook.exercises import EXERCISES, exercise
from prefault_kit.notebook.grading import Attempt

NEEDS = {
    "faults-come-back": ("shared file",),
    "nothing-missed": ("userfaultfd",),
    "who-wrote": ("WP_ASYNC",),
}
"""What a host may lack; the notebooks' cells say the same."""
SOLUTIONS = Path(__file__).parents[2] / "notebooks" / "solutions.py"


@pytest.fixture(scope="module")
def solutions() -> ModuleType:
    """The file of solutions, which is no module of the kit."""
    spec = importlib.util.spec_from_file_location("solutions", SOLUTIONS)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def solution(solutions: ModuleType, name: str) -> Callable[[Attempt], None]:
    """A solution by its name."""
    found: Callable[[Attempt], None] = getattr(solutions, name.replace("-", "_"))
    return found


@pytest.mark.parametrize("name", EXERCISES)
def test_a_right_solution_is_told_from_a_wrong_one(solutions: ModuleType, name: str) -> None:
    """Untouched it is not solved; then by each, on fresh memory."""
    for need in NEEDS.get(name, ()):
        if (reason := missing(need)) is not None:
            pytest.skip(f"not testable here: {reason.reason}")
    task = exercise(name)
    try:
        assert not task.check().solved
        task.begin()
        solution(solutions, f"{name}-wrong")(task)
        wrong = task.check()
        assert not wrong.solved
        assert repr(wrong).startswith("Not yet.\n")
        assert ", and it should be " in repr(wrong) or ", which is not right" in repr(wrong)
        task.begin()
        solution(solutions, name)(task)
        right = task.check()
        assert right.solved, right
        assert repr(right).startswith("Solved.\n")
    finally:
        task.close()


@pytest.mark.parametrize("name", EXERCISES)
def test_a_task_has_its_words_and_hints(name: str) -> None:
    """The task says what to do and how to ask; hints come one at a time, and the last one stays."""
    task = exercise(name)
    try:
        assert repr(task).startswith(EXERCISES[name].task)
        assert "task.check()" in repr(task)
        hints = [task.hint() for _ in range(len(EXERCISES[name].hints) + 1)]
    finally:
        task.close()
    assert hints[0].startswith(f"1 of {len(hints) - 1}: ")
    assert hints[-1] == hints[-2]
    assert len(set(hints)) == len(hints) - 1 >= 2


def test_every_lesson_has_two_to_four_at_its_end() -> None:
    """Of 02 to 08, and 13 to 15; the notebook has all of them, in this order."""
    lessons = [each.lesson for each in EXERCISES.values()]
    counts = {lesson: lessons.count(lesson) for lesson in lessons}
    assert set(counts) == {"02", "03", "04", "05", "06", "07", "08", "13", "14", "15"}
    assert all(2 <= count <= 4 for count in counts.values())
    for lesson in counts:
        (notebook,) = SOLUTIONS.parent.glob(f"{lesson}-*.ipynb")
        begun = re.findall(r'task = exercise\(\\"([a-z-]+)\\"\)', notebook.read_text())
        assert begun == [name for name, each in EXERCISES.items() if each.lesson == lesson]


def test_what_is_broken_is_said_and_begun_anew() -> None:
    """A closed mapping is no traceback; fresh memory is one call away."""
    task = exercise("three-pages")
    task.memory.close()
    assert "the mapping is closed" in repr(task.check())
    task.begin()
    for page in (10, 20, 30):
        task.memory.touch_read(page * PAGE, PAGE)
    assert task.check().solved
    task.close()


def test_an_exercise_that_is_not_there() -> None:
    """The sentence has the names."""
    with pytest.raises(ValueError, match="there is no exercise 'four-pages'; there is three-pages"):
        exercise("four-pages")


def test_nothing_is_left_of_an_attempt() -> None:
    """Its file is closed with it."""
    before = len(os.listdir("/proc/self/fd"))
    for name in EXERCISES:
        exercise(name).close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_check_that_writes_solves_nothing() -> None:
    """Asked twice, the answer is the same; the memory is fresh again."""
    task = exercise("no-fault-left")
    try:
        assert [task.check().solved for _ in range(3)] == [False] * 3
        assert task.memory.pages().present == 0
        assert repr(task.check()).endswith("fresh again.")
    finally:
        task.close()


def test_an_answer_is_not_told() -> None:
    """Nor is the other thing that is looked at."""
    task = exercise("how-far")
    try:
        assert "40" not in repr(task.check())
        task.answer = 39
        assert "39, which is not right" in repr(task.check())
    finally:
        task.close()
