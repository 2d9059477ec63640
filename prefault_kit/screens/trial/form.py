"""The form of a trial: the program as chosen or typed, and what each control offers."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from prefault_kit.memory.sizes import parse_bytes
from prefault_kit.screens.options import Option, Problem
from prefault_kit.studies.trial import Choice, Plan, Ready, Setting, running
from prefault_kit.studies.trial.candidates import CANDIDATES
from prefault_kit.studies.trial.plan import REPEATS
from prefault_kit.studies.trial.programs import PROGRAMS
from prefault_kit.studies.trial.stop import Stop

YOUR_OWN = "your own"
"""The program that is a command of the user's."""
EVICTION = (
    'a cold start evicts the files that the program maps from the page cache: tick "may be '
    'evicted" if that is all right'
)


@dataclass(frozen=True)
class ProgramForm:
    """A trial as typed into the controls; what is about a command of one's own says so."""

    program: str = "python"
    """A name of ``PROGRAMS``, or :data:`YOUR_OWN`."""
    own: str = ""
    """A command of one's own, in words as a shell reads them."""
    repeats: int = REPEATS
    candidates: tuple[str, ...] = ()
    """Empty: all that apply."""
    start: str = "as-it-is"
    """Of the files of a command of one's own."""
    evicted: bool = False
    """Whether those may be evicted."""
    least_size: str = "1 MiB"
    """Of a mapping of a command of one's own."""
    ready: str = ""
    """What such a command says when it is ready: a regular expression; empty: it ends by itself."""

    @property
    def is_own(self) -> bool:
        """Whether it is a command of one's own."""
        return self.program == YOUR_OWN

    @property
    def tried(self) -> tuple[str, ...]:
        """The candidates by name."""
        return self.candidates or tuple(CANDIDATES)

    def plan(self, stop: Stop) -> Plan:
        """The plan for a command of one's own; ValueError in one sentence if it describes none."""
        try:
            command = tuple(shlex.split(self.own))
        except ValueError as error:
            raise ValueError(f"it cannot be read as a command: {str(error).lower()}") from None
        if not command:
            raise ValueError("enter a command: it is run as it stands, without a shell")
        if any("\0" in word for word in command):
            raise ValueError("a command has no null byte")
        if self.start == "cold" and not self.evicted:
            raise ValueError(EVICTION)
        return Plan(
            command,
            Choice(least_bytes=parse_bytes(self.least_size)),
            candidates=self.tried,
            repeats=self.repeats,
            start=self.start,
            setting=Setting(Ready(self.ready) if self.ready else None, stop=stop),
        )

    def problem(self) -> Problem | None:
        """What stops this trial here, or None."""
        try:
            if self.is_own:
                return Problem.of(running.why_not(self.plan(Stop()).command[0]))
            if self.program not in PROGRAMS:
                raise ValueError(f"{self.program!r} is no program: choose of {', '.join(PROGRAMS)}")
            Plan((self.program,), candidates=self.tried, repeats=self.repeats)
            return Problem.of(PROGRAMS[self.program].why_not())
        except ValueError as error:
            return Problem(str(error))
        except OSError as error:
            return Problem(in_words(error))


def in_words(error: OSError) -> str:
    """An error with its file."""
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"


def programs() -> tuple[Option, ...]:
    """The programs to choose of; one that is not installed has the command that installs it."""
    known = (Option.of(name, each.why_not()) for name, each in PROGRAMS.items())
    return (*known, Option(YOUR_OWN))
