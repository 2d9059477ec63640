"""What a fork undoes: fork(2), copy-on-write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from prefault_kit.promises.ground import PAGES, Ground
from prefault_kit.promises.promise import promise


@contextmanager
def _child() -> Iterator[None]:
    """A forked child that lives as long as the block and does nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)  # until the parent has closed its end
        os._exit(0)
    os.close(reader)
    try:
        yield
    finally:
        os.close(writer)
        os.waitpid(child, 0)


@promise(
    "fork-protects-private",
    source="fork(2); cover letter IV.4, writable once",
    claim="a fork protects private memory again: the next write takes a fault for each page",
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
    claim="a fork leaves shared memory as it was populated",
    on=dict.fromkeys(("shared anon", "shared memfd"), "0 beside a child, then 0"),
)
def leaves_shared(ground: Ground) -> str:
    return _before_and_after(ground)


def _before_and_after(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        with _child():
            beside = memory.touch_write().minor_faults
        alone = memory.touch_write().minor_faults
    return f"{_faults(beside)} beside a child, then {_faults(alone)}"


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
    claim="WRITE breaks the copy-on-write of a fork too, so populating again helps",
    on={"private anon": "populating one a page, then writing 0"},
)
def populate_again(ground: Ground) -> str:
    with ground.map() as memory:
        memory.populate_write()
        with _child():
            populating = memory.populate_write().minor_faults
            writing = memory.touch_write().minor_faults
    return f"populating {_faults(populating)}, then writing {_faults(writing)}"
