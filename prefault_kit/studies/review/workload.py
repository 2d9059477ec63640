"""What a reviewer describes: the memory, what it holds, and what the program then does with it."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from typing import Any

from prefault_kit import host
from prefault_kit.host import features
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import SHARINGS
from prefault_kit.memory.sizes import check_size

CONTENTS = {
    "hole": "nothing: a file of one hole, or memory that nobody has touched",
    "fallocated": "blocks from fallocate(2), and no data",
    "large-chunks": "data that was written 1 MiB at a time, clean and in the page cache",
    "small-chunks": "data that was written a page at a time, clean and in the page cache",
    "cold": "data on disk alone",
    "as-is": "a file of one's own, as it is found",
}
"""What the file holds before each repetition."""
OWN_CONTENTS = ("as-is", "cold")
"""Those of a file of the reviewer's own, which is never written."""
PATTERNS = {
    "sequential": "pages spread evenly over the range, in ascending order",
    "random": "pages anywhere, in any order, each once",
    "hotspot": "nine accesses of ten in one tenth of the pages, so that many are met again",
}
AFTERWARDS = {
    "nothing": "the program goes on",
    "sync": "msync(MS_SYNC) and fsync",
    "evict": "sync, eviction from the page cache, then the pages that were read are read again",
}
WORDS = ("sharing", "content", "read", "write", "pattern", "afterwards", "threads", "repeats")
"""Fields of a workload that are options of the command by the same name."""


@dataclass(frozen=True)
class Workload:
    """One case. ValueError says in a sentence what makes no sense, and what would.

    ``read`` and ``write`` are fractions of the pages, 0 to 1: as many are read and written.
    ``existing_file`` is a path of the reviewer's own; it is opened and mapped for reading alone.
    """

    backing: Backing
    sharing: str = "shared"
    size_bytes: int = 256 << 20
    content: str = "hole"
    read: float = 1.0
    write: float = 0.0
    pattern: str = "random"
    afterwards: str = "nothing"
    threads: int = 1
    repeats: int = 5
    existing_file: str | None = None

    def __post_init__(self) -> None:
        if self.sharing not in SHARINGS:
            raise ValueError(f"sharing is private or shared, not {self.sharing!r}")
        check_size(self.size_bytes, self.backing.page_size_bytes)
        for name, known in (
            ("content", CONTENTS),
            ("pattern", PATTERNS),
            ("afterwards", AFTERWARDS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}")
        for name in ("read", "write"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= 1):
                raise ValueError(f"{name} is a fraction from 0 to 1, not {value:g}")
        for name, least in (("threads", 1), ("repeats", 2)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} is a whole number from {least}, not {value!r}")
        if not self.read and not self.write:
            raise ValueError("a program that reads and writes nothing needs no memory: set one")
        self._check_content()

    def _check_content(self) -> None:
        backing = self.backing
        if self.content == "cold" and not backing.on_disk:
            raise ValueError("only a file on disk can be cold: choose backing file")
        if self.content != "hole" and not backing.has_file:
            raise ValueError("anonymous memory has no file: its content is hole")
        if backing.is_hugetlb and self.content != "hole":
            raise ValueError("files of huge pages cannot be written: their content is hole")
        if self.afterwards == "evict" and not backing.on_disk:
            raise ValueError("only a file on disk can be evicted: choose backing file")
        if self.content == "as-is" and self.existing_file is None:
            raise ValueError("content as-is is that of a file of your own: name it")
        if self.existing_file is not None:
            if self.write:
                raise ValueError(
                    "your own file is never written: set write to 0, or review a file of the "
                    "kit's own with content like it"
                )
            if self.content not in OWN_CONTENTS:
                raise ValueError(f"your own file has content {' or '.join(OWN_CONTENTS)}")
            if self.afterwards == "sync":
                raise ValueError("your own file is not synced: nothing here makes it dirty")

    @classmethod
    def of_file(cls, path: str | os.PathLike[str], **other: Any) -> Workload:
        """The case of a file of one's own: its size, rounded up to whole pages, for reading.

        OSError if it cannot be opened for reading, ValueError if it is empty or no regular file.
        """
        where = os.path.abspath(path)
        with open(where, "rb") as file:
            size = os.fstat(file.fileno()).st_size
        if not os.path.isfile(where) or not size:
            raise ValueError(f"{where} is empty or no regular file: name one with data")
        pages = -(-size // PAGE_SIZE_BYTES)
        words: dict[str, Any] = {"content": "as-is", "size_bytes": pages * PAGE_SIZE_BYTES}
        words |= other
        return cls(Backing.file(os.path.dirname(where)), existing_file=where, **words)

    @property
    def pages(self) -> int:
        """How many pages the range has, of the backing's page size."""
        return self.size_bytes // self.backing.page_size_bytes

    def why_not(self) -> host.Unavailable | None:
        """What stops this case on this host, and the command that helps; None if nothing does."""
        if self.existing_file is not None:  # its pages are only read, and the cache gives way
            return features.populate("MADV_POPULATE_READ")
        data = self.content in ("large-chunks", "small-chunks", "cold")
        return host.why_not(
            backing=self.backing,
            sharing=self.sharing,
            method="POPULATE_WRITE",
            size_bytes=self.size_bytes,
            start="cached" if data else "empty",
            threads=self.threads,
        )

    def as_dict(self) -> dict[str, Any]:
        """A JSON object that :meth:`from_dict` takes back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Workload:
        """The case that :meth:`as_dict` wrote."""
        return cls(**(data | {"backing": Backing(**data["backing"])}))
