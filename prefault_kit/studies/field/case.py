"""What a case from the field is: a decision that was made in public, and a trial of its claims."""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.host import thp
from prefault_kit.memory.backing import Backing
from prefault_kit.studies.field.claims import Claim
from prefault_kit.studies.field.steps import Step


@dataclass(frozen=True)
class Memory:
    """The memory that a way gets, fresh in each repetition."""

    kind: str = "anon"
    sharing: str = "private"
    size_bytes: int = 64 << 20
    start: str = "empty"
    thp: bool = False
    huge_pages: int = 0
    """The size in transparent huge pages, instead of ``size_bytes``."""
    limit_bytes: int = 0
    """If not 0: a tmpfs of its own, which has room for so much."""

    @property
    def bytes(self) -> int:
        """The size on this host."""
        return self.huge_pages * (thp.size_bytes() or 0) or self.size_bytes

    def backing(self, directory: str) -> Backing:
        """Where it comes from; a file lies in ``directory``."""
        if self.limit_bytes:
            return Backing.tmpfs("/")  # its file is opened elsewhere, so the directory is not used
        return Backing.of(self.kind, directory=directory if self.kind == "file" else None)


@dataclass(frozen=True)
class Way:
    """One way to do it: its steps, and what comes before them."""

    name: str
    steps: tuple[Step, ...]
    """Timed, see :mod:`steps`."""
    before: tuple[Step, ...] = ()
    """Done first, and not timed."""
    over: str = ""
    """The way whose time its own is compared with."""
    threads: int = 1
    memory: Memory | None = None
    """If it is not that of the case."""


@dataclass(frozen=True)
class Case:
    """A decision that was made in public, with its source, and the trial of its claims."""

    id: str
    who: str
    what: str
    """What kind of program it is."""
    when: str
    title: str
    sources: tuple[str, ...]
    """Where it was decided."""
    question: str
    """What to predict before the trial."""
    ways: tuple[Way, ...]
    claims: tuple[Claim, ...]
    memory: Memory = Memory()
    looks: tuple[str, ...] = ()
    """What is counted after each way, see :data:`claims.LOOKS`."""
    repeats: int = 5

    def memory_of(self, way: Way) -> Memory:
        """The memory that a way of it gets."""
        return way.memory or self.memory
