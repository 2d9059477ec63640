"""What would have prevented a fault: the advice fits the mapping."""

import pytest

from prefault_kit.kernel.address_space import Region
from prefault_kit.measure import remedies
from prefault_kit.measure.remedies import remedy

FILE = {"inode": 7, "name": "/data/file"}


def at(permissions: str, **known: object) -> Region:
    """A mapping of a page."""
    return Region(0x1000, 0x1000, permissions, **known)


@pytest.mark.parametrize(
    ("region", "known", "words"),
    [
        (at("rw-p"), {}, 'prefault(buffer, "write")'),
        (at("rw-p"), {}, "madvise(0x1000, 4096, MADV_POPULATE_WRITE)"),
        (at("r--p"), {}, "MADV_POPULATE_READ"),
        (at("rw-p"), {"again": True}, "trim_threshold"),
        (at("rw-p"), {"gone": True}, "mmap_threshold"),
        (None, {}, "mmap_threshold"),
        (at("rw-p"), {"forked": True}, "fork(2)"),
        (at("rw-p", **FILE), {"forked": True}, "fork(2)"),
        (at("r--p"), {"forked": True}, "MADV_POPULATE_READ"),
        (at("rw-p"), {"guarded": True}, "of the stack"),
        (at("rw-p", name="[stack]"), {"forked": True}, "of the stack"),
        (at("rw-p", name="[heap]"), {}, "MCL_FUTURE"),
        (at("r--s", **FILE), {}, "MADV_POPULATE_READ"),
        (at("r--s", **FILE), {"major": True}, "reads /data/file from its disk"),
        (at("rw-s", **FILE), {}, "MADV_POPULATE_WRITE"),
        (at("rw-s", **FILE), {"again": True}, "written back"),
        (at("r-xp", **FILE), {}, "mlockall(MCL_CURRENT)"),
        (at("rw-s", inode=1, name="/memfd:x (deleted)"), {"major": True}, "MADV_POPULATE_WRITE"),
    ],
)  # fmt: skip
def test_the_advice_fits(region: Region | None, known: dict[str, bool], words: str) -> None:
    """Each kind of mapping has its own."""
    assert words in remedy(region, **({"major": False} | known))


def test_shared_memory_is_on_no_disk() -> None:
    """A major fault of it came from swap: nothing is said of a disk."""
    region = at("rw-s", inode=1, name="/dev/shm/x")
    assert "disk" not in remedy(region, major=True)


def test_a_large_mapping_is_no_stack() -> None:
    """Even with an inaccessible page before it."""
    region = Region(0x1000, remedies.STACK_BYTES + 1, "rw-p")
    assert "stack" not in remedy(region, major=False, guarded=True)
