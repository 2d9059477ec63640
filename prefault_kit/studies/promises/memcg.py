"""A memory cgroup of its own for a child process, version 1 or 2, removed afterwards."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prefault_kit.host import Unavailable
from prefault_kit.kernel import cgroup
from prefault_kit.studies.promises.promise import NotTestable

LIMITS = ("memory.max", "memory.limit_in_bytes")
"""The file of the limit, in version 2 and in version 1."""
NO_SWAP = "memory.swap.max"
PREFIX = "prefault-kit-"


@contextmanager
def limited(limit_bytes: int) -> Iterator[Callable[[], None]]:
    """Make a memory cgroup below this process's own; yields what a child calls to enter it.

    NotTestable where this user may not make one.
    """
    group = _make()
    try:
        limit = next((group / name for name in LIMITS if (group / name).exists()), None)
        if limit is None:
            raise NotTestable(
                Unavailable("the memory controller is not enabled for cgroups below this one")
            )
        limit.write_text(str(limit_bytes))
        if (group / NO_SWAP).exists():
            (group / NO_SWAP).write_text("0")
        yield lambda: _enter(group)
    finally:
        group.rmdir()


def _make() -> Path:
    levels = cgroup.own_directories("memory")
    for _version, level in levels:
        if os.access(level, os.W_OK):
            group = level / f"{PREFIX}{os.getpid()}"
            try:
                for left in level.glob(f"{PREFIX}*"):  # by a check that was killed
                    with contextlib.suppress(OSError):  # EBUSY: another check is at work
                        left.rmdir()
                group.mkdir()
            except OSError:
                continue
            return group
    raise NotTestable(
        Unavailable(
            "this user may not make a memory cgroup",
            "systemd-run --user --scope -p Delegate=yes prefault-kit check",
        )
    )


def _enter(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))
