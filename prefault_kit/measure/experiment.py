"""What one cell of the laboratory is: backing x page size x sharing x method x size x start."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from prefault_kit import host
from prefault_kit.kernel.errors import MOST_THREADS
from prefault_kit.measure.limits import MOST_REPEATS, check_whole_number
from prefault_kit.memory import methods
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import SHARINGS
from prefault_kit.memory.sizes import check_size

STARTS = ("empty", "cached", "cold")
"""Start states: file emptied before each repetition; page cache full; data on disk, evicted."""


@dataclass(frozen=True)
class Experiment:
    """One cell. ValueError says in one sentence what makes no sense, and what would.

    >>> from prefault_kit import Backing, Experiment
    >>> cell = Experiment(Backing.anon(), "private", "Read", size_bytes=2 << 20, repeats=3)
    >>> Experiment(Backing.anon(), "private", "FALLOCATE", size_bytes=2 << 20)
    Traceback (most recent call last):
    ...
    ValueError: FALLOCATE needs a file to allocate: choose memfd, tmpfs, file or hugetlbfs
    """

    backing: Backing
    sharing: str
    method: str
    size_bytes: int
    start: str = "empty"
    repeats: int = 10
    threads: int = 1
    follow_up: bool = False
    """Whether one write to each page and a sync follow the last repetition."""

    def __post_init__(self) -> None:
        if self.sharing not in SHARINGS:
            raise ValueError(f"sharing is private or shared, not {self.sharing!r}")
        check_size(self.size_bytes, self.backing.page_size_bytes)
        method = methods.method(self.method)
        reason = methods.applies(
            method,
            has_file=self.backing.has_file,
            sharing=self.sharing,
            hugetlb=self.backing.is_hugetlb,
            on_disk=self.backing.on_disk,
        )
        if reason:
            raise ValueError(reason)
        if self.start not in STARTS:
            raise ValueError(f"start is one of {', '.join(STARTS)}, not {self.start!r}")
        if self.start == "cached" and not self.backing.has_file:
            raise ValueError("anonymous memory has no page cache to start from: choose start empty")
        if self.start == "cold" and not self.backing.on_disk:
            raise ValueError("only a file on disk can start cold: choose backing file")
        check_whole_number("repeats", self.repeats, 1, MOST_REPEATS)
        check_whole_number("threads", self.threads, 1, MOST_THREADS)

    def as_dict(self) -> dict[str, Any]:
        """A JSON object that :meth:`from_dict` takes back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Experiment:
        """The experiment that :meth:`as_dict` wrote."""
        return cls(**(data | {"backing": Backing(**data["backing"])}))

    def why_not(self) -> host.Unavailable | None:
        """Why this cell cannot run on this host, and the command that helps; None if it can."""
        # the follow-up writes to each page, so it needs the memory that Write needs
        for method in (self.method, *(["Write"] if self.follow_up else [])):
            if missing := host.why_not(
                backing=self.backing,
                sharing=self.sharing,
                method=method,
                size_bytes=self.size_bytes,
                start=self.start,
                threads=self.threads,
            ):
                return missing
        return None
