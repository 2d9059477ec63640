"""prefault_kit.kernel.smaps: the accounting view, on captured texts and on the running kernel."""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from prefault_kit.kernel import address_space, smaps
from prefault_kit.kernel.looking import Looking
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

SIZE = 512 * PAGE

OLD = """\
7f0000000000-7f0000200000 rw-p 00000000 00:00 0
Size:               2048 kB
Rss:                   8 kB
Pss:                   8 kB
Shared_Clean:          0 kB
Shared_Dirty:          0 kB
Private_Clean:         0 kB
Private_Dirty:         8 kB
Anonymous:             8 kB
AnonHugePages:         0 kB
Locked:                0 kB
VmFlags: rd wr mr mw me ac sd
7f0000200000-7f0000400000 rw-p 00000000 00:00 0
Size:               2048 kB
Rss:                   4 kB
Private_Dirty:         4 kB
VmFlags: rd wr mr mw me ac sd
7f0000400000-7f0000401000 ---p 00000000 00:00 0
Rss:                 999 kB
"""

FUTURE = """\
ffff80000000-ffff80010000 rw-p 00000000 00:00 0    /path with spaces (deleted)
Size:                 64 kB
KernelPageSize:       64 kB
MMUPageSize:          64 kB
Rss:                  64 kB
Pss_Dirty:            64 kB
Brand_New:            12 kB
THPeligible:           1
ProtectionKey:         0
VmFlags: rd wr sh mr mw me ms
"""


def test_only_the_range_is_summed() -> None:
    """VMAs of the range add up; the one behind it does not count."""
    usage = smaps.parse(OLD.splitlines(keepends=True), 0x7F0000000000, 4 << 20)
    assert usage.rss == 12 * 1024
    assert usage.private_dirty == 12 * 1024


def test_missing_field_is_none_not_zero() -> None:
    """A kernel without Shared_Hugetlb gives None, so that nobody takes it for a measured 0."""
    usage = smaps.parse(OLD.splitlines(keepends=True), 0x7F0000000000, 4 << 20)
    assert usage.shared_hugetlb is None
    assert usage.locked == 0


def test_unknown_field_is_kept() -> None:
    """A field that this kit has never heard of is kept in bytes under the kernel's name."""
    usage = smaps.parse(FUTURE.splitlines(keepends=True), 0xFFFF80000000, 65536)
    assert usage.other["Brand_New"] == 12 * 1024
    assert usage.other["Pss_Dirty"] == 64 * 1024
    assert "THPeligible" not in usage.other
    assert usage.vm_flags == ("rd", "wr", "sh", "mr", "mw", "me", "ms")


def test_as_dict_has_the_stable_names() -> None:
    """`run --json` prints exactly the documented names."""
    assert list(smaps.Usage().as_dict()) == [
        "rss", "pss", "shared_clean", "shared_dirty", "private_clean", "private_dirty",
        "anonymous", "anon_huge", "shared_hugetlb", "private_hugetlb", "locked",
    ]  # fmt: skip


def test_populate_read_of_anon_is_not_in_rss() -> None:
    """512 pages of the zero page: Rss 0 (promise 1)."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        mapping.populate_read()
        assert mapping.usage().rss == 0


def test_populate_write_of_anon_is_private_dirty() -> None:
    """512 pages of its own: Rss, Anonymous and Private_Dirty are the whole range (promise 3)."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        mapping.populate_write()
        usage = mapping.usage()
        assert usage.rss == usage.anonymous == usage.private_dirty == SIZE


def test_neighbours_never_merge_in() -> None:
    """The smaps of one mapping stay exact between equal neighbours, and under PROT_NONE."""
    neighbours = [Mapping(Backing.anon(), SIZE) for _ in range(8)]
    for neighbour in neighbours:
        neighbour.populate_write()
    with Mapping(Backing.anon(), SIZE) as mapping:
        mapping.populate_write(length=3 * PAGE)
        assert mapping.usage().rss == 3 * PAGE
        mapping.protect("none")
        assert mapping.usage().rss == 3 * PAGE
    for neighbour in neighbours:
        assert neighbour.usage().rss == SIZE
        neighbour.close()


def test_a_split_range_is_summed() -> None:
    """After a partial mprotect the range is two VMAs, and their sum is reported."""
    with Mapping(Backing.anon(), SIZE) as mapping:
        mapping.populate_write()
        mapping.protect("r", 0, 4 * PAGE)
        assert mapping.usage().rss == SIZE


