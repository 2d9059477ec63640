"""How an exercise is judged: by the state of real memory, not by the code.

What a function of the reader does to memory happens in a child process, which it may kill.
"""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from prefault_kit.measure import forked
from prefault_kit.memory.mapping import Mapping

LIMIT_S = 10
"""The longest time of a function of the reader's."""
NO_FUNCTION = "task.answer is not a function yet"
REFUSED = "an error that can be handled"


@dataclass(frozen=True)
class Wanted:
    """One thing that must be so: in words, what is expected, and how it is looked up."""

    what: str
    expected: object
    look: Callable[[Attempt], object]
    secret: bool = False
    """Whether what is expected is the answer, and must not be told."""
    spends: bool = False
    """Whether looking changes the memory, which is then made anew."""


@dataclass(frozen=True)
class Exercise:
    """What to do, with which memory, and what must be so in the end."""

    lesson: str
    """The number of the notebook that it belongs to."""
    task: str
    prepare: Callable[[], Mapping]
    wanted: tuple[Wanted, ...]
    hints: tuple[str, ...]


class Attempt:
    """Memory to work on, as ``memory``; ``answer`` where the task asks for a figure."""

    def __init__(self, exercise: Exercise) -> None:
        self._exercise = exercise
        self._hints = 0
        self.answer: object = None
        self.memory = exercise.prepare()

    def __repr__(self) -> str:
        return f"{self._exercise.task}\n\nWork on task.memory, then ask task.check()."

    def begin(self) -> None:
        """Fresh memory, as at the beginning."""
        self.close()
        self.answer = None
        self.memory = self._exercise.prepare()

    def check(self) -> Judgement:
        """What is there, and what should be."""
        found: list[tuple[Wanted, object]] = []
        for each in self._exercise.wanted:
            try:
                observed = each.look(self)
            except Exception as error:  # noqa: BLE001 - a reader's function may raise anything
                observed = f"{type(error).__name__}: {error}"
            found.append((each, observed))
        spent = any(each.spends for each in self._exercise.wanted)
        if spent:
            answer = self.answer
            self.begin()
            self.answer = answer
        return Judgement(tuple(found), spent)

    def outcome(self, *arguments: object) -> str:
        """What becomes of a process that calls the reader's function: ``returns``, an error that
        can be handled, or the signal that ended it."""
        answer = self.answer
        if not callable(answer):
            return NO_FUNCTION

        def call() -> str | None:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LIMIT_S)
            try:
                answer(*arguments)
            except OSError:
                return REFUSED
            except Exception as error:  # noqa: BLE001 - as above
                return f"{type(error).__name__}: {error}"
            return None

        with (
            warnings.catch_warnings()
        ):  # a notebook's kernel has threads; the child calls one function
            warnings.simplefilter("ignore", DeprecationWarning)
            return forked.told(call)

    def hint(self) -> str:
        """One hint more; the last one stays."""
        hints = self._exercise.hints
        self._hints = min(self._hints + 1, len(hints))
        return f"{self._hints} of {len(hints)}: {hints[self._hints - 1]}"

    def close(self) -> None:
        """Release the memory."""
        self.memory.close()


@dataclass(frozen=True)
class Judgement:
    """What was asked for, and what is there."""

    found: tuple[tuple[Wanted, object], ...]
    spent: bool = False
    """Whether looking has changed the memory, so that it is fresh again."""

    @property
    def solved(self) -> bool:
        """Whether all of it is so."""
        return all(each.expected == observed for each, observed in self.found)

    def __repr__(self) -> str:
        lines = ["Solved." if self.solved else "Not yet."]
        for each, observed in self.found:
            if each.expected == observed:
                end = "as it should be"
            elif each.secret:
                end = "which is not right"
            else:
                end = f"and it should be {each.expected}"
            lines.append(f"  {each.what}: {observed}, {end}")
        if self.spent:
            lines.append("The check has written to the memory, which is fresh again.")
        return "\n".join(lines)
