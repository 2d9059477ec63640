"""prefault_kit.studies.trace.placing: what the kernel's records of mappings mean."""

from __future__ import annotations

import numpy
import pytest

from prefault_kit.kernel import perf
from prefault_kit.kernel.perf import TaskEvent
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.trace import ANONYMOUS, FILE, HEAP, SHARED, STACK, UNRECORDED
from prefault_kit.studies.trace import placing
from prefault_kit.studies.trace.placing import Placed, Placer

BASE = 1 << 20
"""Pages are counted from here."""


def mapped(time: int, first: int, pages: int, name: str = "//anon", **other: int) -> TaskEvent:
    """A record of a mapping, readable and writable without other words."""
    known = {"pid": 1, "tid": 1, "protection": 3, "flags": 2} | other
    return TaskEvent(
        "mmap", time, address=(BASE + first) * PAGE, length=pages * PAGE, name=name, **known
    )


def placed(tasks: list[TaskEvent], faults: list[tuple[int, int]], pid: int = 1) -> Placed:
    """Where faults lie, each a time and a page."""
    records = numpy.zeros(len(faults), perf.FAULT_DTYPE)
    records["pid"] = records["tid"] = pid
    records["time_ns"] = [time for time, _ in faults]
    records["address"] = [(BASE + page) * PAGE + 5 for _, page in faults]
    return Placer().place(records, tasks, "program")


def where(found: Placed) -> list[tuple[int, int]]:
    """Of each fault the mapping and the page in it."""
    return list(zip(found.mapping.tolist(), found.page.tolist(), strict=True))


def test_a_merged_mapping_is_a_new_one_beside_the_old() -> None:
    """The kernel records both as one."""
    found = placed([mapped(1, 10, 5), mapped(3, 6, 9)], [(2, 10), (4, 6), (5, 12)])
    assert where(found) == [(0, 0), (1, 0), (0, 2)]
    assert [each.size_bytes // PAGE for each in found.mappings] == [5, 4]


def test_the_same_range_again_is_a_new_mapping() -> None:
    """So is a part of it: the old one was unmapped, which is not recorded."""
    found = placed(
        [mapped(1, 10, 8), mapped(3, 10, 8), mapped(5, 12, 6)], [(2, 12), (4, 12), (6, 12), (7, 10)]
    )
    assert where(found) == [(0, 2), (1, 2), (2, 0), (1, 0)]
    assert [each.ordinal for each in found.mappings] == [1, 2, 1]


def test_a_part_of_a_merged_mapping_again() -> None:
    """It was unmapped, and mapped anew beside the other one, which stays."""
    tasks = [mapped(1, 10, 5), mapped(2, 6, 9), mapped(4, 6, 9), mapped(6, 6, 9)]
    found = placed(tasks, [(3, 7), (5, 7), (7, 7), (8, 11)])
    assert where(found) == [(1, 1), (2, 1), (3, 1), (0, 1)]
    assert [each.size_bytes // PAGE for each in found.mappings] == [5, 4, 4, 4]


def test_other_permissions_make_no_other_mapping() -> None:
    """Memory that is reserved, and made writable in growing parts."""
    tasks = [mapped(1, 10, 50, protection=0), mapped(2, 10, 4), mapped(4, 10, 9)]
    found = placed(tasks, [(3, 11), (5, 18)])
    assert where(found) == [(0, 1), (0, 8)]
    assert found.mappings[0].permissions == "rw-p"


def test_what_is_read_only_then_was_read() -> None:
    """By the permissions at the time of the fault."""
    tasks = [mapped(1, 10, 4, protection=1), mapped(3, 10, 4), mapped(5, 10, 4, protection=1)]
    found = placed(tasks, [(2, 10), (4, 11), (6, 12)])
    assert found.read_only.tolist() == [True, False, True]


def test_pages_of_a_file() -> None:
    """By its offset, whatever maps it; anonymous memory over a part of it is its own."""
    file = {"inode": 7, "offset": 4 * PAGE}
    tasks = [mapped(1, 10, 8, "/a", **file), mapped(1, 30, 2, "/a", inode=7), mapped(2, 14, 2)]
    found = placed(tasks, [(3, 11), (3, 31), (3, 15), (3, 17)])
    assert where(found) == [(0, 5), (0, 1), (1, 1), (0, 11)]
    assert [each.kind for each in found.mappings] == [FILE, ANONYMOUS]
    assert (found.mappings[0].first_page, found.mappings[0].size_bytes) == (0, 12 * PAGE)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/memfd:a (deleted)", SHARED),
        ("/dev/zero (deleted)", SHARED),
        ("/a (deleted)", SHARED),
        ("/dev/shm/a", FILE),
    ],
)
def test_files_without_a_name_are_memory(name: str, kind: str) -> None:
    """Another run does not find them by it."""
    found = placed([mapped(1, 10, 8, name, inode=7, flags=1)], [(2, 10)])
    assert found.mappings[0].kind == kind
    assert found.mappings[0].permissions == "rw-s"


