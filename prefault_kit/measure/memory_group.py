"""A memory cgroup of its own for child processes, version 1 or 2, removed afterwards."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prefault_kit.host import Unavailable
from prefault_kit.kernel import cgroup

LIMITS = ("memory.max", "memory.limit_in_bytes")
"""The file of the limit, in version 2 and in version 1."""
NO_SWAP = "memory.swap.max"
PREFIX = "prefault-kit-"
"""Of a name, before the process that made it."""
_numbers = itertools.count()


class NoGroup(OSError):
    """This user may not make such a cgroup: ``missing`` says why, and what would help."""

    def __init__(self, missing: Unavailable) -> None:
        super().__init__(errno.EACCES, str(missing))
        self.missing = missing


@contextmanager
def limited(limit_bytes: int) -> Iterator[Callable[[], None]]:
    """Make a memory cgroup below this process's own; yields what a child calls to enter it.

    NoGroup where this user may not make one.
    """
    group = _make()
    try:
        limit = next((group / name for name in LIMITS if (group / name).exists()), None)
        if limit is None:
            raise NoGroup(
                Unavailable("the memory controller is not enabled for cgroups below this one")
            )
        limit.write_text(str(limit_bytes))
        if (group / NO_SWAP).exists():
            (group / NO_SWAP).write_text("0")
        yield lambda: _enter(group)
    finally:
        group.rmdir()


def why_not() -> Unavailable | None:
    """What stops this user from making one, found out by making one; None if nothing does."""
    try:
        with limited(1 << 30):
            return None
    except NoGroup as lacking:
        return lacking.missing


def _make() -> Path:
    levels = cgroup.own_directories("memory")
    for _version, level in levels:
        if os.access(level, os.W_OK):
            _remove_left(level)
            group = level / f"{PREFIX}{os.getpid()}-{next(_numbers)}"
            try:
                group.mkdir()
            except OSError:
                continue
            return group
    raise NoGroup(
        Unavailable(
            "this user may not make a memory cgroup",
            "systemd-run --user --scope -p Delegate=yes prefault-kit check",
        )
    )


def _remove_left(level: Path) -> None:
    """Remove what a process that was killed has left."""
    for left in level.glob(f"{PREFIX}*"):
        maker = left.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", maker).exists():
            with contextlib.suppress(OSError):  # EBUSY: a child that is still ending
                left.rmdir()


def _enter(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))
