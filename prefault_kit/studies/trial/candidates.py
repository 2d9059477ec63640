"""What is tried on a program: the rows of a trial, and which mapping each can be given to."""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.kernel.tracer import KINDS, MLOCK_ONFAULT

ANONYMOUS = ("anonymous private", "anonymous shared", "heap")
FILES = ("file private", "file shared")
MEMORY = (*ANONYMOUS, "memfd")
NO_COPY = tuple(each for each in KINDS if each != "file private")
"""All but private mappings of files, where a page that is copied ahead of time no longer shows what
is written to the file: the program would read something else."""
NOTHING = "nothing"
"""The program as it is, without a tracer."""
TRACED = "traced"
"""The harness's own cost: stopped wherever the others are, and given nothing."""


@dataclass(frozen=True)
class Candidate:
    """One thing to try; which mappings it is for."""

    name: str
    advices: tuple[str, ...] = ()
    kinds: tuple[str, ...] = tuple(KINDS)
    access: str = ""
    """What a mapping must permit for it: letters of ``rwx``."""
    drop_populate: bool = False
    drop_advice: bool = False

    @property
    def line(self) -> str:
        """The line of C that does the same; empty where there is one to take out."""
        if MLOCK_ONFAULT in self.advices:
            return "mlock2(p, n, MLOCK_ONFAULT);"
        return " ".join(f"madvise(p, n, {name});" for name in self.advices)


_READ, _WRITE, _HUGE = "MADV_POPULATE_READ", "MADV_POPULATE_WRITE", "MADV_HUGEPAGE"

CANDIDATES: dict[str, Candidate] = {
    each.name: each
    for each in (
        Candidate("WILLNEED", ("MADV_WILLNEED",), FILES, "r"),
        Candidate("SEQUENTIAL", ("MADV_SEQUENTIAL",), FILES, "r"),
        Candidate("RANDOM", ("MADV_RANDOM",), FILES, "r"),
        Candidate("POPULATE_READ", (_READ,), access="r"),
        Candidate("POPULATE_WRITE", (_WRITE,), NO_COPY, "w"),
        Candidate("HUGEPAGE", (_HUGE,), MEMORY, "w"),
        Candidate("HUGEPAGE+POPULATE_WRITE", (_HUGE, _WRITE), MEMORY, "w"),
        Candidate("NOHUGEPAGE", ("MADV_NOHUGEPAGE",), MEMORY, "w"),
        Candidate("COLLAPSE", ("MADV_COLLAPSE",), (*MEMORY, *FILES), "r"),
        Candidate("MLOCK_ONFAULT", (MLOCK_ONFAULT,), (*MEMORY, *FILES), "r"),
        Candidate("drop MAP_POPULATE", drop_populate=True),
        Candidate("drop its advice", drop_advice=True),
    )
}
"""By name, those that change least first: of equals the first is recommended."""


def chosen(names: tuple[str, ...]) -> list[Candidate]:
    """Candidates by their names, with or without MADV_; ValueError for one that is not there."""
    known = {name.casefold(): each for name, each in CANDIDATES.items()}
    found = []
    for name in names:
        each = known.get(name.strip().casefold().replace("madv_", ""))
        if each is None:
            raise ValueError(f"{name!r} is no candidate: choose of {', '.join(CANDIDATES)}")
        if each not in found:
            found.append(each)
    return found
