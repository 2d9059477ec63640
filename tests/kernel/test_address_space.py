"""The mappings of a process: as /proc has them, as records tell them, and asked of an address."""

import mmap
import os

import pytest

from prefault_kit.kernel import address_space
from prefault_kit.kernel.address_space import (
    AddressSpace,
    AddressSpaces,
    Region,
    parse,
    path_of,
    region,
)
from prefault_kit.kernel.perf import TaskEvent
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping


def mapped(pid: int, address: int, length: int, **known: object) -> TaskEvent:
    """A record of an anonymous, private, writable mapping."""
    fields = {"protection": 3, "flags": 2, "name": "//anon"} | known
    return TaskEvent("mmap", 0, pid, pid, address=address, length=length, **fields)


def test_this_process() -> None:
    """A mapping is found by each of its addresses, with what lies before it; none behind it."""
    with Mapping(Backing.memfd(), 4 * PAGE, "shared") as memory:
        space = address_space.of()
        found = space.find(memory.address + PAGE)
        assert (found.address, found.length, found.permissions) == (
            memory.address,
            4 * PAGE,
            "rw-s",
        )
        assert found.has_file
        assert found.writable
        assert not found.private
        assert found.name.startswith("/memfd:")
        assert path_of(found) is None
        assert space.before(memory.address).permissions == "---p"
        assert space.find(0) is None
        assert len(space) == len(list(space)) > 3


@pytest.mark.parametrize(
    ("new", "left"),
    [
        (Region(0x1000, 0x1000, "r--p"), [(0x1000, 0x2000), (0x2000, 0x4000)]),
        (Region(0x2000, 0x1000, "r--p"), [(0x1000, 0x2000), (0x2000, 0x3000), (0x3000, 0x4000)]),
        (Region(0x3000, 0x1000, "r--p"), [(0x1000, 0x3000), (0x3000, 0x4000)]),
        (Region(0x0000, 0x5000, "r--p"), [(0x0000, 0x5000)]),
        (Region(0x1000, 0x3000, "r--p"), [(0x1000, 0x4000)]),
        (Region(0x4000, 0x1000, "r--p"), [(0x1000, 0x4000), (0x4000, 0x5000)]),
        (Region(0x0000, 0x1000, "r--p"), [(0x0000, 0x1000), (0x1000, 0x4000)]),
        (Region(0x0000, 0x2000, "r--p"), [(0x0000, 0x2000), (0x2000, 0x4000)]),
        (Region(0x1000, 0, "r--p"), [(0x1000, 0x4000)]),
    ],
)
def test_what_is_mapped_over_another(new: Region, left: list[tuple[int, int]]) -> None:
    """It takes that place alone; what is left of the other keeps its offsets in the file."""
    space = AddressSpace([Region(0x1000, 0x3000, "rw-p", 0x10000, (1, 2), 7, "/file")])
    space.add(new)
    assert [(each.address, each.end) for each in space] == left
    for each in space:
        if each.name:
            assert each.offset == 0x10000 + each.address - 0x1000


def test_a_record_as_a_region() -> None:
    """Permissions, sharing and names as /proc/PID/maps has them."""
    assert region(mapped(1, 0x1000, 0x2000)) == Region(0x1000, 0x2000, "rw-p")
    text = mapped(1, 0, 1, protection=5, flags=1, inode=9, offset=3, device=(8, 1), name="/a b")
    assert region(text) == Region(0, 1, "r-xs", 3, (8, 1), 9, "/a b")


def test_the_heap_grows() -> None:
    """Records of brk have no name: next to the heap they are of it."""
    space = AddressSpace([Region(0x1000, 0x1000, "rw-p", name="[heap]")])
    space.add(region(mapped(1, 0x1000, 0x3000)))
    space.add(region(mapped(1, 0x8000, 0x1000)))
    assert space.find(0x3FFF).name == "[heap]"
    assert space.find(0x8000).name == ""


def test_processes_as_they_are_recorded() -> None:
    """A fork has what its parent had, a program that is executed nothing of it."""
    none = 2**22 + 1  # over the highest pid
    spaces = AddressSpaces()
    spaces.learn(mapped(none, 0x1000, 0x1000))
    spaces.learn(TaskEvent("fork", 0, none + 1, none + 1, parent_pid=none, parent_tid=none))
    spaces.learn(mapped(none + 1, 0x5000, 0x1000))
    assert spaces.of(none).find(0x5000) is None
    assert spaces.of(none + 1).find(0x1000) is not None
    before = spaces.of(none + 1)
    spaces.learn(TaskEvent("comm", 0, none + 1, none + 1, flags=1, name="sh"))
    assert len(spaces.of(none + 1)) == 0
    assert len(before) == 2
    spaces.learn(TaskEvent("fork", 0, none, none + 2, parent_pid=none, parent_tid=none))
    spaces.look(none)
    assert len(spaces.of(none)) == 1


def test_a_process_that_lives_is_looked_at() -> None:
    """Its own /proc/PID/maps where nothing was recorded, and again on demand."""
    spaces = AddressSpaces()
    spaces.of(os.getpid())
    with mmap.mmap(-1, PAGE, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS):
        before = [each for each in spaces.of(os.getpid()) if each.permissions == "rw-s"]
        spaces.look(os.getpid())
        after = [each for each in spaces.of(os.getpid()) if each.permissions == "rw-s"]
        assert len(after) > len(before)


def test_paths() -> None:
    """Of a file that has a name still; through the root of a process that lives."""
    assert path_of(Region(0, 1, "r--p", inode=1, name="/etc/passwd")) == "/etc/passwd"
    there = path_of(Region(0, 1, "r--p", inode=1, name="/etc/passwd"), os.getpid())
    assert there == f"/proc/{os.getpid()}/root/etc/passwd"
    assert path_of(Region(0, 1, "r--p", inode=1, name="/nowhere"), os.getpid()) == "/nowhere"
    assert path_of(Region(0, 1, "r--p", inode=1, name="/gone (deleted)")) is None
    assert path_of(Region(0, 1, "r--p", name="[heap]")) is None


def test_lines_of_maps() -> None:
    """Names with spaces, without a name, with a newline as the kernel writes it."""
    text = [
        "00400000-00401000 r-xp 00001000 fe:00 42                         /a b\\012c (deleted)\n",
        "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]\n",
        "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n",
    ]
    assert [each.name for each in parse(text)] == ["/a b\\012c (deleted)", "[vsyscall]", ""]
