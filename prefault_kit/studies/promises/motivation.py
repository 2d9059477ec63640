"""What was missing before: cover letter, sections I to III."""

from __future__ import annotations

import os

from prefault_kit.kernel import timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.forked import ended
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import dirty_bit, needs
from prefault_kit.studies.promises.answer import answer
from prefault_kit.studies.promises.ground import PAGES, Ground
from prefault_kit.studies.promises.promise import promise

HALF = PAGES // 2


@promise(
    "map-populate-hides-errors",
    source="cover letter I; mmap(2)",
    claim="MAP_POPULATE does not report pages that it could not get: touching one later raises "
    "SIGBUS",
    on=dict.fromkeys(
        ("shared memfd", "shared tmpfs", "shared file"),
        f"mmap 0, {HALF} of {PAGES} present, a touch beyond them SIGBUS",
    ),
    needs=(needs.page_tables,),
)
def hides_errors(ground: Ground) -> str:
    with ground.file(HALF * PAGE_SIZE_BYTES) as fd, ground.map(fd=fd) as memory:
        said = answer(memory.map_populate)
        present = memory.pages().present
        death = ended(lambda: _unguarded(memory, HALF))
        return f"mmap {said}, {present} of {PAGES} present, a touch beyond them {death}"


def _unguarded(memory: Mapping, page: int) -> None:
    """Read a byte as any program does: where it cannot be had, the signal kills."""
    where = memory.span(page * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES)
    timed.touch_unguarded("touch_read", *where, step=PAGE_SIZE_BYTES)


@promise(
    "map-populate-only-reads",
    source="cover letter I; mm/gup.c, populate_vma_page_range",
    claim="MAP_POPULATE only read-faults shared mappings: a disk file still faults when it is "
    "written",
    on={
        "shared file": f"{PAGES} present, writing takes one fault a page",
        "shared memfd": f"{PAGES} present, writing takes 0 faults",
        "shared anon": f"{PAGES} present, writing takes 0 faults",
        "private anon": f"{PAGES} present, writing takes 0 faults",
    },
    differs=dirty_bit.differs(f"{PAGES} present, writing takes one fault a page"),
    needs=(needs.page_tables,),
)
def only_reads(ground: Ground) -> str:
    with ground.map() as memory:
        memory.map_populate()
        present = memory.pages().present
        work = memory.touch_write()
        faults = work.minor_faults + work.major_faults
        many = "one fault a page" if faults == PAGES else f"{faults} faults"
        return f"{present} present, writing takes {many}"


@promise(
    "fallocate-maps-nothing",
    source="cover letter I",
    claim="fallocate allocates storage but fills no page table: the first access to each page "
    "faults",
    on=dict.fromkeys(
        ("shared memfd", "shared tmpfs", "shared file"),
        "allocated, 0 pages present, writing takes one fault a page",
    ),
    needs=(needs.page_tables,),
)
def fallocate_maps_nothing(ground: Ground) -> str:
    with ground.map() as memory:
        memory.fallocate()
        allocated = os.fstat(memory.fd).st_blocks * 512 >= memory.size_bytes
        present = memory.pages().present
        work = memory.touch_write()
        faults = work.minor_faults + work.major_faults
        return (
            f"{'allocated' if allocated else 'not allocated'}, {present} pages present, "
            f"writing takes {'one fault a page' if faults == PAGES else f'{faults} faults'}"
        )


@promise(
    "fallocate-private-twice",
    source="cover letter I",
    claim="fallocate does not help a private mapping of a memfd: the memory is then held twice",
    on={
        "private memfd": f"{PAGES} pages of the file, {PAGES} faults, {PAGES} pages of its own",
        "private tmpfs": f"{PAGES} pages of the file, {PAGES} faults, {PAGES} pages of its own",
    },
    needs=(needs.accounting,),
)
def private_twice(ground: Ground) -> str:
    with ground.map() as memory:
        memory.fallocate()
        blocks = os.fstat(memory.fd).st_blocks * 512 // PAGE_SIZE_BYTES
        faults = memory.touch_write().minor_faults
        own = (memory.usage().anonymous or 0) // PAGE_SIZE_BYTES
        return f"{blocks} pages of the file, {faults} faults, {own} pages of its own"


@promise(
    "willneed-is-a-hint",
    source="cover letter III; madvise(2)",
    claim="MADV_WILLNEED is a hint: it maps no page, and succeeds even where no page can be had",
    on=dict.fromkeys(
        ("shared memfd", "shared tmpfs", "shared file", "private file"),
        "readable 0, forbidden 0, beyond the end 0; 0 pages present",
    ),
    needs=(needs.page_tables,),
)
def willneed(ground: Ground) -> str:
    with ground.map() as memory:
        readable = answer(memory.advise, "MADV_WILLNEED")
        present = memory.pages().present
        memory.protect("none")
        forbidden = answer(memory.advise, "MADV_WILLNEED")
        memory.protect("rw")
        os.ftruncate(memory.fd, 0)
        beyond = answer(memory.advise, "MADV_WILLNEED")
        present += memory.pages().present
    return (
        f"readable {readable}, forbidden {forbidden}, beyond the end {beyond}; "
        f"{present} pages present"
    )
