"""The ways to prepare memory for a program that must not wait, and what may undo them, as data."""

from __future__ import annotations

from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

TOUCHED = "touched before"
"""The control: no way is quicker."""
WAYS: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "POPULATE_READ": ("populate_read",),
    "POPULATE_WRITE": ("populate_write",),
    "MLOCK": ("mlock",),
    "MLOCK_ONFAULT": ("mlock_on_fault",),
    "MLOCK_ONFAULT+POPULATE_WRITE": ("mlock_on_fault", "populate_write"),
    TOUCHED: ("touch_write",),
}
"""A way and its steps, which are operations of :class:`~prefault_kit.Mapping`."""

MEMORY: dict[str, str] = {"anon": "private", "memfd": "shared", "file": "shared"}
"""Kinds of memory, and how each is mapped."""

FORK = "fork"
EVENTS: dict[str, str] = {
    "nothing": "nothing happens",
    FORK: "the program forks, and the child lives on",
    "sync": "the file is synced (msync and fsync)",
    "reclaim": "the kernel is asked to take the pages away (MADV_PAGEOUT)",
    "collapse": "small pages are made huge, as khugepaged does (MADV_COLLAPSE)",
}
"""What happens in the midst of a watch."""


def event_problem(event: str, backing: Backing) -> str | None:
    """Why an event makes no sense for a kind of memory, or None."""
    if event == "sync" and not backing.on_disk:
        return "only a file on disk is written back: choose file"
    if event == "collapse" and backing.on_disk:
        return (
            "MADV_COLLAPSE makes huge pages of memory, not of files that are written: choose anon"
        )
    return None


def happen(event: str, memory: Mapping) -> None:
    """Let an event happen to one mapping (a fork happens to all); OSError where it is refused."""
    if event == "sync":
        memory.sync()
    elif event == "reclaim":
        memory.advise("MADV_PAGEOUT")
    elif event == "collapse":
        memory.advise("MADV_HUGEPAGE")
        memory.advise("MADV_COLLAPSE")
