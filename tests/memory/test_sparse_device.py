"""prefault_kit.memory.sparse_device: plugged, or an error and nothing changed."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.kernel import hugepages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory import small_tmpfs
from prefault_kit.memory.sparse_device import FAILED, PLUGGED, UNPLUGGED, Device, PlugError

BLOCK = 16 * PAGE
BLOCKS = 8


@pytest.fixture(params=[(k, s) for k in ("anon", "memfd", "file") for s in ("private", "shared")])
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Device]:
    """A device of each kind of memory."""
    kind, sharing = request.param
    made = {"anon": Backing.anon, "memfd": Backing.memfd, "file": lambda: Backing.file(tmp_path)}
    with Mapping(made[kind](), BLOCKS * BLOCK, sharing, reserve=False) as memory:
        yield Device(memory, BLOCK)


@pytest.fixture
def small() -> Iterator[Device]:
    """A device of which three blocks and a half can be had."""
    fd = small_tmpfs.file(3 * BLOCK + BLOCK // 2, BLOCKS * BLOCK)
    with Mapping(Backing.tmpfs("/"), BLOCKS * BLOCK, "shared", fd=fd, reserve=False) as memory:
        yield Device(memory, BLOCK)
    os.close(fd)


def test_what_is_plugged_is_there_and_what_is_unplugged_is_given_back(plain: Device) -> None:
    """On every memory: pages, and what its backend holds; content is gone, neighbours stay."""
    before = plain.account()
    plain.plug(0, 4, threads=2)
    assert plain.states == [PLUGGED] * 4 + [UNPLUGGED] * 4
    assert plain.memory.pages().present == 4 * BLOCK // PAGE
    plain.memory.write(0, b"a")
    plain.memory.write(BLOCK, b"b")
    full = plain.account()
    assert full.plugged_bytes == full.resident_bytes == 4 * BLOCK
    plain.unplug(1)
    assert plain.memory.pages().present == 3 * BLOCK // PAGE
    assert plain.memory.read(0, 1) == b"a"
    plain.unplug(0)
    plain.unplug(2, 2)
    assert plain.account() == before
    assert plain.memory.read(BLOCK, 1) == b"\0"


@pytest.mark.needs("own_mounts")
def test_a_plug_that_fails_is_rolled_back_to_the_byte(small: Device) -> None:
    """The first block without a page is named; after an unplug there is room again."""
    small.plug(0, 2)
    small.memory.write(0, b"kept")
    before = small.account()
    with pytest.raises(PlugError, match="block 3 cannot be plugged") as raised:
        small.plug(2, 3)
    assert (raised.value.errno, raised.value.block) == (errno.EFAULT, 3)
    assert small.account() == before
    assert small.states[2:5] == [UNPLUGGED, FAILED, UNPLUGGED]
    assert small.memory.read(0, 4) == b"kept"
    small.plug(2)
    small.unplug(0, 2)
    small.plug(3)
    assert small.states[:4] == [UNPLUGGED, UNPLUGGED, PLUGGED, PLUGGED]


@pytest.mark.alone
@pytest.mark.needs("hugetlb")
def test_a_pool_of_huge_pages_runs_out() -> None:
    """The same, with the pool as the limit; all of it is given back."""
    size = hugepages.default_size_bytes()
    assert size
    there = hugepages.pools()[size].available
    with Mapping(Backing.memfd(size), (there + 2) * size, "shared", reserve=False) as memory:
        made = Device(memory, size)
        made.plug(0, there)
        with pytest.raises(PlugError) as raised:
            made.plug(there)
        assert raised.value.block == there
        made.unplug(0)
        made.plug(there)
    assert hugepages.pools()[size].available == there


def test_what_makes_no_sense_is_said() -> None:
    """A block twice, one that is not there, blocks that do not divide the memory."""
    with Mapping(Backing.anon(), BLOCKS * BLOCK, reserve=False) as memory:
        made = Device(memory, BLOCK)
        made.plug(1)
        with pytest.raises(ValueError, match="block 1 is plugged already"):
            made.plug(0, 3)
        with pytest.raises(ValueError, match="block 0 is not plugged"):
            made.unplug(0)
        for first, count in ((BLOCKS, 1), (-1, 1), (0, BLOCKS + 1), (0, 0)):
            with pytest.raises(ValueError, match=f"0 to {BLOCKS - 1}"):
                made.plug(first, count)
        assert memory.pages().present == BLOCK // PAGE
        for wrong in (0, PAGE + 1, 3 * PAGE):
            with pytest.raises(ValueError, match="do not divide"):
                Device(memory, wrong)
