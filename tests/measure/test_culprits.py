"""Faults by thread and mapping: counted, named, and bounded."""

from typing import Any

import numpy
import pytest

from prefault_kit.kernel.address_space import AddressSpace, Region
from prefault_kit.kernel.faults import FaultBatch
from prefault_kit.kernel.perf import FAULT_DTYPE
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import culprits
from prefault_kit.measure.culprits import Tally

CODE = Region(256 * PAGE, PAGE, "r-xp", 0, (1, 1), 5, "/bin/program")
DATA = Region(16 * PAGE, 16 * PAGE, "rw-p")
FILE = Region(64 * PAGE, 16 * PAGE, "r--s", 3 * PAGE, (1, 1), 6, "/data/weights")


def batch(*faults: dict[str, Any], stacks: list[list[int]] | None = None) -> FaultBatch:
    """Faults of thread 1 of process 1 at the first instruction, unless told otherwise."""
    stacks = stacks or [[] for _ in faults]
    records = numpy.zeros(len(faults), FAULT_DTYPE)
    for at, fault in enumerate(faults):
        known = {"pid": 1, "tid": 1, "ip": CODE.address, "depth": len(stacks[at])} | fault
        for name, value in known.items():
            records[at][name] = value
    ips = numpy.array([ip for each in stacks for ip in each], "u8")
    starts = numpy.cumsum([0, *(len(each) for each in stacks)])[:-1]
    return FaultBatch(records, ips, starts)


def tally(*more: Region) -> Tally:
    """One that knows the mappings above."""
    space = AddressSpace([CODE, DATA, FILE, *more])
    return Tally(lambda _: space)


def test_by_thread_and_mapping() -> None:
    """Major faults come first; pages are counted once, and where the file is read is told."""
    counting = tally()
    counting.names = {2: "worker"}
    counting.add(batch(*({"address": DATA.address + page * PAGE} for page in (0, 1, 1))))
    counting.add(batch({"address": FILE.address + PAGE, "tid": 2, "major": True}))
    first, second = counting.culprits()
    assert (first.tid, first.thread, first.minor, first.major) == (2, "worker", 0, 1)
    assert first.where == f"/data/weights r--s at {FILE.address + PAGE:#x}, offset {4 * PAGE}"
    assert (second.tid, second.minor, second.major, second.pages) == (1, 3, 0, 2)
    assert second.lines()[0] == (
        f"3 minor faults on 2 pages of anonymous memory rw-p at {DATA.address:#x}, by thread 1"
    )
    assert first.as_dict()["mapping"]["name"] == "/data/weights"


def test_the_place_is_where_most_were() -> None:
    """With a stack of one of those, as far as it is code."""
    counting = tally()
    often, seldom = CODE.address + 4, CODE.address + 8
    counting.add(
        batch(
            {"address": DATA.address, "ip": seldom},
            {"address": DATA.address + PAGE, "ip": often},
            {"address": DATA.address + 2 * PAGE, "ip": often},
            stacks=[[seldom], [often, seldom, DATA.address, 7], [often]],
        )
    )
    [found] = counting.culprits()
    assert found.place.address == often
    assert [each.address for each in found.stack] == [often, seldom]
    assert found.lines()[1] == "  in /bin/program+0x4"
    assert found.lines()[2] == "  from /bin/program+0x8"


@pytest.mark.parametrize(
    ("times", "words"), [(1, "MADV_POPULATE_WRITE"), (2, "MADV_POPULATE_WRITE"), (3, "given back")]
)
def test_a_page_that_faults_again(times: int, words: str) -> None:
    """Read and then written is no more than it needs; a third time it had been given back."""
    counting = tally()
    counting.add(batch(*({"address": DATA.address} for _ in range(times))))
    assert words in counting.culprits()[0].advice


def test_before_and_after_a_fork() -> None:
    """Are two culprits, each with its advice."""
    counting = tally()
    counting.add(batch({"address": DATA.address}))
    counting.forked = {1}
    counting.add(batch({"address": DATA.address + PAGE}))
    assert ["fork" in each.advice for each in counting.culprits()] == [False, True]


def test_what_is_gone_or_was_never_seen() -> None:
    """The past is asked where the present has nothing; else the address alone is told."""
    now, past = AddressSpace([CODE]), AddressSpace([DATA])
    counting = Tally(lambda _: now, lambda _: past)
    counting.add(batch({"address": DATA.address}, {"address": 7}))
    unknown, gone = counting.culprits()
    assert (gone.gone, gone.region, unknown.region) == (True, DATA, None)
    assert "(unmapped since)" in gone.where
    assert unknown.where == "a mapping that is gone, at 0x7"
    assert unknown.as_dict()["mapping"] is None
    assert gone.place.file == "/bin/program"


def test_it_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages and places there are, counts stay exact."""
    monkeypatch.setattr(culprits, "MOST_PAGES", 4)
    monkeypatch.setattr(culprits, "MOST_PLACES", 2)
    counting = tally()
    counting.add(
        batch(
            *(
                {"address": DATA.address + page * PAGE, "ip": CODE.address + page}
                for page in range(10)
            )
        )
    )
    [found] = counting.culprits()
    assert (found.minor, found.pages) == (10, 4)
    assert "given back" not in found.advice
    [group] = counting._groups.values()
    assert len(group.places) == 2


def test_a_thread_s_stack_is_known_by_what_lies_before_it() -> None:
    """An inaccessible page; and by being used from its end."""
    stack = Region(200 * PAGE, 8 * PAGE, "rw-p")
    counting = tally(Region(199 * PAGE, PAGE, "---p"), stack)
    counting.add(batch({"address": stack.address}))
    assert "stack" not in counting.culprits()[0].advice
    counting = tally(Region(199 * PAGE, PAGE, "---p"), stack)
    counting.add(batch({"address": stack.end - 1}))
    assert "stack" in counting.culprits()[0].advice
    reserved = Region(199 * PAGE - (1 << 20), PAGE + (1 << 20), "---p")  # too large for a guard
    counting = tally(reserved, stack)
    counting.add(batch({"address": stack.end - 1}))
    assert "stack" not in counting.culprits()[0].advice
