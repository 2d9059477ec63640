"""prefault_kit.memory.snapshot: memory as it was, whoever writes meanwhile."""

from collections.abc import Callable

import numpy
import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory import snapshot

PAGES = 64

pytestmark = pytest.mark.needs("userfaultfd")


def writer(memory: Mapping) -> Callable[[], object]:
    """Writes 1 to the first byte of each page, the last page first."""
    pages = numpy.arange(PAGES, dtype="uint32")[::-1].copy()
    return lambda: memory.access(pages, numpy.ones(PAGES, "uint8"))


@pytest.mark.parametrize("lazily", [False, True])
@pytest.mark.parametrize("kind", ["anon", "memfd"])
def test_a_snapshot_is_the_memory_at_its_start(kind: str, lazily: bool) -> None:
    """Byte for byte; the writes are all done in the end."""
    backing = Backing.anon() if kind == "anon" else Backing.memfd()
    content = bytes(range(256)) * (PAGES * PAGE // 256)
    with Mapping(backing, PAGES * PAGE, "private" if kind == "anon" else "shared") as memory:
        memory.write(0, content)
        found = snapshot.take(memory, during=writer(memory), lazily=lazily)
        assert found.data == content
        assert {memory.read(page * PAGE, 1) for page in range(PAGES)} == {b"\x01"}


@pytest.mark.parametrize(
    ("prepared", "unpopulated", "held"),
    [
        (None, False, 0),
        ("populate_read", False, PAGES),
        ("populate_write", False, PAGES),
        (None, True, PAGES),
    ],
)
def test_what_is_not_populated_is_missed(
    prepared: str | None, unpopulated: bool, held: int
) -> None:
    """Unless the kernel is asked for unpopulated pages too: the reason for READ in 2021."""
    with Mapping(Backing.anon(), PAGES * PAGE) as memory:
        if prepared:
            getattr(memory, prepared)()
        found = snapshot.take(memory, unpopulated=unpopulated, during=writer(memory), lazily=True)
        assert found.writes_held == held
        assert (found.data == bytes(PAGES * PAGE)) == (held > 0)


def test_without_a_writer_all_is_saved() -> None:
    """And nothing is protected afterwards."""
    with Mapping(Backing.anon(), PAGES * PAGE) as memory:
        memory.populate_write()
        assert snapshot.take(memory).data == bytes(PAGES * PAGE)
        assert memory.touch_write().minor_faults == 0


@pytest.mark.needs("wp_async")
def test_the_kernel_notes_what_is_written() -> None:
    """Those pages and no others; what is read is not written."""
    with Mapping(Backing.anon(), PAGES * PAGE) as memory, snapshot.tracked(memory) as written:
        assert written() == []
        memory.access(numpy.array([3, 9, 10, 20], "uint32"), numpy.array([1, 1, 1, 0], "uint8"))
        assert written() == [3, 9, 10]
        memory.access(numpy.arange(PAGES, dtype="uint32"), numpy.ones(PAGES, "uint8"))
        assert written() == list(range(PAGES))


@pytest.mark.needs("wp_async")
def test_more_regions_than_fit_one_answer() -> None:
    """The rest is asked for again, none twice: 1024 regions fit the C's."""
    pages = 3 * 1025 * 2
    with Mapping(Backing.anon(), pages * PAGE) as memory, snapshot.tracked(memory) as written:
        third = numpy.arange(0, pages, 3)
        memory.access(third, numpy.ones(len(third), bool))
        assert written() == third.tolist()
