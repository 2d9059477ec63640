"""The reviewer's form: the workload as typed, and what each control offers."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import KINDS, Backing
from prefault_kit.memory.sizes import parse_bytes
from prefault_kit.screens.options import Option, Problem
from prefault_kit.studies.review.workload import AFTERWARDS, CONTENTS, OPTIONS, Workload

OWN_FILE = "your file"
"""The backing that is an existing file of the user's."""
BACKINGS = (*KINDS, OWN_FILE)


@dataclass(frozen=True)
class WorkloadForm:
    """A workload as typed into the controls.

    ``size`` is a text such as ``2 MiB``, ``read`` and ``write`` are fractions of the pages.
    """

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
        """The backing; OSError or ValueError if there is none."""
        directory = None if self.backing in ("anon", "memfd") else self.directory or None
        return Backing.of(self.backing, directory=directory)

    def workload(self) -> Workload:
        """The workload; ValueError or OSError in one sentence if the form describes none."""
        words: dict[str, Any] = {name: getattr(self, name) for name in OPTIONS}
        if self.backing == OWN_FILE:
            if not self.existing_file:
                raise ValueError("enter the path of the file: it is only read, never written")
            return Workload.of_file(self.existing_file, **words)
        return Workload(self.memory(), size_bytes=parse_bytes(self.size), **words)

    def problem(self) -> Problem | None:
        """What stops this workload here, or None."""
        try:
            return Problem.of(self.workload().why_not())
        except ValueError as error:
            return Problem(str(error))
        except OSError as error:
            where = error.filename or self.existing_file
            return Problem(f"cannot read {where}: {(error.strerror or str(error)).lower()}")

    def contents(self) -> tuple[str, ...]:
        """What the chosen memory can contain at the start."""
        return tuple(name for name in CONTENTS if self._makes_sense(content=name))

    def endings(self) -> tuple[str, ...]:
        """What can be done to the chosen memory afterwards."""
        return tuple(name for name in AFTERWARDS if self._makes_sense(afterwards=name))

    def settled(self) -> WorkloadForm:
        """The same form, with every value that is no longer on offer replaced by one that is."""
        form = self
        usual = "hole"
        if form.backing == OWN_FILE:
            form = replace(form, write=0.0, read=form.read or 1.0)
            usual = "as-is"  # it is only evicted on request
        if form.content not in form.contents():
            form = replace(form, content=usual)
        endings = form.endings()
        if form.afterwards not in endings:
            form = replace(form, afterwards=endings[0])
        return form

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
        form = replace(self, backing=kind, directory=directory).settled()
        try:
            page = form.memory().page_size_bytes
            problem = replace(form, size=str(page), threads=1).problem()
        except (OSError, ValueError) as error:
            return Option(kind, str(error))
        return Option.of(kind, problem)

    def _makes_sense(self, **other: str) -> bool:
        """Whether a small workload of this kind exists, on any host."""
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
