"""The files of a program, brought into a start state before each run. They are only ever read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from prefault_kit.kernel import page_cache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import evict_timed
from prefault_kit.kernel.tracer import LONGEST_PATH_BYTES
from prefault_kit.memory.file_part import open_regular
from prefault_kit.studies.trial.mappings import Group

STARTS = {
    "as-it-is": "its files as the run before has left them",
    "cold": "its files evicted from the page cache",
    "cached": "its files read into the page cache",
}
"""The start states of a program, in words."""
READ_AT_ONCE_BYTES = 1 << 22


def mapped(groups: Iterable[Group]) -> list[str]:
    """The files that a program maps, by their paths, the largest mapping first.

    Among them what is not there because its path was cut: it cannot be prepared, which is told.
    """
    paths = dict.fromkeys(
        each.path for each in groups if each.kind.startswith("file") if each.path.startswith("/")
    )
    cut = LONGEST_PATH_BYTES
    return [path for path in paths if os.path.isfile(path) or len(os.fsencode(path)) >= cut]


def cached_bytes(paths: Sequence[str]) -> int | None:
    """What the page cache holds of files now; None without any, and before Linux 6.5.

    A file that cannot be opened any more counts as nothing.
    """
    total = 0
    for path in paths:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            total += page_cache.cachestat(fd).cached * PAGE_SIZE_BYTES
        except OSError:
            return None
        finally:
            os.close(fd)
    return total if paths else None


def prepare(start: str, paths: Sequence[str]) -> list[str]:
    """Bring files into a start state; those that could not be, with the reason.

    Only clean pages that nobody maps are evicted: nothing is written back for it.
    """
    if start == "as-it-is":
        return []
    lacking = []
    for path in paths:
        try:
            fd = open_regular(path)
            try:
                if start == "cold":
                    evict_timed(fd)
                else:
                    while os.read(fd, READ_AT_ONCE_BYTES):
                        pass
            finally:
                os.close(fd)
        except OSError as error:
            lacking.append(f"{path}: {(error.strerror or str(error)).lower()}")
    return lacking
