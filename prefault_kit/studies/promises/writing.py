"""What MADV_POPULATE_WRITE does: cover letter, section IV, points 3 and 4."""

from __future__ import annotations

import os

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import dirty_bit, needs
from prefault_kit.studies.promises.ground import PAGES, Ground
from prefault_kit.studies.promises.promise import promise
from prefault_kit.studies.promises.reading import EVERY


def _faults(memory: Mapping) -> int:
    """The faults that writing each page takes."""
    work = memory.touch_write()
    return work.minor_faults + work.major_faults


@promise(
    "write-breaks-cow",
    source="cover letter IV.3",
    claim="WRITE breaks copy-on-write: private memory gets pages of its own, never the zero page",
    on=dict.fromkeys(
        ("private anon", "private memfd", "private tmpfs", "private file"),
        f"{PAGES} anonymous pages, 0 of the zero page",
    ),
    needs=(needs.populate, needs.page_states, needs.accounting),
)
def breaks_cow(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        anonymous = (memory.usage().anonymous or 0) // PAGE_SIZE_BYTES
        return f"{anonymous} anonymous pages, {memory.pages().zero} of the zero page"


@promise(
    "write-cuts-the-file",
    source="cover letter IV.3",
    claim="after WRITE a private mapping no longer shows changes to the file",
    on=dict.fromkeys(("private memfd", "private tmpfs", "private file"), "old"),
    needs=(needs.populate, needs.filled_file),
)
def cuts_the_file(ground: Ground) -> str:
    with ground.file() as fd, ground.map(fd=fd) as memory:
        os.pwrite(fd, b"old", 0)
        memory.populate_write()
        os.pwrite(fd, b"new", 0)
        return memory.read(0, 3).decode()


@promise(
    "write-replaces-zero-page",
    source="cover letter IV.3",
    claim="WRITE after READ replaces the zero page, at the cost of one more fault a page",
    on={"private anon": f"{PAGES} faults, then 0 zero pages and {PAGES} anonymous ones"},
    needs=(needs.populate, needs.page_states, needs.accounting),
)
def replaces_zero_page(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        faults = memory.populate_write().minor_faults
        zero, anonymous = memory.pages().zero, (memory.usage().anonymous or 0)
        return (
            f"{faults} faults, then {zero} zero pages and "
            f"{anonymous // PAGE_SIZE_BYTES} anonymous ones"
        )


@promise(
    "write-keeps-content",
    source="cover letter IV.3",
    claim="WRITE prefaults as if every page were written, but changes no byte",
    on=dict.fromkeys(EVERY, "kept"),
)
def keeps_content(ground: Ground) -> str:
    with ground.map() as memory:
        middle = memory.size_bytes // 2
        memory.write(middle, b"kept")  # all else is a hole, or has never been touched
        memory.populate_write()
        expected = bytes(middle) + b"kept" + bytes(memory.size_bytes - middle - 4)
        return "kept" if memory.read(0, memory.size_bytes) == expected else "changed"


@promise(
    "write-makes-writable",
    source="cover letter IV.4",
    claim="after WRITE succeeds, every page is writable, and writing takes no fault",
    on=dict.fromkeys(EVERY, "writing takes 0 faults"),
)
def makes_writable(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        return f"writing takes {_faults(memory)} faults"


@promise(
    "write-once-until-sync",
    source="cover letter IV.4",
    claim="writable once: write-back write-protects the pages of a disk file again, and no others",
    on={
        "shared file": "0 faults before a sync, one a page after",
        "shared memfd": "0 faults before a sync, 0 after",
        "shared tmpfs": "0 faults before a sync, 0 after",
        "private file": "0 faults before a sync, 0 after",
    },
)
def once_until_sync(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        before = _faults(memory)
        memory.sync()
        after = _faults(memory)
        return f"{before} faults before a sync, {'one a page' if after == PAGES else after} after"


@promise(
    "write-after-read",
    source="cover letter IV.4",
    claim="READ only makes pages readable: writing them later takes one fault a page",
    on={
        "private anon": "one a page",
        "private memfd": "one a page",
        "private file": "one a page",
        "shared file": "one a page",
        "shared memfd": "0",
        "shared tmpfs": "0",
        "shared anon": "0",
    },
    differs=dirty_bit.differs("one a page"),
)
def after_read(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_read()
        faults = _faults(memory)
        return "one a page" if faults == PAGES else f"{faults}"