def test_locked(memlock: int) -> None:
    """mlock shows as Locked."""
    size = min(SIZE, memlock // PAGE * PAGE)
    with Mapping(Backing.anon(), size) as mapping:
        mapping.mlock()
        assert mapping.usage().locked == size
        mapping.munlock()
        assert mapping.usage().locked == 0


@pytest.mark.needs("hugetlb")
@pytest.mark.parametrize("sharing", ["private", "shared"])
def test_hugetlb_is_not_in_rss(sharing: str, huge_page_bytes: int) -> None:
    """hugetlb pages are in Private_Hugetlb (or Shared_), never in Rss."""
    with Mapping(Backing.anon(huge_page_bytes), huge_page_bytes, sharing) as mapping:
        mapping.populate_write()
        usage = mapping.usage()
        assert usage.rss == 0
        assert (usage.private_hugetlb or 0) + (usage.shared_hugetlb or 0) == huge_page_bytes


@pytest.mark.parametrize("page_kb", [4, 16, 64])
def test_text_of_other_page_sizes(page_kb: int) -> None:
    """smaps counts in kB whatever a page is: two VMAs of three pages, one page behind them."""
    page, address = page_kb * 1024, 0xFFFF80000000
    bounds = (0, 3 * page), (3 * page, 6 * page), (6 * page, 7 * page)
    lines: list[str] = []
    for low, high in bounds:
        lines += [
            f"{address + low:x}-{address + high:x} rw-p 00000000 00:00 0 \n",
            f"KernelPageSize: {page_kb:8} kB\n",
            f"MMUPageSize:    {page_kb:8} kB\n",
            f"Rss:            {(high - low) // 1024:8} kB\n",
            f"Private_Dirty:  {page_kb:8} kB\n",
            "VmFlags: rd wr mr mw me ac \n",
        ]
    usage = smaps.parse(lines, address, 6 * page)
    assert (usage.rss, usage.private_dirty) == (6 * page, 2 * page)
    assert usage.anon_huge is None


def test_each_area_has_its_permissions_and_flags() -> None:
    """A range whose protection varies is several areas; what lies beside it is none of them."""
    with Mapping(Backing.anon(), 4 * PAGE) as memory:
        memory.protect("r", PAGE, 2 * PAGE)
        address, _ = memory.span()
        found = smaps.areas(*memory.span())
    assert [(each.address - address, each.length) for each in found] == [
        (0, PAGE),
        (PAGE, 2 * PAGE),
        (3 * PAGE, PAGE),
    ]
    assert [each.permissions for each in found] == ["rw-p", "r--p", "rw-p"]
    assert ["wr" in each.vm_flags for each in found] == [True, False, True]


def _own_smaps() -> Iterator[int]:
    fd = os.open("/proc/self/smaps", os.O_RDONLY)
    yield fd
    os.close(fd)


own_smaps = contextmanager(_own_smaps)


def test_records_are_those_of_the_list() -> None:
    """Each mapping once, in order, with its flags and sizes; each read is counted."""
    with Mapping(Backing.anon(), SIZE) as mapping, own_smaps() as fd:
        mapping.populate_write()
        looking = Looking()
        found = list(smaps.records(fd, looking))
        own = next(each for each in found if each.head.address == mapping.address)
    assert (own.head.length, own.usage.rss, own.page_size_bytes) == (SIZE, SIZE, PAGE)
    assert "wr" in own.usage.vm_flags
    assert [each.head.address for each in found] == sorted(each.head.address for each in found)
    assert looking.calls >= len(found)


@pytest.mark.parametrize("skipped", range(6))
def test_reading_ends_before_a_mapping_that_may_not_be_walked(
    skipped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records before it are whole but for the last, whose last byte would have walked it."""
    listed = list(address_space.of("self"))
    limit = listed[skipped].address
    read = os.read
    taken = b""

    def keep(fd: int, size: int) -> bytes:
        nonlocal taken
        got = read(fd, size)
        taken += got
        return got

    def may_walk(passed: int) -> bool:
        return next(each.address for each in listed if each.address >= passed) < limit

    with own_smaps() as fd:
        monkeypatch.setattr(os, "read", keep)
        found = list(smaps.records(fd, Looking(), may_walk))
        monkeypatch.undo()
    before = [each.address for each in listed[:skipped]]
    assert [each.head.address for each in found] == before[:-1]
    assert all(each.usage.vm_flags for each in found)
    for _ in found:
        taken = taken[smaps._record_end(taken) :]
    assert smaps._record_end(taken) is None


def test_a_record_of_another_architecture() -> None:
    """64 KiB pages, a name with blanks, fields that nobody knows yet."""
    record = smaps.parse_record(FUTURE.encode())
    assert record.head.name == "/path with spaces (deleted)"
    assert record.page_size_bytes == 65536
    assert record.thp_eligible is True
    assert record.usage.other["Brand_New"] == 12 * 1024


def test_each_area_has_its_file() -> None:
    """Name, place, device and inode; from maps as from smaps, which has the flags besides."""
    with Mapping(Backing.memfd(), 4 * PAGE, "shared") as memory:
        with_flags, without = (
            smaps.areas(*memory.span(PAGE, PAGE), flags=flags) for flags in (True, False)
        )
        inode = os.fstat(memory.fd).st_ino
    assert [dataclasses.replace(each, vm_flags=()) for each in with_flags] == without
    assert (without[0].inode, without[0].offset, without[0].vm_flags) == (inode, 0, ())
    assert without[0].name.startswith("/memfd:")
    assert not without[0].private
    assert without[0].has_file
    with Mapping(Backing.anon(), PAGE) as memory:
        (area,) = smaps.areas(*memory.span(), flags=False)
    assert area.private
    assert not area.has_file


def test_ranges_by_one_reading() -> None:
    """In the order that was asked for; a mapping that is not within one counts for none."""
    with Mapping(Backing.memfd(), 8 * PAGE, "shared") as memory:
        memory.touch_write(0, 3 * PAGE)
        whole = memory.span()
        found = smaps.rss_of([(whole[0] + (1 << 40), PAGE), whole])
        part = smaps.rss_of([memory.span(0, 2 * PAGE)])
    assert (found, part) == ([0, 3 * PAGE], [0])
    with pytest.raises(OSError, match="No such"):
        smaps.rss_of([whole], 1 << 22)


def test_the_proportional_set_size() -> None:
    """Grows by what is touched; no process, no figure."""
    before = smaps.rollup_pss()
    with Mapping(Backing.anon(), 4096 * PAGE) as memory:
        memory.touch_write()
        after = smaps.rollup_pss()
    assert before is not None and after is not None and after - before > 2048 * PAGE
    with pytest.raises(OSError, match="No such"):
        smaps.rollup_pss(1 << 22)
