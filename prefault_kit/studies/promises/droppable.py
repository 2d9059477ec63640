"""Memory that the kernel may drop at any time (MAP_DROPPABLE): what populating it is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefault_kit.kernel import timed
from prefault_kit.kernel.processors import running_on, the_first
from prefault_kit.kernel.syscalls import MAP, PAGE_SIZE_BYTES, PROTECTION
from prefault_kit.measure.forked import told
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.answer import answer
from prefault_kit.studies.promises.ground import Ground
from prefault_kit.studies.promises.promise import promise

SOURCE = "Linux, commit 9651fcedf7b9: mm: add MAP_DROPPABLE"
FEW_PAGES = 16
FILL = b"\xaa"


@contextmanager
def _droppable(ground: Ground) -> Iterator[Mapping]:
    """Anonymous memory, mapped anew with MAP_DROPPABLE in place of MAP_PRIVATE."""
    with ground.map(FEW_PAGES) as memory:
        timed.remap_timed(
            *memory.span(),
            protection=PROTECTION["rw"],
            flags=MAP["MAP_ANONYMOUS"] | MAP["MAP_DROPPABLE"],
            step=PAGE_SIZE_BYTES,
        )
        yield memory


@promise(
    "droppable-populates",
    source=SOURCE,
    claim="memory that may be dropped is populated as private memory is",
    on={"private anon": f"READ 0, 0 anonymous; WRITE 0, {FEW_PAGES} anonymous"},
    needs=(needs.populate, needs.accounting, needs.page_tables, needs.droppable),
)
def populates(ground: Ground) -> str:
    words = []
    with _droppable(ground) as memory:
        for name, populate in (("READ", memory.populate_read), ("WRITE", memory.populate_write)):
            said = answer(populate)
            own = (memory.usage().anonymous or 0) // PAGE_SIZE_BYTES
            present = memory.pages().present
            few = "" if present == FEW_PAGES else f", {present} of {FEW_PAGES} present"
            words.append(f"{name} {said}, {own} anonymous{few}")
    return "; ".join(words)


@promise(
    "droppable-dropped",
    source=SOURCE,
    claim="when memory is short its pages are dropped, not swapped out: they read as zeros, though "
    "they were populated and written",
    on={"private anon": f"{FEW_PAGES} present, 0 left, reads 00"},
    needs=(needs.populate, needs.page_tables, needs.droppable),
)
def dropped(ground: Ground) -> str:
    with running_on(the_first()), _droppable(ground) as memory:
        memory.write(0, FILL)
        memory.populate_write()
        present = memory.pages().present
        memory.advise("MADV_PAGEOUT")  # as if memory were short
        left = memory.pages().present
        return f"{present} present, {left} left, reads {memory.read(0, 1).hex()}"


@promise(
    "droppable-unlockable",
    source=SOURCE,
    claim="mlock of memory that may be dropped succeeds, and locks nothing",
    on={"private anon": f"mlock 0, 0 of {FEW_PAGES} pages locked"},
    needs=(needs.populate, needs.accounting, needs.droppable, needs.locking(FEW_PAGES)),
)
def unlockable(ground: Ground) -> str:
    with _droppable(ground) as memory:
        memory.populate_write()
        said = answer(memory.mlock)
        locked = (memory.usage().locked or 0) // PAGE_SIZE_BYTES
        return f"mlock {said}, {locked} of {FEW_PAGES} pages locked"


@promise(
    "droppable-fork",
    source=SOURCE,
    claim="a fork does not copy it: the child has the mapping, and finds zeros there",
    on={"private anon": "parent reads aa, child 00 and populates 0"},
    needs=(needs.populate, needs.droppable),
)
def fork(ground: Ground) -> str:
    with _droppable(ground) as memory:
        memory.write(0, FILL)
        child = told(lambda: f"{memory.read(0, 1).hex()} and populates {_write(memory)}")
        return f"parent reads {memory.read(0, 1).hex()}, child {child}"


def _write(memory: Mapping) -> str:
    return answer(memory.populate_write)
