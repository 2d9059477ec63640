"""perf_event_open: what is counted as a fault, and the layout of what is recorded."""

import errno
import mmap
import os
import resource
from collections.abc import Iterator
from contextlib import suppress

import numpy
import pytest

from prefault_kit.kernel import perf
from prefault_kit.kernel.native import ffi
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 64


@pytest.fixture
def minor() -> Iterator[int]:
    """An event that counts this thread's minor faults, if it may include the kernel's."""
    try:
        fd = perf.open_event(0, major=False)
    except OSError as error:
        pytest.skip(f"faults of this thread with the kernel's may not be counted: {error}")
    yield fd
    os.close(fd)


def test_records_have_the_layout_of_the_c() -> None:
    """Every field of numpy's is where the C has it."""
    dtype = numpy.dtype(perf.FAULT_DTYPE)
    native = ffi.typeof("pf_fault")
    assert dtype.itemsize == ffi.sizeof(native)
    assert dict(native.fields).keys() == set(dtype.names)
    for name, each in native.fields:
        assert dtype.fields[name][1] == each.offset
        assert dtype.fields[name][0].itemsize == ffi.sizeof(each.type)


def test_populated_pages_are_no_faults_of_perf(minor: int) -> None:
    """getrusage counts each page that populate brings, perf none; a touch counts for both."""
    with Mapping(Backing.anon(), 2 * PAGES * PAGE) as memory:
        before, rusage = perf.count([minor]), _minor()
        memory.populate_write(0, PAGES * PAGE)
        assert perf.count([minor]) - before < PAGES // 2 < PAGES <= _minor() - rusage
        before, rusage = perf.count([minor]), _minor()
        memory.touch_write(PAGES * PAGE, PAGES * PAGE)
        assert perf.count([minor]) - before >= PAGES <= _minor() - rusage


def _minor() -> int:
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt


@pytest.mark.parametrize("included", [True, False])
def test_faults_that_the_kernel_takes(minor: int, included: bool) -> None:
    """A read into fresh memory faults in the kernel, which an event may leave out."""
    options = 0 if included else perf.USER_ONLY
    fd = perf.open_event(0, major=False, options=options)
    zeros = os.open("/dev/zero", os.O_RDONLY)
    try:
        with mmap.mmap(-1, PAGES * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            with suppress(OSError):  # of a kernel without huge pages
                memory.madvise(mmap.MADV_NOHUGEPAGE)
            before = perf.count([fd])
            assert os.readv(zeros, [memory]) == PAGES * PAGE
            counted = perf.count([fd]) - before
    finally:
        os.close(fd)
        os.close(zeros)
    assert (counted >= PAGES) is included


def test_refusals_keep_their_errno() -> None:
    """No such thread, and a buffer that is no power of two of pages; nothing stays open."""
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="perf_event_open") as caught:
        perf.open_event(2**31 - 1, major=True, options=perf.USER_ONLY)
    assert caught.value.errno in (errno.ESRCH, *perf.REFUSED)
    with pytest.raises(OSError, match="mmap") as caught:
        perf.Buffer(-1, PAGE)
    assert caught.value.errno == errno.EBADF
    with pytest.raises(OSError, match="SET_OUTPUT"):
        perf.redirect(-1, -1)
    with pytest.raises(OSError, match="ENABLE"):
        perf.Switch([-1]).set(True)
    with pytest.raises(OSError, match="read of a perf event"):
        perf.count([-1])
    assert len(os.listdir("/proc/self/fd")) == before


def test_paranoid_is_a_number_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the sysctl says; None where there is none."""
    assert perf.paranoid() is None or isinstance(perf.paranoid(), int)
    monkeypatch.setattr(perf, "PARANOID", "/nowhere")
    assert perf.paranoid() is None


def test_buffers_of_users_are_limited(ordinary_user: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much is refused as such; the allowance is what the sysctl says, or not known."""
    try:
        fd = perf.open_event(0, major=False, options=perf.USER_ONLY)
    except OSError as error:
        pytest.skip(f"faults may not be observed: {error}")
    try:
        with pytest.raises(perf.BufferRefused) as caught:
            perf.Buffer(fd, 1 << 40)
        assert caught.value.errno in (errno.EPERM, errno.ENOMEM)
    finally:
        os.close(fd)
    assert perf.buffer_allowance() is None or perf.buffer_allowance() > 0
    monkeypatch.setattr(perf, "MLOCK_KB", "/nowhere")
    assert perf.buffer_allowance() is None
