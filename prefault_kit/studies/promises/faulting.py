"""What a page fault is: when one is taken, and how many pages it brings."""

from __future__ import annotations

import os
from collections.abc import Callable

from prefault_kit.kernel import page_cache
from prefault_kit.kernel.timed import Work
from prefault_kit.measure import contention
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.ground import HUGE_PAGES, PAGES, Ground
from prefault_kit.studies.promises.promise import promise

EACH = {"private anon": PAGES, "shared anon": PAGES, "private hugetlb": HUGE_PAGES}

SHARED_TWICE = (
    "before Linux 6.0 (commit d92725256b4f) the first write to a page of shared memory was faulted "
    "twice, and counted as major"
)
UNCOUNTED = "0 faults populating, 0 touching, where touching alone takes {count}"
RETRIED = "cold: some major faults touching, 0 populating; cached: 0"
STAYS = "the file stays in the page cache"


@promise(
    "fault-first-touch",
    source="Linux documentation, admin-guide/mm/concepts.rst",
    claim="mmap maps no page; the first touch of a page takes one fault, and a second touch none",
    on={
        kind: f"0 pages after mmap; {count} faults for {count} pages, then 0"
        for kind, count in EACH.items()
    },
    differs={
        f"0 pages after mmap; 0 faults for {PAGES} pages, then 0; {PAGES} major": SHARED_TWICE
    },
    needs=(needs.page_tables,),
)
def first_touch(ground: Ground) -> str:
    with ground.map() as memory:
        fresh = memory.pages().present
        first = memory.touch_write()
        second = memory.touch_write().minor_faults
    pages = ground.size_bytes // ground.page
    found = f"{first.minor_faults} faults for {pages} pages, then {second}"
    major = f"; {first.major_faults} major" if first.major_faults else ""
    return f"{fresh} pages after mmap; {found}{major}"


@promise(
    "fault-populate-counts",
    source="getrusage(2)",
    claim="populating takes the faults in advance: ru_minflt counts as many as touching would take",
    on={kind: f"{count} faults populating, 0 touching" for kind, count in EACH.items()},
    differs={
        UNCOUNTED.format(count=EACH["private hugetlb"]): "before Linux 6.6 (commit 4849807114b8) "
        "populating took huge pages on a way of their own, past the accounting of faults"
    },
)
def populate_counts(ground: Ground) -> str:
    with ground.map() as memory:
        populating = memory.populate_write().minor_faults
        touching = memory.touch_write().minor_faults
    if not populating and not touching:
        with ground.map() as memory:
            return UNCOUNTED.format(count=memory.touch_write().minor_faults)
    return f"{populating} faults populating, {touching} touching"


@promise(
    "fault-around",
    source="Linux documentation, admin-guide/mm/concepts.rst; mm/memory.c, fault_around_bytes",
    claim="a read fault in a file also maps the pages around it that are in the page cache",
    on={
        "shared memfd": "1 fault, more than 1 page",
        "private memfd": "1 fault, more than 1 page",
    },
    needs=(needs.page_tables, needs.fault_around),
)
def around(ground: Ground) -> str:
    with ground.file() as fd, ground.map(fd=fd) as memory:
        os.pwrite(fd, bytes(ground.size_bytes), 0)
        # the first pages may be the last of a page table, beyond which nothing is mapped
        second = needs.FAULT_AROUND_BYTES
        faults = memory.touch_read(second, ground.page).minor_faults
        present = memory.pages().present
    return f"{faults} fault, {'more than 1 page' if present > 1 else f'{present} page'}"


@promise(
    "fault-major",
    source="getrusage(2)",
    claim="a fault that waits for the disk is a major one; with the data in memory every fault is "
    "minor",
    on={
        "shared file": "cold: some major faults; cached: 0",
        "private file": "cold: some major faults; cached: 0",
    },
    differs={
        RETRIED: "before Linux 6.9 and 6.6.30 (commit 631426ba1d45) populating began a fault anew "
        "once the page had been read, and it was minor by then"
    },
    needs=(needs.populate, needs.filled_file),
)
def major(ground: Ground) -> str:
    with ground.file() as fd:
        os.pwrite(fd, os.urandom(ground.size_bytes), 0)
        if page_cache.evict(fd):
            return STAYS
        cold, cached = (_major_faults(ground, fd) for _ in range(2))
        if not cold and not cached:
            if page_cache.evict(fd):
                return STAYS
            with ground.map(fd=fd) as memory:
                if memory.touch_read().major_faults:
                    return RETRIED
    return f"cold: {'some major faults' if cold else 0}; cached: {cached}"


def _major_faults(ground: Ground, fd: int) -> int:
    with ground.map(fd=fd) as memory:
        return memory.populate_read().major_faults


@promise(
    "fault-random",
    source="madvise(2), MADV_RANDOM",
    claim="an earlier MADV_RANDOM on the mapping keeps populating from reading ahead: of a cold "
    "file it brings each page by itself",
    on=dict.fromkeys(
        ("shared file", "private file"),
        "1 page with the advice, more without; either way all can be populated",
    ),
    needs=(needs.populate, needs.page_tables, needs.filled_file, needs.read_ahead),
)
def random(ground: Ground) -> str:
    with ground.file() as fd:
        os.pwrite(fd, os.urandom(ground.size_bytes), 0)
        counts = []
        for advice in ("MADV_RANDOM", "MADV_NORMAL"):
            if page_cache.evict(fd):
                return STAYS
            with ground.map(fd=fd) as memory:
                memory.advise(advice)
                memory.populate_read(0, ground.page)
                cache = memory.file_cache()
                counts.append(cache.cached if cache else None)
                memory.populate_read()
                if memory.pages().present != PAGES:
                    return f"{memory.pages().present} of {PAGES} present with {advice}"
    alone, ahead = counts
    more = "more" if ahead and ahead > 1 else f"{ahead}"
    return f"{alone} page with the advice, {more} without; either way all can be populated"


LOCKED_BYTES = 1 << 26
"""Long enough to fault in that another thread gets its turn many times."""
FEW_MMAPS = 3
"""As many may happen before populating has begun and after it has ended."""
TRIES = 3


@promise(
    "fault-lock",
    source="Linux documentation, mm/process_addrs.rst; mm/madvise.c, madvise_populate",
    claim="while one call populates anonymous memory, no other thread can map any; touching lets "
    "others in between two faults",
    on={"private anon": "touching: others map; populating: others wait"},
    differs={
        "touching: others map; populating: others map": "this kernel populates without the lock "
        "of the whole address space"
    },
    needs=(needs.populate, needs.memory(lambda _: LOCKED_BYTES)),
)
def lock(ground: Ground) -> str:
    # the clearest of a few: on a busy machine either thread may wait for a processor
    touching = max(_mmaps_during(Mapping.touch_write, ground) for _ in range(TRIES))
    populating = min(_mmaps_during(Mapping.populate_write, ground) for _ in range(TRIES))
    said = {"touching": touching, "populating": populating}
    return "; ".join(
        f"{name}: others {'map' if mmaps > FEW_MMAPS else 'wait'}" for name, mmaps in said.items()
    )


def _mmaps_during(prefault: Callable[..., Work], ground: Ground) -> int:
    """How often another thread maps a page while this one prefaults memory in one call."""
    with ground.map(LOCKED_BYTES // ground.page) as memory, contention.neighbour() as waits_us:
        before = len(waits_us)
        prefault(memory, interruptible=False)
        return len(waits_us) - before
