"""prefault_kit.studies.process.faults: where faults happened, of a process that takes them."""

import os
import subprocess
import sys
from collections import Counter

import numpy
import pytest

from prefault_kit.host import features
from prefault_kit.kernel import faults as stream
from prefault_kit.kernel import perf
from prefault_kit.kernel.address_space import AddressSpace, Region
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.process import NoAccess, Process, faults

CHURN = """
import mmap, sys
size = 64 * mmap.PAGESIZE
memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_NOHUGEPAGE)
print("up", flush=True)
while True:
    memory[:] = bytes(size)
    memory.madvise(mmap.MADV_DONTNEED)
"""


@pytest.mark.skipif(features.fault_events() is not None, reason="needs perf events")
def test_a_process_that_takes_faults_for_ever() -> None:
    """The mapping, the place and the thread are named, and so is what is wrong."""
    with subprocess.Popen([sys.executable, "-c", CHURN], stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout
            assert running.stdout.readline() == b"up\n"
            with Process(running.pid) as process:
                before = process.overview(files=False)
                found = process.faults(0.3)
                changes = process.changes(before)
                told = process.diagnose(changes, found)
        finally:
            running.kill()
    assert found.total > 64
    assert found.minor + found.major == sum(each.minor + each.major for each in found.mappings)
    first = found.mappings[0]
    assert (first.title, first.permissions) == ("anonymous", "rw-p")
    assert found.files[0][0] == "anonymous"
    assert found.threads[0][0] == running.pid
    assert found.places[0].place.file
    assert [each.rule for each in told if each.level == "problem"][:1] == ["steady-faults"]
    assert f"0x{first.address:x}" in told[0].sentence


def test_addresses_are_counted_by_mapping() -> None:
    """The first and the last byte of each; what lies in none comes back."""
    regions = [Region(2 * PAGE, PAGE, "rw-p"), Region(4 * PAGE, PAGE, "r--p", name="/f")]
    into: Counter[faults.Key] = Counter()
    places = (0, 2 * PAGE, 3 * PAGE - 1, 3 * PAGE, 4 * PAGE, 5 * PAGE)
    left = faults._find(numpy.array(places, "u8"), regions, into, gone=False)
    assert into == {("anonymous", 2 * PAGE, "rw-p"): 2, ("/f", 4 * PAGE, "r--p"): 1}
    assert left.tolist() == [0, 3 * PAGE, 5 * PAGE]
    gone: Counter[faults.Key] = Counter()
    assert not len(faults._find(numpy.array([2 * PAGE], "u8"), regions, gone, gone=True))
    assert gone == {("anonymous (unmapped since)", None, "rw-p"): 1}


def test_what_is_told_apart_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No fault is lost by that."""
    monkeypatch.setattr(faults, "MOST_KEYS", 3)
    counter: Counter[object] = Counter()
    for key in range(9):
        faults._count(counter, key, 2, "others")
    assert counter == {0: 2, 1: 2, 2: 2, "others": 12}


def test_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that helps, in place of a bare errno."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "permission denied")

    monkeypatch.setattr(faults, "FaultStream", refuse)
    with Process(os.getpid()) as process, pytest.raises(NoAccess, match="perf_event_open answers"):
        process.faults(0.1)
    assert issubclass(stream.FaultStream, object)


def test_what_the_kernel_takes_is_the_programs() -> None:
    """By the instruction behind the system call; without a stack it stays the kernel's."""
    kernel = (1 << 63) + 5
    records = numpy.zeros(3, perf.FAULT_DTYPE)
    records["ip"] = [7, kernel, kernel]
    records["in_kernel"] = [0, 1, 1]
    records["depth"] = [2, 2, 0]
    batch = stream.FaultBatch(records, numpy.array([7, 8, 9, 10], "u8"), numpy.array([0, 2, 4]))
    assert faults._places_of(batch).tolist() == [7, (1 << 63) + 9, kernel]


def test_a_stack_ends_where_it_is_no_code() -> None:
    """Without frame pointers a chain leads to data; what the kernel did is no caller."""
    code, data = Region(PAGE, PAGE, "r-xp"), Region(8 * PAGE, PAGE, "rw-p")
    tally = faults._Tally(stacks={PAGE + 4: [PAGE + 4, (1 << 63) + 9, PAGE + 8, 8 * PAGE, 1]})
    tally.place_minor[PAGE + 4] = 3
    [found] = faults._places(tally, AddressSpace([code, data]), os.getpid())
    assert [each.address for each in found.stack] == [PAGE + 8]
    assert (found.minor, found.by_kernel) == (3, False)
