"""Lines of Python that fault: by SIGTRAP, which is given back, and not taken from who uses it."""

import errno
import mmap
import os
import signal
import subprocess
from contextlib import suppress

import pytest

from prefault_kit.kernel import perf
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import python_lines
from prefault_kit.measure.python_lines import PythonLines, parse


def touch(memory: mmap.mmap, first: int, pages: int) -> None:
    """Write to pages from Python."""
    for page in range(first, first + pages):
        memory[page * PAGE] = 1


def test_each_fault_has_its_line() -> None:
    """With who called it; none after so many, and none once it has stopped.

    The interpreter may take one of its own in the same line.
    """
    before = len(os.listdir("/proc/self/fd"))
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    with mmap.mmap(-1, 32 * PAGE, flags=private) as memory, PythonLines() as lines:
        with suppress(OSError):  # of a kernel without huge pages
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        if lines.missing:
            pytest.skip(str(lines.missing))
        touch(memory, 0, 1)  # what the interpreter itself takes the first time
        memory.madvise(mmap.MADV_DONTNEED)
        lines.begin(8)
        touch(memory, 0, 4)
        lines.stop()
        touch(memory, 4, 4)
        of_touch = [n for where, n in lines.counted().items() if " in touch, from" in where]
        assert 4 <= sum(of_touch) < 8
        lines.begin(8)
        touch(memory, 8, 24)
        lines.stop()
        assert sum(lines.counted().values()) == 16  # four were left of the first eight
    assert signal.getsignal(signal.SIGTRAP) is signal.SIG_DFL
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("status", [-signal.SIGTRAP, 1])
def test_a_kernel_that_ends_who_blocks_the_signal(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Is found out in another process; then there are no lines, and nothing is left."""
    done = subprocess.CompletedProcess((), status, b"", b"")
    monkeypatch.setattr(python_lines.subprocess, "run", lambda *_, **__: done)
    python_lines.why_not.cache_clear()
    try:
        with PythonLines() as lines:
            assert ("5.18" in lines.missing.reason) is (status == -signal.SIGTRAP)
            lines.stop()
            assert lines.counted() == {}
    finally:
        python_lines.why_not.cache_clear()
    assert not python_lines._in_use.locked()


@pytest.mark.parametrize("how", ["handled", "blocked"])
def test_sigtrap_that_is_used(how: str) -> None:
    """Is left alone, and it says so."""
    before = signal.getsignal(signal.SIGTRAP)
    try:
        if how == "handled":
            signal.signal(signal.SIGTRAP, lambda *_: None)
        else:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTRAP])
        with PythonLines() as lines:
            assert "SIGTRAP" in lines.missing.reason
            lines.begin(1)
            lines.stop()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTRAP])
        signal.signal(signal.SIGTRAP, before)


def test_a_kernel_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """EINVAL is told; what is forbidden is an error."""

    def refuse(number: int) -> None:
        def opening(*_: object, **__: object) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(perf, "open_event", opening)

    monkeypatch.setattr(python_lines, "why_not", lambda: None)
    refuse(errno.EINVAL)
    with PythonLines() as lines:
        assert "5.13" in lines.missing.reason
    refuse(errno.EACCES)
    for _ in range(2):
        with pytest.raises(PermissionError):
            PythonLines()


def test_what_faulthandler_writes() -> None:
    """Frames beyond the third are left out; what is cut short counts for nothing."""
    frame = '  File "/a b.py", line 3 in f\n'
    text = "Stack (most recent call first):\n" + 4 * frame + "Stack (most recent call first):\n"
    assert parse(text) == {", from ".join(3 * ["/a b.py:3 in f"]): 1}
    assert parse("") == {}
