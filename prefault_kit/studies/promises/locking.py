"""Populating and locking: mlock(2), mlock2(2) with MLOCK_ONFAULT, mlockall(2) with MCL_ONFAULT."""

from __future__ import annotations

import errno
import os

from prefault_kit.host import Unavailable, rlimits
from prefault_kit.kernel import syscalls
from prefault_kit.kernel.processors import running_on, the_first
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.forked import told
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import dirty_bit, needs
from prefault_kit.studies.promises.answer import answer
from prefault_kit.studies.promises.faulting import SHARED_TWICE
from prefault_kit.studies.promises.ground import Ground
from prefault_kit.studies.promises.promise import NotTestable, promise

LOCKED_PAGES = 16
REFUSED = (errno.EAGAIN, errno.ENOMEM, errno.EPERM)
"""What a call says that would lock more than RLIMIT_MEMLOCK."""
ON_FAULT = f"0 present, 0 locked; then {LOCKED_PAGES} present, {LOCKED_PAGES} locked"
KINDS = ("private anon", "shared anon", "shared memfd", "shared file")


def _state(memory: Mapping) -> str:
    locked = (memory.usage().locked or 0) // PAGE_SIZE_BYTES
    return f"{memory.pages().present} present, {locked} locked"


@promise(
    "lock-populates",
    source="mlock(2)",
    claim="mlock populates: when it returns, every page is present, and stays so",
    on=dict.fromkeys(KINDS, f"{LOCKED_PAGES} present, {LOCKED_PAGES} locked"),
    needs=(needs.page_tables, needs.accounting, needs.locking(LOCKED_PAGES)),
)
def populates(ground: Ground) -> str:
    with ground.map(LOCKED_PAGES) as memory:
        memory.mlock()
        return _state(memory)


@promise(
    "lock-writes-private",
    source="mlock(2); mm/gup.c, populate_vma_page_range",
    claim="mlock of writable private memory breaks copy-on-write, as WRITE does",
    on={"private anon": f"{LOCKED_PAGES} anonymous, writing takes 0 faults"},
    needs=(needs.accounting, needs.locking(LOCKED_PAGES)),
)
def writes_private(ground: Ground) -> str:
    with ground.map(LOCKED_PAGES) as memory:
        memory.mlock()
        own = (memory.usage().anonymous or 0) // PAGE_SIZE_BYTES
        return f"{own} anonymous, writing takes {memory.touch_write().minor_faults} faults"


@promise(
    "lock-reads-shared",
    source="mm/gup.c, populate_vma_page_range",
    claim="mlock only read-faults a shared file: the first write to each page still takes a fault",
    on={
        "shared anon": "writing takes 0 faults",
        "shared memfd": "writing takes 0 faults",
        "shared file": f"writing takes {LOCKED_PAGES} faults",
    },
    differs={
        f"writing takes 0 faults, {LOCKED_PAGES} major": SHARED_TWICE,
        **dirty_bit.differs(f"writing takes {LOCKED_PAGES} faults"),
    },
    needs=(needs.locking(LOCKED_PAGES),),
)
def reads_shared(ground: Ground) -> str:
    with ground.map(LOCKED_PAGES) as memory:
        memory.advise("MADV_RANDOM")  # else the file is read ahead, and a folio faults as a whole
        memory.mlock()
        written = memory.touch_write()
    major = f", {written.major_faults} major" if written.major_faults else ""
    return f"writing takes {written.minor_faults} faults{major}"


@promise(
    "lock-survives-no-sync",
    source="cover letter IV.4, writable once",
    claim="locked or not: after a sync the first write to each page of a shared file faults again",
    on={
        "shared memfd": "0 faults, after a sync 0",
        "shared file": f"0 faults, after a sync {LOCKED_PAGES}",
    },
    needs=(needs.populate, needs.locking(LOCKED_PAGES)),
)
def survives_no_sync(ground: Ground) -> str:
    with ground.map(LOCKED_PAGES) as memory:
        memory.advise("MADV_RANDOM")
        memory.populate_write()
        memory.mlock()
        first = memory.touch_write().minor_faults
        memory.sync()
        return f"{first} faults, after a sync {memory.touch_write().minor_faults}"


@promise(
    "lock-pins",
    source="mlock(2); madvise(2), MADV_PAGEOUT",
    claim="populated pages may be taken away again, locked ones may not",
    on=dict.fromkeys(
        ("shared anon", "shared memfd", "shared file"),
        f"populated: 0 left; locked: EINVAL, {LOCKED_PAGES} left",
    ),
    needs=(needs.populate, needs.page_tables, needs.locking(LOCKED_PAGES)),
)
def pins(ground: Ground) -> str:
    with running_on(the_first()), ground.map(LOCKED_PAGES) as memory:
        memory.populate_read()
        memory.advise("MADV_PAGEOUT")
        left = memory.pages().present
        memory.mlock()
        said = answer(memory.advise, "MADV_PAGEOUT")
        return f"populated: {left} left; locked: {said}, {memory.pages().present} left"


@promise(
    "lock-errno",
    source="mlock(2); madvise(2)",
    claim="where a page cannot be had, populating fails with EFAULT and mlock with ENOMEM",
    on=dict.fromkeys(
        ("shared memfd", "shared file"), f"EFAULT after {LOCKED_PAGES // 2} pages, ENOMEM"
    ),
    needs=(needs.populate, needs.page_tables, needs.locking(LOCKED_PAGES)),
)
def says_enomem(ground: Ground) -> str:
    with ground.map(LOCKED_PAGES) as memory:
        os.ftruncate(memory.fd, memory.size_bytes // 2)
        populating, locking = answer(memory.populate_read), answer(memory.mlock)
        return f"{populating} after {memory.pages().present} pages, {locking}"


@promise(
    "lock-on-fault",
    source="cover letter I; mlock2(2)",
    claim="MLOCK_ONFAULT populates nothing: pages are locked as they are faulted in, also by "
    "populating",
    on=dict.fromkeys(KINDS, ON_FAULT),
    needs=(needs.populate, needs.page_tables, needs.accounting, needs.locking(LOCKED_PAGES)),
)
def on_fault(ground: Ground) -> str:
    with ground.map(LOCKED_PAGES) as memory:
        memory.mlock_on_fault()
        return _populated(memory)


def _populated(memory: Mapping) -> str:
    """Before populating and after it."""
    before = _state(memory)
    memory.populate_write()
    return f"{before}; then {_state(memory)}"


@promise(
    "lock-all-on-fault",
    source="mlockall(2)",
    claim="MCL_ONFAULT populates no later mapping: pages are locked as they are faulted in",
    on=dict.fromkeys(KINDS, ON_FAULT),
    needs=(needs.populate, needs.page_tables, needs.accounting, needs.locking(LOCKED_PAGES)),
)
def all_on_fault(ground: Ground) -> str:

    def lock() -> str:
        syscalls.mlockall_on_fault()
        with ground.map(LOCKED_PAGES) as memory:
            return _populated(memory)

    said = told(lock)  # in a child: it is about everything that a process maps
    limited = rlimits.memlock_bytes() is not None
    if limited and said in (errno.errorcode[each] for each in REFUSED):
        raise NotTestable(
            Unavailable(
                "RLIMIT_MEMLOCK is too small for everything that a process maps", "ulimit -l 65536"
            )
        )
    return said
