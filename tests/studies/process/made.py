"""Overviews that no process had to take: what the tests of a rule change in them."""

from __future__ import annotations

from typing import Any

from prefault_kit.kernel.address_space import Region
from prefault_kit.kernel.looking import Looking
from prefault_kit.kernel.pagemap import PageCounts
from prefault_kit.kernel.process import Stat
from prefault_kit.kernel.smaps import Usage
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.process import FileState, Overview, ProcessMapping

ADDRESS = 1 << 40
KNOWN = {"rss": 0, "shared_dirty": 0, "private_dirty": 0, "anonymous": 0, "locked": 0}


def mapping(
    pages: int,
    *,
    address: int = ADDRESS,
    permissions: str = "rw-p",
    name: str = "",
    flags: str = "",
    present: int = 0,
    cached: int | None = None,
    dirty: int | None = 0,
    fate: str = "there",
    counts: dict[str, int] | None = None,
    usage: dict[str, int] | None = None,
    **known: Any,
) -> ProcessMapping:
    """A mapping of so many pages, of a file if it has a name."""
    found = {"present": present, "zero": 0, "huge": 0, "swapped": 0, "file": 0} | (counts or {})
    return ProcessMapping(
        Region(address, pages * PAGE, permissions, 0, (8, 1), 17 if name else 0, name),
        Usage(**(KNOWN | (usage or {})), vm_flags=tuple(flags.split())),
        PageCounts(**found),
        known.get("page_size_bytes", PAGE),
        known.get("thp_eligible"),
        FileState(cached, dirty, 0, pages * PAGE, fate) if name else None,
        None,
    )


def overview(
    *mappings: ProcessMapping,
    status: dict[str, str] | None = None,
    minor: int = 0,
    major: int = 0,
    taken_s: float = 0,
    **known: Any,
) -> Overview:
    """Of one process, at a moment."""
    return Overview(
        pid=known.get("pid", 7),
        asked_pid=known.get("asked_pid", 7),
        start_ticks=known.get("start_ticks", 1),
        stat=Stat(known.get("command", "made"), "S", minor, major, 1, 1, False),
        command_line=known.get("command_line", "made --up"),
        status=status or {},
        memlock_bytes=known.get("memlock_bytes"),
        mappings=mappings,
        missing=known.get("missing", ()),
        looking=Looking(3, 3_000_000, 2_000_000),
        taken_ns=int(taken_s * 1e9),
        elapsed_ms=5.0,
    )
