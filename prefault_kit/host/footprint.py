"""What one cell takes while it runs: memory, huge pages, space on tmpfs and on disk.

Only what cannot be had back at once counts twice or more: the parts are what the kernel allocates
for one repetition, since each repetition releases what it took. tests/host/test_needs.py holds this
against the running kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.host import thp
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.methods import Method

ENTRY_BYTES = 8
"""One page-table entry (pte_t) of every 64-bit architecture, whatever its page size."""

COPY_ON_WRITE = ("btrfs", "bcachefs", "zfs")
"""File systems that write a changed block elsewhere before they free the old one."""

WRITING_STEPS = {"touch_write", "touch_read_write", "touch_atomic", "populate_write"}
WRITING_PRIVATE_STEPS = {"map_populate", "mlock"}
"""They write-fault private writable mappings, but only read-fault shared ones (mm/gup.c)."""
UNMAPPING_STEPS = {"fallocate", "MADV_WILLNEED"}
"""They fill no page table."""


@dataclass(frozen=True)
class Needs:
    """What a cell takes, in bytes."""

    file_pages: int = 0
    """Pages of the file or of shared memory: page cache, or held in memory for good on tmpfs."""
    private_pages: int = 0
    """Pages of the mapping's own: anonymous memory, and private copies of a file's pages."""
    page_tables: int = 0
    spare: int = 0
    """What is taken whatever the size: for a moment only, or by libraries."""
    kit: int = 0
    """What the kit itself holds beside the memory that is studied: lists of accesses, times."""
    hugetlb: int = 0
    """Taken from the pool of huge pages, so not from memory."""
    tmpfs: int = 0
    disk: int = 0

    @property
    def memory(self) -> int:
        """Everything that comes out of memory."""
        studied = self.file_pages + self.private_pages + self.page_tables
        return studied + self.spare + self.kit


def page_tables(size_bytes: int) -> int:
    """What the lowest page tables of a range of small pages take, in bytes."""
    reach = PAGE_SIZE_BYTES * (PAGE_SIZE_BYTES // ENTRY_BYTES)
    return -(-size_bytes // reach) * PAGE_SIZE_BYTES


def of(
    *,
    backing: Backing,
    sharing: str,
    method: Method,
    size_bytes: int,
    start: str,
    file_system: str | None = None,
) -> Needs:
    """Say what a cell takes; ``file_system`` is the type under a file's directory, if known."""
    steps = set(method.steps)
    private = sharing == "private"
    has_data = start != "empty"
    writes = bool(steps & WRITING_STEPS or (private and steps & WRITING_PRIVATE_STEPS))
    if backing.is_hugetlb:
        # mmap reserves pages for the whole range, for a private one beside those of the file
        both = private and has_data
        return Needs(hugetlb=size_bytes * (2 if both else 1))

    maps = bool(steps - UNMAPPING_STEPS)
    filled = has_data or maps
    if backing.on_disk:
        filled = filled or "MADV_WILLNEED" in steps
    elif backing.has_file:
        filled = filled or "fallocate" in steps
    elif private:
        filled = False
    file_pages = size_bytes if filled else 0
    disk = 0
    if backing.on_disk:
        overwrites = has_data and writes and not private
        if has_data or "fallocate" in steps or (writes and not private):
            disk = size_bytes * (2 if overwrites and file_system in COPY_ON_WRITE else 1)
    return Needs(
        file_pages=file_pages,
        private_pages=size_bytes if private and writes else 0,
        page_tables=page_tables(size_bytes) if maps else 0,
        spare=(thp.size_bytes() or 0) if "MADV_COLLAPSE" in steps else 0,
        tmpfs=file_pages if backing.kind == "tmpfs" else 0,
        disk=disk,
    )
