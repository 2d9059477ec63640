"""What a run of the lab is about: a file of weights, how much of it is used, and where it lies."""

from __future__ import annotations

import os
from dataclasses import dataclass

from prefault_kit.kernel.errors import MOST_THREADS
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.limits import check_whole_number
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.memory.slow_file import MOST_DEPTH, MOST_WAIT_US

STARTS = ("cold", "warm")
"""On disk and nowhere else; all of it in the page cache."""
MOST_BYTES = 1 << 40
MOST_TENSORS = 100_000
LEAST_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True)
class Plan:
    """A file, and what is done with it in each way.

    >>> Plan(size_bytes=64 << 20, limit_bytes=32 << 20).situation
    'cold, 32 MiB of memory'
    """

    size_bytes: int = 16 << 20
    """Of a made file, in whole pages; of a file at ``path`` its own, whatever this says."""
    tensors: int = 64
    """Of a made file; a file at ``path`` has its own."""
    used: float = 1.0
    """The part of the tensors that is used, 0 to 1, at least one: spread evenly over the file."""
    start: str = "cold"
    limit_bytes: int | None = None
    """The limit of a memory cgroup of its own that the program runs in."""
    wait_us: int = 0
    """If not 0: slow storage, where each read of 128 KiB waits so long."""
    depth: int = 4
    """How many reads the slow storage answers side by side."""
    window_bytes: int = 4 << 20
    threads: int = 2
    second: bool = True
    """Whether a second process loads the same beside the first."""
    path: str | None = None
    """A safetensors or GGUF file of one's own: read, and evicted from the page cache for
    a cold start; never written."""
    directory: str = "."
    """Where a file is made, without a name."""

    def __post_init__(self) -> None:
        page = PAGE_SIZE_BYTES
        for name, least, most in (
            ("size_bytes", page, MOST_BYTES),
            ("tensors", 1, MOST_TENSORS),
            ("wait_us", 0, MOST_WAIT_US),
            ("depth", 1, MOST_DEPTH),
            ("window_bytes", page, MOST_BYTES),
            ("threads", 1, MOST_THREADS),
        ):
            check_whole_number(name, getattr(self, name), least, most)
        for name in ("size_bytes", "window_bytes"):
            if getattr(self, name) % page:
                raise ValueError(f"{name} is a multiple of the page size, {page} bytes")
        if not isinstance(self.used, int | float) or not 0 < self.used <= 1:
            raise ValueError(
                f"used is a part of the tensors, above 0 and up to 1, not {self.used!r}"
            )
        if self.start not in STARTS:
            raise ValueError(f"start is {' or '.join(STARTS)}, not {self.start!r}")
        if self.limit_bytes is not None:
            check_whole_number("limit_bytes", self.limit_bytes, LEAST_LIMIT_BYTES, MOST_BYTES)
        if self.wait_us and self.path is not None:
            raise ValueError("slow storage is a file of zeros: leave the path out, or wait_us")
        if self.path is not None and not os.path.isfile(self.path):
            raise ValueError(f"{self.path} is not a regular file: give the path of a weights file")

    @property
    def situation(self) -> str:
        """The situation in words."""
        words = [self.start]
        if self.limit_bytes is not None:
            words.append(f"{format_bytes(self.limit_bytes)} of memory")
        if self.wait_us:
            words.append(f"{self.wait_us:,} us a read")
        if self.used < 1:
            words.append(f"{100 * self.used:.3g}% used")
        return ", ".join(words)

    @property
    def file(self) -> tuple[object, ...]:
        """What the file is by: plans for which it is equal share one."""
        return (self.size_bytes, self.tensors, self.wait_us, self.depth, self.path, self.directory)
