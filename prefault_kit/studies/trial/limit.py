"""A memory cgroup for a program, made for a run and removed after it; root's alone."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import cgroup
from prefault_kit.memory.sizes import format_bytes

LEAST_BYTES = 4 << 20
"""Below this hardly a program starts."""
PREFIX = "prefault-kit-"


@dataclass(frozen=True)
class MemoryLimit:
    """A cgroup with a limit."""

    directory: Path
    version: int

    def take(self, pid: int) -> None:
        """Put a process into it."""
        (self.directory / "cgroup.procs").write_text(str(pid))

    def available_bytes(self) -> int:
        """What may still be charged to it."""
        limits = cgroup.memory_limits([(self.version, self.directory)])
        return min((each.available_bytes for each in limits), default=0)


def _place() -> tuple[int, Path] | None:
    """Where a cgroup with a memory limit can be made: below this process's, or beside it."""
    for version, directory in cgroup.own_directories("memory"):
        if version == 1:
            return version, directory
        with contextlib.suppress(OSError):
            if "memory" in (directory / "cgroup.subtree_control").read_text().split():
                return version, directory
    return None


def why_not() -> Unavailable | None:
    """Why no program can be given a memory limit here; None if it can."""
    found = _place()
    if found is None:
        return Unavailable(
            "no memory cgroup can be made: no hierarchy with the memory controller is in reach",
            "sudo systemd-run --scope -p Delegate=yes prefault-kit try ...",
        )
    if not os.access(found[1], os.W_OK):
        return Unavailable(
            "to give a program a memory limit takes a cgroup, and this user may make none",
            "sudo prefault-kit try ...",
        )
    return None


@contextlib.contextmanager
def limited(limit_bytes: int) -> Iterator[MemoryLimit]:
    """A cgroup with a limit, which is removed again; OSError as the kernel says."""
    found = _place()
    assert found, "ask why_not first"
    version, above = found
    directory = above / f"{PREFIX}{secrets.token_hex(4)}"
    directory.mkdir()
    try:
        name = "memory.limit_in_bytes" if version == 1 else "memory.max"
        (directory / name).write_text(str(limit_bytes))
        yield MemoryLimit(directory, version)
    finally:
        for _ in range(100):  # what has ended is a moment on its way
            try:
                directory.rmdir()
                break
            except OSError:
                time.sleep(0.02)


def check(limit_bytes: int) -> None:
    """ValueError for a limit below which no program starts."""
    if limit_bytes < LEAST_BYTES:
        raise ValueError(
            f"a memory limit is at least {format_bytes(LEAST_BYTES)}, not {limit_bytes} bytes"
        )
