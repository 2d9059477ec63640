"""A hole in the range that is to be populated: cover letter, section IV, and madvise(2), ENOMEM."""

from __future__ import annotations

from prefault_kit.kernel import syscalls, timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.answer import answer
from prefault_kit.studies.promises.ground import GOOD, PAGES, Ground
from prefault_kit.studies.promises.promise import promise

PLACES = ((0, 2), (1, 3), (1, 2))
"""How many pages a range has before a hole of one page, and how many in all."""


def _hole(ground: Ground, name: str) -> tuple[str, int]:
    """Populate across a hole between two mappings; how many pages beyond it are present."""
    with ground.map() as memory:
        syscalls.unmap(memory.address + GOOD * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES)
        said = answer(syscalls.madvise, *memory.span(), f"MADV_POPULATE_{name}")
        return said, memory.pages().present - GOOD


@promise(
    "error-2021-hole",
    source="the patch as posted in 2021, version 2",
    claim="a hole in the range is ENOMEM, and the pages beyond it are populated all the same",
    on={"private anon": f"ENOMEM, {PAGES - GOOD - 1} pages beyond the hole"},
    differs={
        "ENOMEM, 0 pages beyond the hole": "since Linux 6.10 (commit fa9fcd8bb6e4) populating "
        "stops at the hole"
    },
    needs=(needs.populate, needs.page_tables),
)
def hole_of_2021(ground: Ground) -> str:
    said, beyond = _hole(ground, "WRITE")
    return f"{said}, {beyond} pages beyond the hole"


@promise(
    "error-enomem",
    source="madvise(2)",
    claim="a hole between mappings in the range is ENOMEM",
    on=dict.fromkeys(("private anon", "shared memfd", "shared file"), "ENOMEM"),
    needs=(needs.populate, needs.page_tables),
)
def enomem(ground: Ground) -> str:
    read, write = (_hole(ground, name)[0] for name in ("READ", "WRITE"))
    return read if read == write else f"READ {read}, WRITE {write}"


@promise(
    "error-hole-anywhere",
    source="madvise(2)",
    claim="wherever the hole lies, at the beginning of the range, within it or at its end, both "
    "say ENOMEM",
    on=dict.fromkeys(("private anon", "shared memfd"), "READ ENOMEM, WRITE ENOMEM"),
)
def anywhere(ground: Ground) -> str:
    with ground.map() as memory:
        hole = memory.address + GOOD * PAGE_SIZE_BYTES
        syscalls.unmap(hole, PAGE_SIZE_BYTES)
        said = []
        for before, pages in PLACES:
            where = hole - before * PAGE_SIZE_BYTES, pages * PAGE_SIZE_BYTES
            said.append(f"READ {_answer('READ', *where)}, WRITE {_answer('WRITE', *where)}")
    return said[0] if len(set(said)) == 1 else "; ".join(said)


def _answer(name: str, address: int, length: int) -> str:
    """What an advice answers to a range that need not be mapped, asked as the kit asks."""
    advice = f"MADV_POPULATE_{name}"
    where = address, length
    return answer(timed.range_timed, advice, *where, step=PAGE_SIZE_BYTES, interruptible=False)
