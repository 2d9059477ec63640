"""What may happen halfway through a probe, as data: to add an event, add a row and its call."""

from __future__ import annotations

from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

NO_EVENT = "nothing"
FORK = "fork"
COLLAPSE = "collapse"
EVENTS: dict[str, str] = {
    NO_EVENT: "nothing happens",
    FORK: "the program forks, and the child stays alive",
    "sync": "the file is written back (msync and fsync)",
    "reclaim": "the kernel is asked to reclaim the pages (MADV_PAGEOUT)",
    COLLAPSE: "small pages are collapsed into huge pages, as khugepaged does (MADV_COLLAPSE)",
}
"""An event and what it does."""


def event_problem(event: str, backing: Backing) -> str | None:
    """Why an event makes no sense for a kind of memory, or None."""
    if event == "sync" and not backing.on_disk:
        return "only a file on disk is written back: choose file"
    if event == COLLAPSE and backing.on_disk:
        return "MADV_COLLAPSE does not collapse files that are being written: choose anon"
    return None


def trigger(event: str, memory: Mapping) -> None:
    """Let an event happen to one mapping; OSError where the kernel refuses.

    A fork is not triggered here: it happens to all mappings at once.
    """
    if event == "sync":
        memory.sync()
    elif event == "reclaim":
        memory.advise("MADV_PAGEOUT")
    elif event == COLLAPSE:
        memory.advise("MADV_HUGEPAGE")
        memory.advise("MADV_COLLAPSE")
