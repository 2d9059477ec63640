"""Which memory is played with, and one step of playing, both as they are saved."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self, cast

from prefault_kit import host
from prefault_kit.host import Unavailable
from prefault_kit.kernel import errors
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import KINDS, Backing
from prefault_kit.memory.mapping import SHARINGS

LEAST_PAGES, MOST_PAGES = 1, 4096
"""Of system pages; more cannot be seen one by one."""
CONTENTS = ("empty", "data")
"""What a file holds at first: one hole, or data that is in the page cache and on the disk."""
PARENT, CHILD = "parent", "child"


@dataclass(frozen=True)
class Ground:
    """A range of memory. ``pages`` are system pages; ``thp`` allows transparent huge pages."""

    kind: str = "anon"
    sharing: str = "private"
    pages: int = 512
    page_size_bytes: int = PAGE_SIZE_BYTES
    thp: bool = False
    content: str = "empty"
    directory: str | None = None

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, KINDS)
        _one_of("sharing", self.sharing, SHARINGS)
        _one_of("content", self.content, CONTENTS)
        errors.whole("pages", self.pages, LEAST_PAGES, MOST_PAGES)
        errors.whole("page_size_bytes", self.page_size_bytes, 1, MOST_PAGES * PAGE_SIZE_BYTES)
        if not isinstance(self.thp, bool):
            raise ValueError(f"thp is true or false, not {self.thp!r}"[:200])
        if self.size_bytes % self.backing.page_size_bytes:
            each = self.backing.page_size_bytes // PAGE_SIZE_BYTES
            raise ValueError(f"pages is a multiple of {each}: one huge page has as many")
        if self.content == "data" and not self.backing.has_file:
            raise ValueError("anonymous memory has no file that could hold data")

    @property
    def backing(self) -> Backing:
        """Where the memory comes from."""
        directory = self.directory if self.kind in ("tmpfs", "file", "hugetlbfs") else None
        return Backing.of(self.kind, page_size=self.page_size_bytes, directory=directory)

    @property
    def size_bytes(self) -> int:
        """The size of the range."""
        return self.pages * PAGE_SIZE_BYTES

    @property
    def step_pages(self) -> int:
        """System pages of a page of the backing: what one touch reaches."""
        return self.backing.page_size_bytes // PAGE_SIZE_BYTES

    def why_not(self) -> Unavailable | None:
        """What stops it on this host."""
        return host.why_not(
            backing=self.backing,
            sharing=self.sharing,
            method="Write",
            size_bytes=self.size_bytes,
        )

    def as_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, saved: object) -> Self:
        """What :meth:`as_dict` gave; ValueError for anything else."""
        return cast(Self, _record(cls, "ground", saved))


@dataclass(frozen=True)
class Step:
    """An operation on ``count`` system pages from ``first``, done by the parent or its child."""

    operation: str
    first: int = 0
    count: int = 1
    process: str = PARENT

    def __post_init__(self) -> None:
        errors.whole("first", self.first, 0, MOST_PAGES - 1)
        errors.whole("count", self.count, 1, MOST_PAGES)
        _one_of("process", self.process, (PARENT, CHILD))
        if not isinstance(self.operation, str):
            raise ValueError(f"an operation is a name, not {self.operation!r}")

    @property
    def range_bytes(self) -> tuple[int, int]:
        """Offset and length."""
        return self.first * PAGE_SIZE_BYTES, self.count * PAGE_SIZE_BYTES

    def as_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, saved: object) -> Self:
        """What :meth:`as_dict` gave; ValueError for anything else."""
        return cast(Self, _record(cls, "step", saved))


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")


def _record(cls: type[Any], name: str, saved: object) -> Any:
    if not isinstance(saved, dict) or not all(isinstance(key, str) for key in saved):
        raise ValueError(f"a {name} is an object with names, not {saved!r}"[:200])
    try:
        return cls(**saved)
    except TypeError as error:
        raise ValueError(f"this is no {name}: {error}"[:200]) from None
