"""Giving memory back: which call discards what, by the kind of mapping.

Sources: madvise(2), fallocate(2); cover letter, section I, on sparse mappings.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from prefault_kit.kernel import proc
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.answer import answer
from prefault_kit.studies.promises.ground import Ground
from prefault_kit.studies.promises.promise import promise

FILL = b"\xaa"
FREED, KEPT = "0, reads 00", "0, reads aa"
SHARED_FILES = ("shared memfd", "shared tmpfs", "shared file")
PRIVATE_FILES = ("private memfd", "private tmpfs", "private file")


def _discarded(ground: Ground, discard: Callable[[Mapping], object]) -> str:
    """Fill, discard, read the first byte again; of a file, whether its storage is freed."""
    with ground.map() as memory:
        for offset in range(0, memory.size_bytes, ground.page):
            memory.write(offset, FILL)
        before = _blocks(memory)
        said = answer(discard, memory)
        if said != "0":
            return said
        freed = ", storage freed" if before and not _blocks(memory) else ""
        return f"{said}, reads {memory.read(0, 1).hex()}{freed}"


def _blocks(memory: Mapping) -> int:
    if memory.fd < 0:
        return 0
    if memory.backing.on_disk:
        os.fsync(memory.fd)  # what is allocated late (delalloc) is counted then
    return os.fstat(memory.fd).st_blocks


@promise(
    "discard-dontneed",
    source="madvise(2), MADV_DONTNEED",
    claim="MADV_DONTNEED discards private memory; of a shared mapping it only drops page-table "
    "entries",
    on={
        "private anon": FREED,
        "private hugetlb": FREED,
        "shared anon": KEPT,
        "shared hugetlb": KEPT,
        **dict.fromkeys(SHARED_FILES, KEPT),
        **dict.fromkeys(PRIVATE_FILES, FREED),
    },
    needs=(needs.discard_huge,),
)
def dontneed(ground: Ground) -> str:
    return _discarded(ground, lambda memory: memory.advise("MADV_DONTNEED"))


@promise(
    "discard-remove",
    source="madvise(2), MADV_REMOVE",
    claim="MADV_REMOVE frees the storage of shared mappings and is refused on private ones",
    on={
        "private anon": "EINVAL",
        "shared anon": FREED,
        "shared hugetlb": FREED,
        **dict.fromkeys(SHARED_FILES, f"{FREED}, storage freed"),
        **dict.fromkeys(PRIVATE_FILES, "EACCES"),
    },
    needs=(),
)
def remove(ground: Ground) -> str:
    return _discarded(ground, lambda memory: memory.advise("MADV_REMOVE"))


@promise(
    "discard-punch-hole",
    source="fallocate(2), FALLOC_FL_PUNCH_HOLE",
    claim="punching a hole into the file frees its storage; private copies of its pages stay",
    on={
        **dict.fromkeys(SHARED_FILES, f"{FREED}, storage freed"),
        "private memfd": f"{KEPT}, storage freed",
        "private tmpfs": f"{KEPT}, storage freed",
        "private file": KEPT,
    },
    needs=(),
)
def punch_hole(ground: Ground) -> str:
    return _discarded(ground, Mapping.punch_hole)


@promise(
    "discard-free",
    source="madvise(2), MADV_FREE",
    claim="MADV_FREE lets the kernel take private anonymous memory when memory is short, and is "
    "refused on any other",
    on={
        "private anon": "0, reads aa or 00",
        "shared anon": "EINVAL",
        "private hugetlb": "EINVAL",
        **dict.fromkeys(SHARED_FILES, "EINVAL"),
        **dict.fromkeys(PRIVATE_FILES, "EINVAL"),
    },
    needs=(),
)
def free(ground: Ground) -> str:
    said = _discarded(ground, lambda memory: memory.advise("MADV_FREE"))
    return "0, reads aa or 00" if said in (FREED, KEPT) else said


@promise(
    "discard-populate-again",
    source="cover letter I",
    claim="discarded memory can be populated again, and reads as zeros",
    on=dict.fromkeys(
        ("private anon", "shared memfd", "shared tmpfs", "shared file", "private hugetlb"),
        "discarded 0 present, populated all, reads 00",
    ),
    needs=(needs.populate, needs.page_tables, needs.discard_huge),
)
def populate_again(ground: Ground) -> str:
    with ground.map() as memory:
        memory.write(0, FILL)
        memory.populate_write()
        full = memory.pages().present
        if ground.sharing == "private":
            memory.advise("MADV_DONTNEED")
        else:
            memory.punch_hole()
        discarded = memory.pages().present
        memory.populate_write()
        again = "all" if memory.pages().present == full else f"{memory.pages().present}"
        first = memory.read(0, 1).hex()
        return f"discarded {discarded} present, populated {again}, reads {first}"


TABLES = 16
TABLE_BYTES = PAGE_SIZE_BYTES * PAGE_SIZE_BYTES // 8
"""What a page full of entries maps; where a page table has fewer, it maps a part of that."""
RECLAIMED = "6375e95f381e"


@promise(
    "discard-page-tables",
    source=f"Linux, commit {RECLAIMED}: reclaim empty PTE page in madvise(MADV_DONTNEED)",
    claim="page tables that populating has made, and that MADV_DONTNEED empties, are given back",
    on={"private anon": "populating makes page tables, discarding gives them back"},
    differs={
        "populating makes page tables, discarding keeps them": "before Linux 6.14 (commit "
        f"{RECLAIMED}), and where a kernel is built without CONFIG_PT_RECLAIM, they stay until the "
        "memory is unmapped"
    },
    needs=(needs.populate, needs.page_tables),
)
def page_tables(ground: Ground) -> str:
    size = TABLES * TABLE_BYTES
    # gigabytes of addresses on pages of 64 KiB: for reading alone, none is counted as committed
    with ground.map((size + TABLE_BYTES) // ground.page, writable=False) as memory:
        where = -memory.address % TABLE_BYTES, size
        before = proc.status_bytes("VmPTE")
        memory.populate_read(*where)
        made = proc.status_bytes("VmPTE") - before
        populated = memory.pages().present
        full = proc.status_bytes("VmPTE")
        memory.advise("MADV_DONTNEED", *where)
        left = made - (full - proc.status_bytes("VmPTE"))
        present = memory.pages().present
    pages = size // PAGE_SIZE_BYTES
    if populated != pages:
        return f"{populated} of {pages} pages present"
    if made < TABLES * PAGE_SIZE_BYTES * 3 // 4 or present:  # it may have freed one of its own
        return f"populating makes {made} bytes of page tables, discarding leaves {present} pages"
    if left <= made // 4:  # this process may have made one for itself meanwhile
        return "populating makes page tables, discarding gives them back"
    if left >= made * 3 // 4:
        return "populating makes page tables, discarding keeps them"
    return f"populating makes page tables, discarding leaves {left} of {made} bytes"
