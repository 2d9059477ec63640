"""What userfaultfd's write protection misses: the debate under the patch, May 2021."""

from __future__ import annotations

from prefault_kit.memory import snapshot
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.answer import answer
from prefault_kit.studies.promises.ground import PAGES, Ground
from prefault_kit.studies.promises.promise import promise

DEBATE = "the debate under the patch, May 2021: userfaultfd-wp"


def _held(ground: Ground, prepare: str | None = None, *, unpopulated: bool = False) -> str:
    """How many of a write to each page were held, and whether the snapshot is right."""
    import numpy

    with ground.map() as memory:
        if prepare:
            getattr(memory, prepare)()
        pages, ones = numpy.arange(PAGES, dtype="uint32"), numpy.ones(PAGES, "uint8")
        before = bytes(memory.size_bytes)
        found = snapshot.take(
            memory,
            unpopulated=unpopulated,
            during=lambda: memory.access(pages, ones),
            lazily=True,
        )
        right = "right" if found.data == before else "wrong"
        return f"{found.writes_held} writes held, the snapshot is {right}"


@promise(
    "snapshot-unpopulated",
    source=DEBATE,
    claim="a page that is not populated cannot be write-protected: a snapshot misses writes to it",
    on={"private anon": "0 writes held, the snapshot is wrong"},
    needs=(needs.snapshots,),
)
def missed(ground: Ground) -> str:
    return _held(ground)


@promise(
    "snapshot-read",
    source=DEBATE,
    claim="READ populates what write protection needs, including the zero page",
    on={"private anon": f"{PAGES} writes held, the snapshot is right"},
    needs=(needs.populate, needs.snapshots),
)
def after_read(ground: Ground) -> str:
    return _held(ground, "populate_read")


@promise(
    "snapshot-kernel",
    source="Documentation/admin-guide/mm/userfaultfd.rst, UFFD_FEATURE_WP_UNPOPULATED",
    claim="since Linux 6.4 the kernel also protects pages that are not populated, if asked to",
    on={"private anon": f"{PAGES} writes held, the snapshot is right"},
    needs=(needs.snapshots,),
)
def by_the_kernel(ground: Ground) -> str:
    return _held(ground, unpopulated=True)


@promise(
    "snapshot-user-mode",
    source="userfaultfd(2), UFFD_USER_MODE_ONLY",
    claim="without privilege the kernel's own writes are not held: read(2) into a protected page "
    "fails",
    on={"private anon": "read(2) says EFAULT, and afterwards reads all"},
    needs=(needs.populate, needs.snapshots),
)
def user_mode(ground: Ground) -> str:
    with ground.map() as memory, open("/dev/zero", "rb", buffering=0) as zeros:
        memory.populate_read()
        with snapshot.protected(memory):
            said = answer(zeros.readinto, memory.buffer())
        whole = zeros.readinto(memory.buffer()) == memory.size_bytes
    return f"read(2) says {said}, and afterwards reads {'all' if whole else 'less'}"
