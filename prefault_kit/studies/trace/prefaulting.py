"""Bring the pages of files that a program touched last time into the page cache, in runs.

A file is opened for reading alone, and held against what it was when the trace ended. Other memory
of the trace is the program's own, and cannot be prefaulted from outside.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError
from prefault_kit.measure.trace import WINDOW_BYTES, FileState, Trace
from prefault_kit.memory.budget import Budget
from prefault_kit.memory.file_part import FilePart, Identity, open_regular
from prefault_kit.memory.prefault import prefault_within
from prefault_kit.memory.residency import residency

AHEAD_BYTES = 64 << 20
"""So much of a file is asked for before it is waited for, which keeps the disk busy."""


@dataclass(frozen=True)
class FilePlan:
    """What is to be brought of one file."""

    path: str
    touched_bytes: int
    """The pages that faulted."""
    size_bytes: int
    """With their windows, in whole pages."""
    parts: tuple[FilePart, ...]
    """The runs, ascending; none of a file that is skipped."""
    changed: str | None
    """In which way it is not the file of the trace any more, or why it is skipped."""


@dataclass(frozen=True)
class Brought:
    """What came of one file, in bytes; None for what this kernel does not tell this user."""

    path: str
    touched_bytes: int
    size_bytes: int
    runs: int
    done_bytes: int
    """Asked for; less than the size at the end of a budget, and 0 where nothing was to be done."""
    there_before_bytes: int | None
    there_after_bytes: int | None
    major_faults: int
    elapsed_ms: float
    note: str | None
    """What changed since, or why nothing was done."""

    @property
    def brought_bytes(self) -> int | None:
        """What the page cache has more of these pages."""
        if self.there_before_bytes is None or self.there_after_bytes is None:
            return None
        return self.there_after_bytes - self.there_before_bytes

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self) | {"brought_bytes": self.brought_bytes}


def plans(trace: Trace, around_bytes: int = WINDOW_BYTES) -> list[FilePlan]:
    """What a trace has of each file, those with the most faults first."""
    touched: dict[str, int] = {}
    states: dict[str, FileState | None] = {}
    pages = {each.index: each.pages for each in trace.use}
    for index, mapping in trace.files():
        touched[mapping.name] = touched.get(mapping.name, 0) + pages[index] * trace.page_size_bytes
        states[mapping.name] = states.get(mapping.name) or mapping.file
    return [_plan(trace, path, size, states[path], around_bytes) for path, size in touched.items()]


def _plan(
    trace: Trace, path: str, touched: int, state: FileState | None, around_bytes: int
) -> FilePlan:
    if state is None:
        return _skipped(path, touched, "it was gone, or another one, when the trace ended: skipped")
    try:
        fd = open_regular(path)
    except OSError as error:
        return _skipped(path, touched, f"{(error.strerror or str(error)).lower()}: skipped")
    try:
        now, identity = os.fstat(fd), Identity.of(fd)
    finally:
        os.close(fd)
    changes = [
        name
        for name, was, found in (
            ("size", state.size_bytes, now.st_size),
            ("time of modification", state.mtime_ns, now.st_mtime_ns),
            ("inode", state.inode, now.st_ino),
        )
        if was != found
    ]
    parts = tuple(
        FilePart(path, offset, min(length, now.st_size - offset), identity)
        for offset, length in trace.runs(path, around_bytes)
        if offset < now.st_size
    )
    size = sum(-(-each.size_bytes // PAGE_SIZE_BYTES) for each in parts) * PAGE_SIZE_BYTES
    changed = f"it has changed since ({', '.join(changes)}): its pages may be others"
    return FilePlan(path, touched, size, parts, changed if changes else None)


def _skipped(path: str, touched: int, why: str) -> FilePlan:
    return FilePlan(path, touched, 0, (), why)


def look(plan: FilePlan) -> Brought:
    """What would be brought of a file, and what of it is there already; reads nothing."""
    cached: int | None = 0
    for part in plan.parts:
        there = residency(part).cached
        cached = None if there is None or cached is None else cached + there
    before = None if cached is None else cached * PAGE_SIZE_BYTES
    return _brought(plan, 0, before, before, 0, 0.0)


def bring(
    plan: FilePlan,
    budget: Budget | None = None,
    *,
    threads: int | None = None,
    touch: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Brought:
    """Bring what is planned of a file; PrefaultError names a page that cannot be read.

    A file that is truncated or replaced meanwhile is an OSError (ESTALE), too.
    """
    done, major, elapsed = 0, 0, 0.0
    before = look(plan).there_before_bytes  # until the disk is asked for more than a run
    advised = 0
    for at, part in enumerate(plan.parts):
        if budget is None and advised <= at:
            advised = _ask(plan.parts, at)
        try:
            found = prefault_within(budget, part, threads=threads, touch=touch)
        except PrefaultError as error:
            page = error.page + part.offset_bytes // PAGE_SIZE_BYTES
            raise OSError(error.errno, f"page {page} of it cannot be read", plan.path) from None
        done += found.done_bytes
        major += found.major_faults
        elapsed += found.elapsed_ms
        if on_progress:
            on_progress(done)
        if not found.complete:
            break
    after = look(plan).there_before_bytes
    return _brought(plan, done, before, after, major, elapsed)


def _ask(parts: Sequence[FilePart], first: int) -> int:
    """Ask the kernel to begin with the next runs, and wait for none; the first that was not asked
    for."""
    size = 0
    with parts[first].opened() as fd:
        for at in range(first, len(parts)):
            part = parts[at]
            size += part.size_bytes
            if at > first and size > AHEAD_BYTES:
                return at
            try:
                os.posix_fadvise(fd, part.offset_bytes, part.size_bytes, os.POSIX_FADV_WILLNEED)
            except OSError as error:  # a file system that has none of it
                if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                    raise
    return len(parts)


def _brought(
    plan: FilePlan, done: int, before: int | None, after: int | None, major: int, elapsed: float
) -> Brought:
    return Brought(
        plan.path,
        plan.touched_bytes,
        plan.size_bytes,
        len(plan.parts),
        done,
        before,
        after,
        major,
        elapsed,
        plan.changed,
    )
