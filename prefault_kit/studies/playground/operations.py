"""What can be done to pages: how the kit does it, and the line of Python and of C that does it.

To add an operation, add a row to :data:`OPERATIONS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefault_kit.host import Unavailable, features, thp
from prefault_kit.studies.playground.ground import PARENT, Ground, Step

if TYPE_CHECKING:
    from prefault_kit.studies.playground.stage import Stage

PROCESS = "Process"
"""The group of what makes and ends a child."""
NO_FILE = Unavailable("anonymous memory has no file")
Run = Callable[["Stage", int, int], Any]


def _possible(_: Ground) -> Unavailable | None:
    return None


@dataclass(frozen=True)
class Operation:
    """One operation. The lines of code name the range as ``offset`` and ``length``, in bytes."""

    name: str
    group: str
    tip: str
    run: Run
    """Do it to a range of a stage; the Work of it where it is timed."""
    python: str
    """With ``m`` as the Mapping."""
    c: str
    """With ``p`` as the address and ``fd`` as the file; it is 0, or -1 and errno."""
    why_not: Callable[[Ground], Unavailable | None] = _possible
    """Why this host, or any, cannot do it to a ground; errors that teach something are let come."""


def _advice(name: str, group: str, tip: str, **known: Any) -> Operation:
    return Operation(
        name,
        group,
        tip,
        lambda stage, *at: stage.memory.advise(name, *at),
        f'm.advise("{name}", offset, length)',
        f"madvise(p + offset, length, {name})",
        **known,
    )


def _populate(way: str, tip: str) -> Operation:
    name = f"MADV_POPULATE_{way.upper()}"
    return Operation(
        name,
        "Populate",
        tip,
        lambda stage, *at: getattr(stage.memory, f"populate_{way}")(*at),
        f"m.populate_{way}(offset, length)",
        f"madvise(p + offset, length, {name})",
        lambda _: features.populate(name),
    )


def _protect(protection: str, tip: str) -> Operation:
    flags = {"none": "PROT_NONE", "r": "PROT_READ", "rw": "PROT_READ | PROT_WRITE"}[protection]
    return Operation(
        f"mprotect {protection}",
        "Protect",
        tip,
        lambda stage, *at: stage.memory.protect(protection, *at),
        f'm.protect("{protection}", offset, length)',
        f"mprotect(p + offset, length, {flags})",
    )


def _file(name: str, tip: str, run: Run, python: str, c: str) -> Operation:
    return Operation(
        name, "File", tip, run, python, c, lambda on: None if on.backing.has_file else NO_FILE
    )


def _uffd(name: str, tip: str, on: bool) -> Operation:
    return Operation(
        name,
        "Protect",
        tip,
        lambda stage, *at: stage.write_protect(*at, on=on),
        f"userfaultfd.write_protect(uffd, *m.span(offset, length), on={on})",
        f"write_protect(p + offset, length, {int(on)})",
        lambda _: features.snapshots(),
    )


def _lockable(_: Ground) -> Unavailable | None:
    return features.mlock()


def _huge(ground: Ground) -> Unavailable | None:
    size = thp.size_bytes()
    if size is None:
        return thp.NOT_BUILT
    if ground.size_bytes < size:
        pages = size // (ground.size_bytes // ground.pages)
        return Unavailable(f"a huge page has {pages} pages: choose so many or more")
    return None


def _collapsible(ground: Ground) -> Unavailable | None:
    return _huge(ground) or features.collapse(ground.kind, ground.sharing)


def _guardable(ground: Ground) -> Unavailable | None:
    return features.guard_regions("anon" if ground.kind == "anon" else "memfd")


OPERATIONS: dict[str, Operation] = {
    each.name: each
    for each in (
        Operation(
            "read",
            "Touch",
            "Read a byte of each page",
            lambda stage, *at: stage.touch("read", *at),
            "m.touch_read(offset, length)",
            "touch_read(p + offset, length)",
        ),
        Operation(
            "write",
            "Touch",
            "Write a byte of each page",
            lambda stage, *at: stage.touch("write", *at),
            "m.touch_write(offset, length)",
            "touch_write(p + offset, length)",
        ),
        _populate("read", "Fill the page table as if each page were read"),
        _populate("write", "Fill the page table as if each page were written, and change nothing"),
        _advice("MADV_WILLNEED", "Advise", "The pages will be needed: read ahead"),
        _advice("MADV_RANDOM", "Advise", "No read-ahead"),
        _advice("MADV_NORMAL", "Advise", "Read-ahead as usual"),
        _advice("MADV_HUGEPAGE", "Advise", "Huge pages are welcome", why_not=_huge),
        _advice("MADV_NOHUGEPAGE", "Advise", "No huge pages", why_not=_huge),
        _advice("MADV_COLLAPSE", "Advise", "Make huge pages now", why_not=_collapsible),
        _advice("MADV_DONTNEED", "Give back", "Drop the pages from the page table"),
        _advice("MADV_FREE", "Give back", "The kernel may take the pages when it needs memory"),
        _advice("MADV_REMOVE", "Give back", "Free the storage too: a hole"),
        _advice("MADV_COLD", "Give back", "The first to go when memory is short"),
        _advice("MADV_PAGEOUT", "Give back", "Reclaim the pages now"),
        _file(
            "evict",
            "Write back and drop from the page cache what is not mapped",
            lambda stage, *at: stage.evict(*at),
            "os.fdatasync(m.fd) or os.posix_fadvise(m.fd, offset, length, os.POSIX_FADV_DONTNEED)",
            "(fdatasync(fd), posix_fadvise(fd, offset, length, POSIX_FADV_DONTNEED))",
        ),
        _file(
            "fallocate",
            "Reserve storage",
            lambda stage, *at: stage.memory.fallocate(*at),
            "m.fallocate(offset, length)",
            "fallocate(fd, 0, offset, length)",
        ),
        _file(
            "punch hole",
            "Free the storage",
            lambda stage, *at: stage.memory.punch_hole(*at),
            "m.punch_hole(offset, length)",
            "fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length)",
        ),
        _file(
            "truncate",
            "End the file where the range begins",
            lambda stage, offset, _: os.ftruncate(stage.memory.fd, offset),
            "os.ftruncate(m.fd, offset)",
            "ftruncate(fd, offset)",
        ),
        _file(
            "extend",
            "End the file where the range ends",
            lambda stage, offset, length: os.ftruncate(stage.memory.fd, offset + length),
            "os.ftruncate(m.fd, offset + length)",
            "ftruncate(fd, offset + length)",
        ),
        _file(
            "msync",
            "Write everything back",
            lambda stage, *_: stage.memory.sync(),
            "m.sync()",
            "(msync(p, SIZE, MS_SYNC) || fsync(fd) ? -1 : 0)",
        ),
        _protect("none", "No access"),
        _protect("r", "Reading alone"),
        _protect("rw", "Reading and writing"),
        _uffd("userfaultfd protect", "Write-protect, as for a snapshot", on=True),
        _uffd("userfaultfd release", "Let writes through again", on=False),
        _advice(
            "MADV_GUARD_INSTALL", "Protect", "A guard: any access is a SIGSEGV", why_not=_guardable
        ),
        _advice("MADV_GUARD_REMOVE", "Protect", "Take the guard away", why_not=_guardable),
        Operation(
            "mlock",
            "Lock",
            "Populate and keep in memory",
            lambda stage, *at: stage.memory.mlock(*at),
            "m.mlock(offset, length)",
            "mlock(p + offset, length)",
            _lockable,
        ),
        Operation(
            "mlock on fault",
            "Lock",
            "Keep in memory what comes",
            lambda stage, *at: stage.memory.mlock_on_fault(*at),
            "m.mlock_on_fault(offset, length)",
            "mlock2(p + offset, length, MLOCK_ONFAULT)",
            _lockable,
        ),
        Operation(
            "munlock",
            "Lock",
            "Let go",
            lambda stage, *at: stage.memory.munlock(*at),
            "m.munlock(offset, length)",
            "munlock(p + offset, length)",
        ),
        Operation(
            "fork",
            PROCESS,
            "A child with the same memory",
            lambda stage, *_: stage.fork(),
            "begin_child()",
            "begin_child()",
        ),
        Operation(
            "end child",
            PROCESS,
            "The child exits",
            lambda stage, *_: stage.end_child(),
            "end_child()",
            "end_child()",
        ),
    )
}
"""By name, in the order of presentation."""
GROUPS = tuple(dict.fromkeys(each.group for each in OPERATIONS.values()))


def check(step: Step, ground: Ground) -> None:
    """ValueError for a step that cannot be done to a ground."""
    if step.operation not in OPERATIONS:
        raise ValueError(f"there is no operation {step.operation!r:.80}")
    if OPERATIONS[step.operation].group == PROCESS and step.process != PARENT:
        raise ValueError(f"{step.operation} is the parent's to do")
    if step.first + step.count > ground.pages:
        last = step.first + step.count - 1
        raise ValueError(
            f"pages {step.first} to {last} are not within the {ground.pages} pages of the memory"
        )
