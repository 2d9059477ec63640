"""What a reviewer describes: the memory, what it holds, and what the program then does with it."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from typing import Any

from prefault_kit import host
from prefault_kit.host import features, footprint, space
from prefault_kit.kernel.errors import MOST_THREADS
from prefault_kit.measure import trace_file
from prefault_kit.measure.limits import MOST_REPEATS, check_whole_number
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import SHARINGS
from prefault_kit.memory.sizes import check_size, format_bytes
from prefault_kit.studies.review import accesses, own_file, replay
from prefault_kit.studies.review.replay import Replay

CONTENTS = {
    "hole": "nothing: a file that is one hole, or untouched memory",
    "fallocated": "blocks from fallocate(2), and no data",
    "large-chunks": "data written 1 MiB at a time, clean and in the page cache",
    "small-chunks": "data written a page at a time, clean and in the page cache",
    "cold": "data on disk, not in the page cache",
    "as-is": "your own file, as it is",
}
"""What the file holds before each repetition."""
OWN_CONTENTS = ("as-is", "cold")
"""Those of a file of the reviewer's own, which is never written."""
PATTERNS = {
    "sequential": "pages spread evenly over the range, in ascending order",
    "random": "random pages in random order, each once",
    "hotspot": "nine accesses in ten go to one tenth of the pages, so many are met again",
}
REPLAYED = "trace"
ORDERS = PATTERNS | {REPLAYED: "the pages of a trace, in the order in which they faulted"}
"""The patterns that can be asked for, and the one of a trace."""
AFTERWARDS = {
    "nothing": "the program goes on",
    "sync": "msync(MS_SYNC) and fsync",
    "evict": "sync, eviction from the page cache, then the pages that were read are read again",
}
OPTIONS = ("sharing", "content", "read", "write", "pattern", "afterwards", "threads", "repeats")
"""Fields of a workload that are options of the command by the same name."""
OF_THE_TRACE = ("size_bytes", "read", "write", "pattern")
"""Fields that a trace settles."""
LIBRARIES_BYTES = 96 << 20
"""What Python, NumPy and SciPy take in the worker and beside it, whatever the size."""


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
    replay: Replay | None = None
    """The accesses of a trace; the pattern is :data:`REPLAYED` then, and ``read`` and ``write`` say
    how many pages those are."""

    def __post_init__(self) -> None:
        if self.sharing not in SHARINGS:
            raise ValueError(f"sharing is private or shared, not {self.sharing!r}")
        check_size(self.size_bytes, self.backing.page_size_bytes)
        for name, known in (
            ("content", CONTENTS),
            ("pattern", PATTERNS if self.replay is None else (REPLAYED,)),
            ("afterwards", AFTERWARDS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} is one of {', '.join(known)}, not {getattr(self, name)!r}"
                )
        for name in ("read", "write"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= 1):
                raise ValueError(f"{name} is a fraction from 0 to 1, not {value:g}")
        check_whole_number("threads", self.threads, 1, MOST_THREADS)
        check_whole_number("repeats", self.repeats, 2, MOST_REPEATS)
        if self.pages > accesses.MOST_PAGES:
            most = format_bytes(accesses.MOST_PAGES * self.backing.page_size_bytes)
            page = format_bytes(self.backing.page_size_bytes)
            raise ValueError(f"a review covers at most {most} in pages of {page}")
        if not self.read and not self.write:
            raise ValueError(
                "a program that neither reads nor writes needs no memory: set read or write"
            )
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
            raise ValueError("content as-is means a file of your own: name that file")
        if self.existing_file is not None:
            if self.write:
                raise ValueError(
                    "your own file is never written: set write to 0, or choose a file of the kit's "
                    "own with similar content"
                )
            if self.content not in OWN_CONTENTS:
                raise ValueError(f"your own file has content {' or '.join(OWN_CONTENTS)}")
            if self.afterwards == "sync":
                raise ValueError("your own file is not synced, since nothing here makes it dirty")

    @classmethod
    def of_file(cls, path: str | os.PathLike[str], **other: Any) -> Workload:
        """The case of a file of one's own, for reading: all of it, rounded up to whole pages.

        Of a file of more than 4 GiB the first 4 GiB, unless ``size_bytes`` asks for another part.
        OSError if it cannot be opened for reading or is no regular file, ValueError if it is empty
        or smaller than ``size_bytes``.
        """
        where = os.path.abspath(path)
        other["size_bytes"] = own_file.reviewed_bytes(where, other.get("size_bytes"))
        backing = Backing.file(os.path.dirname(where))
        return cls(backing, existing_file=where, **({"content": "as-is"} | other))

    @classmethod
    def of_trace(
        cls,
        path: str | os.PathLike[str],
        mapping: int | None = None,
        backing: Backing | None = None,
        **other: Any,
    ) -> Workload:
        """The case of a program that was traced: its accesses to one of its mappings.

        ``mapping`` is its number among those with the most faults, from 1; without it the first
        that can be replayed. Size, sharing, kind of memory, and what is read and written are the
        trace's, unless ``backing`` or ``other`` say otherwise; a file has data. ValueError for what
        is no trace, or has no such mapping; OSError.
        """
        where = os.path.abspath(path)
        found = replay.case(trace_file.load(where), where, mapping, backing)
        return cls(**(found | {"pattern": REPLAYED} | other))

    @property
    def pages(self) -> int:
        """How many pages the range has, of the backing's page size."""
        return self.size_bytes // self.backing.page_size_bytes

    @property
    def most_written(self) -> float:
        """The largest written fraction that a review tries: all pages, unless none may be."""
        if self.replay is not None:
            return self.write
        return 0.0 if self.existing_file is not None else 1.0

    def why_not(self) -> host.Unavailable | None:
        """What stops this case on this host, and the command that helps; None if nothing does."""
        kit_bytes = accesses.memory_bytes(self.pages, read=self.read, write=self.most_written)
        if self.replay is not None:  # a page may be met any number of times
            kit_bytes += accesses.ACCESS_BYTES * self.replay.accesses + self.replay.memory_bytes()
        if self.existing_file is not None:
            # its pages are only read, and the page cache gives way; page tables do not
            taken = footprint.Needs(
                page_tables=footprint.page_tables(self.size_bytes),
                spare=LIBRARIES_BYTES,
                kit=kit_bytes,
            )
            page_size_bytes = self.backing.page_size_bytes
            return features.populate("MADV_POPULATE_READ") or space.check_memory(
                taken, size_bytes=self.size_bytes, page_size_bytes=page_size_bytes
            )
        data = self.content in ("large-chunks", "small-chunks", "cold")
        return host.why_not(
            backing=self.backing,
            sharing=self.sharing,
            method="POPULATE_WRITE",
            size_bytes=self.size_bytes,
            start="cached" if data else "empty",
            threads=self.threads,
            kit_bytes=kit_bytes,
            libraries_bytes=LIBRARIES_BYTES,
        )

    def as_dict(self) -> dict[str, Any]:
        """A JSON object that :meth:`from_dict` takes back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Workload:
        """The case that :meth:`as_dict` wrote."""
        known = data | {"backing": Backing(**data["backing"])}
        if known.get("replay") is not None:
            known["replay"] = Replay(**known["replay"])
        return cls(**known)
