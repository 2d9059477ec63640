"""prefault_kit.notebook.exercises: the kernel tells a right solution from a wrong one."""

import importlib.util
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from prefault_kit import Mapping
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
        assert repr(task).startswith(EXERCISES[name].task.partition("task.")[0])
        assert f"{name.replace('-', '_')}.check()" in repr(task)
        assert "task." not in repr(task)
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
        begun = re.findall(r'\b[a-z_]+ = exercise\(\\"([a-z-]+)\\"\)', notebook.read_text())
        assert begun == [name for name, each in EXERCISES.items() if each.lesson == lesson]


def _half_way(task: Attempt) -> None:
    def plug(memory: Mapping, first: int, count: int) -> None:
        try:
            memory.populate_write(first * PAGE, count * PAGE)
        except OSError:
            memory.punch_hole(first * PAGE, count * PAGE)  # also what was plugged before
            raise

    task.answer = plug


def _by_touch(task: Attempt) -> None:
    def preallocate(memory: Mapping) -> None:
        if os.fstat(memory.fd).st_size < memory.size_bytes:
            raise OSError
        memory.touch_write()

    task.answer = preallocate


def _answered(answer: object) -> Callable[[Attempt], None]:
    return lambda task: setattr(task, "answer", answer)


def _filled_anew(task: Attempt) -> None:
    task.memory.advise("MADV_REMOVE")
    task.memory.fallocate()


def _holes_of_zeros(task: Attempt) -> None:
    task.memory.advise("MADV_REMOVE")
    for first, count in ((0, 8), (16, 48)):
        task.memory.touch_write(first * PAGE, count * PAGE)


def _forbidden(task: Attempt) -> None:
    task.memory.populate_read()
    task.memory.protect("none")


def _known_answer(task: Attempt) -> None:
    task.answer = "sync"


def _repaired(task: Attempt) -> None:
    task.memory.populate_write()


def _read_alone(task: Attempt) -> None:
    task.memory.populate_read()
    task.memory.touch_write(8 * PAGE, 8 * PAGE)


ALMOST: list[tuple[str, Callable[[Attempt], None], str]] = [
    ("readable-and-free", _forbidden, "faults of reading each page"),
    ("faults-come-back", _known_answer, "faults of writing each page"),
    ("faults-come-back", _repaired, "your answer"),
    ("a-hole", _holes_of_zeros, "the rest as it was"),
    ("how-far", _answered(np.array([40, 41])), "your answer"),
    ("cannot-be-killed", _answered(lambda memory: None), "pages of storage then"),
    ("cannot-be-killed", _by_touch, "all bytes as they were"),
    ("keep-the-file", _filled_anew, "the file as it was"),
    ("plug-or-nothing", _half_way, "pages of storage then"),
    ("ten-numbers", lambda task: task.memory.touch_write(0, PAGE), "numbers that are not zero"),
    ("read-all-write-some", _read_alone, "faults of writing rows 0 to 7"),
    ("nothing-missed", lambda task: task.memory.populate_write(), "pages of resident memory"),
    ("nothing-missed", lambda task: task.memory.protect("r"), "writes that the snapshot missed"),
    ("who-wrote", _answered(lambda *_: [3, 9, 10]), "the pages of two programs that it reports"),
]
"""What one thing that is looked up alone tells from a solution."""


@pytest.mark.parametrize(("name", "attempt", "what"), ALMOST)
def test_each_thing_that_is_looked_up_matters(
    name: str, attempt: Callable[[Attempt], None], what: str
) -> None:
    """An attempt that is right but for this."""
    for need in NEEDS.get(name, ()):
        if (reason := missing(need)) is not None:
            pytest.skip(f"not testable here: {reason.reason}")
    task = exercise(name)
    try:
        attempt(task)
        judged = task.check()
        assert what in {each.what for each, seen in judged.found if seen != each.expected}
        assert not judged.solved
    finally:
        task.close()


def test_memory_that_may_not_be_read_is_no_end_of_the_kernel() -> None:
    """The check says so."""
    task = exercise("ten-numbers")
    try:
        task.memory.protect("none")
        assert not task.check().solved
    finally:
        task.close()


@pytest.mark.needs("small_tmpfs")
def test_an_exercise_that_wants_a_disk_says_so(
    small_tmpfs_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In memory no sync brings a fault back."""
    monkeypatch.chdir(small_tmpfs_directory)
    with pytest.raises(ValueError, match="on no disk"):
        exercise("faults-come-back")


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
