"""How an exercise is judged: by the state of real memory, not by the code.

What a function of the reader does to memory happens in a child process, which it may kill.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import resource
import select
import signal
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prefault_kit.memory.mapping import Mapping

LIMIT_S = 10
"""The longest time of a function of the reader's."""
NO_FUNCTION = "the answer is not a function yet"
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

    def __init__(self, name: str, exercise: Exercise) -> None:
        self.name = name.replace("-", "_")
        """What the notebooks call it."""
        self._exercise = exercise
        self._hints = 0
        self.answer: object = None
        self.memory = exercise.prepare()

    def __repr__(self) -> str:
        return self._say(f"{self._exercise.task}\n\nWork on task.memory, then ask task.check().")

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
                self.memory.span()  # once closed, its file may be another's
                observed = each.look(self)
            except Exception as error:  # noqa: BLE001 - memory may be in any state
                observed = _in_words(error)
            found.append((each, observed))
        spent = any(each.spends for each in self._exercise.wanted)
        if spent:
            answer = self.answer
            self.begin()
            self.answer = answer
        return Judgement(tuple(found), spent)

    def outcome(self, *arguments: object) -> str:
        """What becomes of a process that calls the reader's function: ``returns``, an error that
        can be handled, or what ended it."""
        told, said = self.call(*arguments)
        return str(said) if told == "says" else told

    def call(self, *arguments: object) -> tuple[str, object]:
        """Call the reader's function in a child: ``returns`` and the integers that it returned, if
        it returned some; or ``says`` and a sentence."""
        answer = self.answer
        if not callable(answer):
            return "says", NO_FUNCTION
        with warnings.catch_warnings():  # a notebook has threads; the child calls one function
            warnings.simplefilter("ignore", DeprecationWarning)
            return _in_a_child(lambda: answer(*arguments))

    def hint(self) -> str:
        """One hint more; the last one stays."""
        hints = self._exercise.hints
        self._hints = min(self._hints + 1, len(hints))
        return self._say(f"{self._hints} of {len(hints)}: {hints[self._hints - 1]}")

    def _say(self, text: str) -> str:
        """A text in which ``task`` is the attempt, by the name that the notebooks give it."""
        return re.sub(r"\btask\.(?=memory|answer|check|hint)", f"{self.name}.", text)

    def close(self) -> None:
        """Release the memory."""
        self.memory.close()


def _in_a_child(call: Callable[[], object]) -> tuple[str, object]:
    """Do it in a process group of its own, which is gone afterwards, whatever it did."""
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if child == 0:
        try:
            os.setpgid(0, 0)
            faulthandler.disable()  # a death that is asked for leaves no trace
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            said = json.dumps(_told(call)).encode()
            if os.getpgid(0) == os.getpid():  # and not what the function has forked
                os.write(writer, said)
        finally:
            os._exit(0)
    os.close(writer)
    deadline = time.monotonic() + LIMIT_S
    answer, late = b"", True
    try:
        while select.select([reader], [], [], max(0, deadline - time.monotonic()))[0]:
            part = os.read(reader, 65536)
            answer += part
            if not part or answer.endswith(b"]"):
                break
        late = time.monotonic() >= deadline
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)  # one that is ending keeps its status
        status = os.waitpid(child, 0)[1]
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # what it has left running
    if answer:
        told, returned = json.loads(answer)
        return told, returned
    if late:
        return "says", f"it did not come to an end in {LIMIT_S} s"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        known = {each.value: each.name for each in signal.Signals}
        return "says", known.get(number, f"signal {number}")
    return "says", f"it ended its process with status {os.WEXITSTATUS(status)}"


def _told(call: Callable[[], object]) -> tuple[str, object]:
    try:
        returned = call()
    except OSError:
        return "says", REFUSED
    except BaseException as error:  # noqa: BLE001 - a reader's function may raise anything
        return "says", _in_words(error)
    if isinstance(returned, Iterable) and not isinstance(returned, str | bytes):
        with contextlib.suppress(Exception):
            return "returns", sorted(int(each) for each in returned)
    return "returns", None


def _in_words(error: BaseException) -> str:
    try:
        said = str(error).encode("utf-8", "replace").decode()
    except Exception:  # noqa: BLE001 - whatever its __str__ does
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


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