def test_the_heap_grows() -> None:
    """Its later records have no name; a child's goes on where its parent's was."""
    tasks = [
        mapped(1, 10, 4, "[heap]"),
        mapped(2, 10, 9),
        TaskEvent("fork", 4, 2, 2, 1, 1),
        mapped(5, 10, 12, pid=2, tid=2),
    ]
    found = placed(tasks, [(3, 17)])
    assert where(found) == [(0, 7)]
    assert found.mappings[0].kind == HEAP
    child = placed(tasks, [(6, 21)], pid=2)
    assert where(child) == [(0, 11)]
    assert [each.forked for each in child.images] == [False, True]


def test_the_heap_grows_by_a_part_of_its_own() -> None:
    """As where it has other flags by now, and the kernel keeps the two apart."""
    found = placed([mapped(1, 10, 4, "[heap]"), mapped(2, 14, 5)], [(3, 17)])
    assert where(found) == [(0, 7)]
    assert found.mappings[0].kind == HEAP


def test_the_stack_grows_down() -> None:
    """Its pages count from its top; few faults are looked up as many are."""
    for many in (1, placing.FEW + 1):
        found = placed([mapped(1, 100, 10, "[stack]")], [(2, 109), (2, 101), (3, 90)] * many)
        assert where(found)[:3] == [(0, 0), (0, 8), (0, 19)]
        assert found.mappings[0].kind == STACK
        assert found.mappings[0].size_bytes == 20 * PAGE


def test_where_nothing_was_recorded() -> None:
    """The page is that of the address, and no other mapping is blamed."""
    for many in (1, placing.FEW + 1):
        found = placed([mapped(1, 10, 2), mapped(1, 90, 2)], [(2, 12), (2, 9), (2, 91)] * many)
        assert [found.mappings[each].kind for each in found.mapping[:3]] == [
            UNRECORDED, UNRECORDED, ANONYMOUS,
        ]  # fmt: skip
        assert found.page[:3].tolist() == [BASE + 12, BASE + 9, 1]


def test_a_new_program_has_nothing_of_the_old() -> None:
    """What it maps is its own, and counted anew."""
    tasks = [
        TaskEvent("comm", 0, 1, 1, flags=1, name="one"),
        mapped(1, 10, 4),
        TaskEvent("comm", 3, 1, 1, flags=1, name="other"),
        mapped(4, 10, 4),
        TaskEvent("comm", 5, 1, 1, name="named"),
    ]
    found = placed(tasks, [(2, 10), (6, 11)])
    assert where(found) == [(0, 0), (1, 1)]
    assert [(each.image, each.ordinal) for each in found.mappings] == [(0, 1), (1, 1)]
    assert [each.name for each in found.images] == ["one", "other"]
    assert found.names == {1: "named"}


def test_too_many_mappings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that come after are told apart no more."""
    monkeypatch.setattr(placing, "MOST_MAPPINGS", 3)
    tasks = [mapped(at, 10 * at, 2) for at in range(9)]
    found = placed(tasks, [(20, 10 * at) for at in range(9)])
    kinds = [found.mappings[each].kind for each in found.mapping]
    assert kinds == [ANONYMOUS] * 3 + [UNRECORDED] * 6


def test_without_faults() -> None:
    """Nothing is placed."""
    assert where(placed([mapped(1, 10, 4)], [])) == []
