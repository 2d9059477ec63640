"""What a reviewer chose, as typed, and what else is on offer beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import KINDS, Backing
from prefault_kit.memory.sizes import parse_bytes
from prefault_kit.screens.model import Option, Problem
from prefault_kit.studies.review.workload import AFTERWARDS, CONTENTS, OPTIONS, Workload

OWN_FILE = "your file"
"""The backing that is a file of the reviewer's own."""
BACKINGS = (*KINDS, OWN_FILE)


@dataclass(frozen=True)
class Case:
    """The controls; ``size`` is a text such as ``2 MiB``, ``read`` and ``write`` are fractions."""

    backing: str = "file"
    directory: str = ""
    """Empty: found among the mounts (tmpfs, hugetlbfs), or the current directory (file)."""
    existing_file: str = ""
    sharing: str = "shared"
    size: str = "256 MiB"
    content: str = "hole"
    read: float = 1.0
    write: float = 0.0
    pattern: str = "random"
    afterwards: str = "sync"
    threads: int = 1
    repeats: int = 5

    def memory(self) -> Backing:
        """The backing; OSError or ValueError when there is none."""
        lies = self.backing not in ("anon", "memfd")
        return Backing.of(self.backing, directory=self.directory or None if lies else None)

    def workload(self) -> Workload:
        """The case; ValueError or OSError in one sentence when there is none."""
        words: dict[str, Any] = {name: getattr(self, name) for name in OPTIONS}
        if self.backing == OWN_FILE:
            if not self.existing_file:
                raise ValueError("name the file: it is opened for reading and never written")
            return Workload.of_file(self.existing_file, **words)
        return Workload(self.memory(), size_bytes=parse_bytes(self.size), **words)

    def problem(self) -> Problem | None:
        """What stops this case here, or None."""
        try:
            refused = self.workload().why_not()
        except ValueError as error:
            return Problem(str(error))
        except OSError as error:
            where = error.filename or self.existing_file
            return Problem(f"cannot read {where}: {(error.strerror or str(error)).lower()}")
        return Problem(refused.reason, refused.command) if refused else None

    def contents(self) -> tuple[str, ...]:
        """What the chosen memory can hold at the start."""
        return tuple(name for name in CONTENTS if self._makes_sense(content=name))

    def endings(self) -> tuple[str, ...]:
        """What can be done to the chosen memory afterwards."""
        return tuple(name for name in AFTERWARDS if self._makes_sense(afterwards=name))

    def settled(self) -> Case:
        """The same with every value that is no longer on offer replaced by one that is."""
        case = self
        usual = "hole"
        if case.backing == OWN_FILE:
            case = replace(case, write=0.0, read=case.read or 1.0)
            usual = "as-is"  # evicting it has to be asked for
        if case.content not in case.contents():
            case = replace(case, content=usual)
        endings = case.endings()
        if case.afterwards not in endings:
            case = replace(case, afterwards=endings[0])
        return case

    def offer(self) -> dict[str, tuple[Option, ...]]:
        """Options of the controls that depend on others or on this host, by the control's name."""
        return {
            "backing": tuple(self._backing(kind) for kind in BACKINGS),
            "content": tuple(map(Option, self.contents())),
            "afterwards": tuple(map(Option, self.endings())),
        }

    def _backing(self, kind: str) -> Option:
        if kind == OWN_FILE:
            return Option(kind)
        directory = self.directory if kind == self.backing else ""
        case = replace(self, backing=kind, directory=directory).settled()
        try:
            page = case.memory().page_size_bytes
            problem = replace(case, size=str(page), threads=1).problem()
        except (OSError, ValueError) as error:
            return Option(kind, str(error))
        return Option(kind, problem.reason, problem.command) if problem else Option(kind)

    def _makes_sense(self, **other: str) -> bool:
        """Whether a small case of this kind exists, on any host."""
        own = self.backing == OWN_FILE
        words: dict[str, Any] = {
            "content": "as-is" if own else "hole",
            "afterwards": "nothing",
        } | other
        memory = Backing("file" if own else self.backing, PAGE_SIZE_BYTES)
        try:
            Workload(
                memory,
                size_bytes=memory.page_size_bytes,
                existing_file=os.devnull if own else None,
                **words,
            )
        except ValueError:
            return False
        return True
