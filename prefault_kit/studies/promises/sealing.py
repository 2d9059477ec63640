"""Sealed memory: populating changes nothing that mseal(2) protects, giving memory back may."""

from __future__ import annotations

from prefault_kit.kernel import syscalls
from prefault_kit.measure.forked import told
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.answer import answer, counts
from prefault_kit.studies.promises.ground import PAGES, Ground
from prefault_kit.studies.promises.promise import promise

SOURCE = "Linux documentation, userspace-api/mseal.rst"
KINDS = ("private anon", "shared memfd")


@promise(
    "seal-populates",
    source=SOURCE,
    claim="a sealed mapping can be populated, and stays so: it can be neither unmapped nor "
    "protected otherwise",
    on=dict.fromkeys(KINDS, f"READ 0, WRITE 0, protecting EPERM, unmapping EPERM; {PAGES} present"),
    needs=(needs.populate, needs.page_tables, needs.sealing),
)
def populates(ground: Ground) -> str:
    with ground.map() as memory:
        return told(lambda: _sealed(memory))


def _sealed(memory: Mapping) -> str:
    """In a child, for nothing but its end unmaps what is sealed: seal, and try the rest."""
    syscalls.seal(*memory.span())
    read = answer(memory.populate_read)
    by_read = memory.pages().present
    said = {
        "READ": read,
        "WRITE": answer(memory.populate_write),
        "protecting": answer(memory.protect, "r"),
        "unmapping": answer(syscalls.unmap, *memory.span()),
    }
    words = ", ".join(f"{name} {word}" for name, word in said.items())
    return f"{words}; {counts((by_read, memory.pages().present))} present"


@promise(
    "seal-discards",
    source=SOURCE,
    claim="sealed private memory that is not writable cannot be discarded; page-table entries of a "
    "shared mapping can",
    on={
        "private anon": f"writable 0, 0 present; read-only EPERM, {PAGES} present",
        "shared memfd": "writable 0, 0 present; read-only 0, 0 present",
    },
    needs=(needs.populate, needs.page_tables, needs.sealing),
)
def discards(ground: Ground) -> str:
    words = []
    for name, protection in (("writable", "rw"), ("read-only", "r")):
        with ground.map() as memory:
            words.append(f"{name} {told(lambda: _discarded(memory, protection))}")  # noqa: B023
    return "; ".join(words)


def _discarded(memory: Mapping, protection: str) -> str:
    """In a child: populate, seal and discard; how many pages are left."""
    memory.populate_write()
    memory.protect(protection)
    syscalls.seal(*memory.span())
    said = answer(memory.advise, "MADV_DONTNEED")
    return f"{said}, {memory.pages().present} present"
