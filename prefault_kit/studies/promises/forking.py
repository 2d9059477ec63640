"""What a fork undoes: fork(2), copy-on-write."""

from __future__ import annotations

from prefault_kit.measure.forked import beside
from prefault_kit.studies.promises.ground import PAGES, Ground
from prefault_kit.studies.promises.promise import promise


@promise(
    "fork-protects-private",
    source="fork(2); cover letter IV.4, writable once",
    claim="a fork write-protects private memory again: the next write to each page takes a fault",
    on={
        "private anon": "one a page beside a child, then 0",
        "private memfd": "one a page beside a child, then 0",
    },
)
def protects_private(ground: Ground) -> str:
    return _before_and_after(ground)


@promise(
    "fork-leaves-shared",
    source="fork(2)",
    claim="a fork leaves the populated pages of shared memory as they are",
    on=dict.fromkeys(("shared anon", "shared memfd"), "0 beside a child, then 0"),
)
def leaves_shared(ground: Ground) -> str:
    return _before_and_after(ground)


@promise(
    "fork-dontfork",
    source="madvise(2), MADV_DONTFORK",
    claim="memory that a fork does not copy stays populated and writable",
    on={"private anon": "0 beside a child, then 0"},
)
def dontfork(ground: Ground) -> str:
    return _before_and_after(ground, "MADV_DONTFORK")


def _before_and_after(ground: Ground, *advice: str) -> str:
    with ground.map() as memory:
        for each in advice:
            memory.advise(each)
        memory.populate_write()
        with beside():
            together = memory.touch_write().minor_faults
        alone = memory.touch_write().minor_faults
    return f"{_faults(together)} beside a child, then {_faults(alone)}"


OWN_PAGES = 4
"""After a fork this process's own few pages, its stack among them, fault at their next write too,
and some of that falls into what is counted."""


def _faults(faults: int) -> str:
    if PAGES <= faults <= PAGES + OWN_PAGES:
        return "one a page"
    return "0" if faults <= OWN_PAGES else f"{faults}"


@promise(
    "fork-populate-again",
    source="cover letter IV.3",
    claim="WRITE also breaks the copy-on-write that a fork sets up, so populating again helps",
    on={"private anon": "populating one a page, then writing 0"},
)
def populate_again(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        with beside():
            populating = memory.populate_write().minor_faults
            writing = memory.touch_write().minor_faults
    return f"populating {_faults(populating)}, then writing {_faults(writing)}"
