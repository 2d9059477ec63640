"""Page faults as they happen: each one, with its address and its thread, and none of others."""

import errno
import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy
import pytest

from prefault_kit.host import features
from prefault_kit.kernel import faults, page_cache, perf
from prefault_kit.kernel.faults import FaultBatch, FaultStream
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

pytestmark = pytest.mark.needs("fault_events")

PAGES = 64
NO_STACKS = pytest.mark.skipif(
    platform.machine() == "s390x", reason="the kernel follows no frame pointers on s390x"
)
PROGRAM = """
import contextlib, mmap, sys, threading
sys.stdout.write("ready\\n"); sys.stdout.flush()
def touch():
    with mmap.mmap(-1, 64 * mmap.PAGESIZE, flags=34) as memory:
        with contextlib.suppress(OSError):  # of a kernel without huge pages
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(64):
            memory[page * mmap.PAGESIZE] = 1
sys.stdin.readline()
touch()
thread = threading.Thread(target=touch)
thread.start()
thread.join()
print("done", flush=True)
sys.stdin.readline()
"""
"""A program that says when it is ready, and then touches memory in two threads."""


def offsets(batch: FaultBatch, memory: Mapping) -> list[int]:
    """The pages of a mapping that faulted, in order."""
    return [(int(each) - memory.address) // PAGE for each in batch.within(*memory.span()).address]


def test_each_touch_is_a_fault_with_its_page(ordinary_user: None) -> None:
    """In order, by this thread, minor; what was populated before takes none."""
    if lacking := features.fault_events():  # Debian forbids users what other kernels let them
        pytest.skip(f"needs {lacking.command}")
    with Mapping(Backing.anon(), PAGES * PAGE) as memory, FaultStream.of_this_thread() as stream:
        memory.populate_write(0, 3 * PAGE)
        memory.touch_write()
        batch = stream.read().within(*memory.span())
        assert offsets(batch, memory) == list(range(3, PAGES))
        assert set(batch.tid) == {threading.get_native_id()}
        assert set(batch.pid) == {os.getpid()}
        assert not batch.major.any()
        assert not batch.in_kernel.any()
        assert (numpy.diff(batch.time_ns) >= 0).all()
        assert len(batch) == len(batch.ip) == PAGES - 3
        assert len(stream.read().within(*memory.span())) == 0
        assert stream.lost == 0


def test_another_thread_is_not_this_one() -> None:
    """of_this_thread leaves it out, of_this_process has it, under its number."""
    with (
        Mapping(Backing.anon(), PAGES * PAGE) as memory,
        FaultStream.of_this_thread() as alone,
        FaultStream.of_this_process() as whole,
    ):
        numbers = []

        def touch() -> None:
            numbers.append(threading.get_native_id())
            memory.touch_write()

        thread = threading.Thread(target=touch)
        thread.start()
        thread.join()
        assert offsets(alone.read(), memory) == []
        batch = whole.read()
        assert offsets(batch, memory) == list(range(PAGES))
        assert set(batch.within(*memory.span()).tid) == set(numbers)


@NO_STACKS
def test_a_stack_leads_from_the_instruction_outwards() -> None:
    """Its first address is the instruction itself; without being asked for there is none."""
    with Mapping(Backing.anon(), PAGES * PAGE) as memory:
        with FaultStream.of_this_thread(stacks=True) as stream:
            memory.touch_write(0, PAGE)
            batch = stream.read().within(*memory.span())
            assert batch.stack(0)[0] == batch.ip[0]
        with FaultStream.of_this_thread() as stream:
            memory.touch_write(PAGE, PAGE)
            assert stream.read().within(*memory.span()).stack(0) == []


@NO_STACKS
def test_a_stack_has_an_end() -> None:
    """However deep the program is: a buffer has room for as many faults as are counted on."""
    with (
        Mapping(Backing.anon(), PAGES * PAGE) as memory,
        FaultStream.of_this_thread(stacks=True) as stream,
    ):

        def down(more: int) -> None:
            if more:
                down(more - 1)
            else:
                memory.touch_write()

        down(100)
        assert 0 < stream.read().records["depth"].max() <= 16


def test_a_full_buffer_says_how_many_it_lost() -> None:
    """What was recorded and what was lost are together what the events counted."""
    pages = PAGE // 32  # a record takes more bytes
    with (
        Mapping(Backing.anon(), (pages + 1) * PAGE) as memory,
        FaultStream.of_this_thread(buffer_bytes=PAGE) as stream,
    ):
        memory.touch_write(0, pages * PAGE)
        got = len(stream.read())
        memory.touch_write(pages * PAGE, PAGE)  # what was lost is told with the next one
        stream.stop()
        got += len(stream.read())
        assert stream.lost > 0
        assert got + stream.lost == sum(stream.counts())


def test_records_at_the_end_of_the_buffer_go_on_at_its_beginning() -> None:
    """Small buffer, many readings: none is lost or torn."""
    with (
        Mapping(Backing.anon(), 8 * PAGES * PAGE) as memory,
        FaultStream.of_this_thread(buffer_bytes=4 * PAGE, stacks=True) as stream,
    ):
        for _ in range(3):  # the first reading takes faults of its own
            stream.read()
        before = stream.lost
        seen = []
        for page in range(8 * PAGES):
            memory.touch_write(page * PAGE, PAGE)
            seen += offsets(stream.read(), memory)
        assert seen == list(range(8 * PAGES))
        assert stream.lost == before


def test_the_process_of_another_program() -> None:
    """Its threads, those that start later, and what they counted once they have ended."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with program:
        try:
            program.stdout.readline()
            with FaultStream(program.pid) as stream:
                program.stdin.write("\n")
                program.stdin.flush()
                program.stdout.readline()
                program.send_signal(signal.SIGSTOP)  # it goes on to take faults after its word
                os.waitid(os.P_PID, program.pid, os.WSTOPPED)
                batch = stream.read()
                by_thread = [int((batch.tid == tid).sum()) for tid in set(batch.tid)]
                assert len(by_thread) == 2
                assert min(by_thread) >= PAGES
                assert set(batch.pid) == {program.pid}
                assert stream.unwatched_threads == 0
                assert sum(stream.counts()) == len(batch)
                program.kill()
                program.wait(10)
                stream.wait(0)
                stream.wait(0)
                assert len(stream.read()) == 0
        finally:
            program.kill()
    with pytest.raises(ProcessLookupError):
        FaultStream(program.pid)


def test_a_program_from_its_first_instruction_on() -> None:
    """Its name, its mappings, its child; all of its faults, and none of the parent's."""
    with FaultStream.of_program() as stream:
        done = subprocess.run(["sh", "-c", "(: </dev/null); exit 7"], check=False, timeout=60)
        batch = stream.read()
        assert done.returncode == 7
        assert os.getpid() not in set(batch.pid)
        assert sum(stream.counts()) == len(batch) > 0
        kinds = {each.kind for each in batch.tasks}
        assert {"comm", "mmap", "fork", "exit"} <= kinds
        assert next(each for each in batch.tasks if each.kind == "comm").name == "sh"
        mapped = [each for each in batch.tasks if each.kind == "mmap"]
        assert any(each.name.startswith("/") and each.inode for each in mapped)
        assert len(mapped) == len(set(mapped))


def test_threads_without_descriptors_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones are watched, how many are not is said, and no descriptor stays open."""
    before = len(os.listdir("/proc/self/fd"))
    real, left = perf.open_event, [2 * len(faults._processors())]

    def scarce(*place: int, **known: object) -> int:
        if left[0] == 0:
            raise OSError(errno.EMFILE, "too many")
        fd = real(*place, **known)  # a user is refused the kernel's faults at first
        left[0] -= 1
        return fd

    monkeypatch.setattr(perf, "open_event", scarce)
    me = threading.get_native_id()
    monkeypatch.setattr(faults, "_threads", lambda _: [me, me + 1, me + 2])
    with FaultStream() as stream:
        assert stream.unwatched_threads == 2
    assert len(os.listdir("/proc/self/fd")) == before


def test_with_less_where_more_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the kernel's faults where they are forbidden, by smaller buffers, on an older
    kernel, without a processor: it works, and says what it lacks."""
    real = perf.open_event
    tries = []

    def strict(tid: int, cpu: int = -1, *, options: int, **known: object) -> int:
        tries.append(options)
        if not options & perf.USER_ONLY:
            raise OSError(errno.EACCES, "forbidden")
        if options & perf.THREADS:
            raise OSError(errno.EINVAL, "unknown")
        if cpu > 0:
            raise OSError(errno.ENODEV, "offline")
        return real(tid, cpu, options=options, **known)

    class Tight(perf.Buffer):
        def __init__(self, fd: int, length: int, *, kind: int) -> None:
            if length > 4 * PAGE:
                raise perf.BufferRefused(errno.EPERM, "too much")
            super().__init__(fd, length, kind=kind)

    monkeypatch.setattr(perf, "open_event", strict)
    monkeypatch.setattr(faults, "Buffer", Tight)
    with FaultStream() as stream:
        assert not stream.kernel_included
        assert [each.length for each in stream._buffers] == [4 * PAGE, PAGE]
    assert len(tries) > 2
    monkeypatch.setattr(perf, "open_event", lambda *_, **__: _raise(errno.EACCES))
    with pytest.raises(PermissionError):
        FaultStream()


def _raise(number: int) -> int:
    raise OSError(number, os.strerror(number))


def test_a_forked_child_is_told_and_harms_nothing() -> None:
    """It has no buffer: reading is refused, closing leaves the parent's alone."""
    with FaultStream.of_this_thread() as stream:
        child = os.fork()
        if child == 0:  # pragma: no cover
            status = 1
            try:
                stream.read()
            except ValueError:
                stream.close()
                status = 0
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        page = bytes(range(256)) * (PAGES * PAGE // 256)
        assert len(stream.read()) > 0
        del page


@pytest.mark.parametrize("pid", [-1, True, 2**31, 1.5, "1"])
def test_what_is_no_pid(pid: object) -> None:
    """ValueError that says what one is."""
    with pytest.raises(ValueError, match="positive whole number"):
        FaultStream(pid)


def test_closed_and_too_small() -> None:
    """A closed stream is not read, twice closed is once; a buffer has a page."""
    stream = FaultStream.of_this_thread()
    stream.close()
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.read()
    with pytest.raises(ValueError, match="buffer"):
        FaultStream.of_this_thread(buffer_bytes=PAGE - 1)


def test_batches_come_until_one_has_enough() -> None:
    """And no descriptor is left."""
    before = len(os.listdir("/proc/self/fd"))
    with FaultStream.of_this_thread() as stream, Mapping(Backing.anon(), PAGES * PAGE) as memory:
        seen = []
        for batch in stream.batches(period_s=0.001):
            seen += offsets(batch, memory)
            if seen:
                break
            memory.touch_read()
        assert seen == list(range(PAGES))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("inherited", [False, True])
def test_a_forked_child_is_another_process(
    inherited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its faults belong to it, unless children are asked for; also where all are inherited."""
    real = perf.open_event

    def older(*place: int, options: int, **known: object) -> int:
        if options & perf.THREADS:
            raise OSError(errno.EINVAL, "unknown")
        return real(*place, options=options, **known)

    if inherited:
        monkeypatch.setattr(perf, "open_event", older)
    with (
        Mapping(Backing.anon(), PAGES * PAGE) as memory,
        FaultStream() as own,
        FaultStream(children=True) as family,
    ):
        child = os.fork()
        if child == 0:  # pragma: no cover
            memory.touch_write()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert offsets(own.read(), memory) == []
        batch = family.read()
        assert offsets(batch, memory) == list(range(PAGES))
        assert set(batch.within(*memory.span()).pid) == {child}


@pytest.mark.needs("cachestat")
def test_major_faults_are_told_apart(disk_directory: Path) -> None:
    """A page that comes from a disk is one, for two streams at once; the next time it is not."""
    with Mapping(Backing.file(disk_directory), PAGES * PAGE, "shared") as memory:
        memory.touch_write()
        memory.advise("MADV_DONTNEED", 0, PAGES * PAGE)
        page_cache.evict(memory.fd)  # in vain on tmpfs, where the faults are minor
        with FaultStream.of_this_thread() as stream, FaultStream(minor=False) as majors:
            work = memory.touch_read()
            batch = stream.read().within(*memory.span())
            assert int(batch.major.sum()) == work.major_faults
            assert len(majors.read().within(*memory.span())) == work.major_faults
            assert majors.counts()[0] == 0
            memory.advise("MADV_DONTNEED", 0, PAGES * PAGE)
            memory.touch_read()
            assert not stream.read().within(*memory.span()).major.any()
