"""prefault_kit.kernel.process: a process is held fast, whatever becomes of its id."""

import os
import subprocess
import threading
from collections.abc import Iterator

import pytest

from prefault_kit.kernel import process
from prefault_kit.kernel.process import ProcessDirectory
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A program that does nothing."""
    with subprocess.Popen(["sleep", "60"]) as running:
        yield running
        running.kill()


def test_a_name_may_hold_anything() -> None:
    """Blanks, brackets and line ends do not shift the fields behind it."""
    line = b"7 (a) R 1\n) S 1 1 1 0 -1 0 5 0 2 0 0 0 0 0 20 0 3 0 99 0 0\n"
    stat = process.parse_stat(line)
    assert (stat.command, stat.state, stat.minor_faults, stat.major_faults) == (
        "a) R 1\n",
        "S",
        5,
        2,
    )
    assert (stat.threads, stat.start_ticks) == (3, 99)


def test_this_process_counts_its_faults() -> None:
    """A touched page is one more, and the limits are there."""
    with ProcessDirectory(os.getpid()) as own:
        before = own.stat().minor_faults
        with Mapping(Backing.anon(), 64 * PAGE_SIZE_BYTES) as memory:
            memory.touch_write()
        assert own.stat().minor_faults >= before + 64
        assert own.limits()["Max open files"]
        assert not own.ended()
        assert any(each.name == "[stack]" for each in own.regions())


def test_an_ended_process_is_noticed(sleeper: subprocess.Popen[bytes]) -> None:
    """Nothing more is read of it, though its directory is held."""
    with ProcessDirectory(sleeper.pid) as held:
        assert not held.ended()
        sleeper.kill()
        sleeper.wait(60)
        assert held.ended()
        with pytest.raises(ProcessLookupError):
            held.text("status")


def test_no_descriptor_is_left(sleeper: subprocess.Popen[bytes]) -> None:
    """Neither after closing, nor where there is no such process."""
    before = os.listdir("/proc/self/fd")
    with ProcessDirectory(sleeper.pid):
        pass
    sleeper.kill()
    sleeper.wait(60)
    with pytest.raises((ProcessLookupError, FileNotFoundError)):
        ProcessDirectory(sleeper.pid)
    assert os.listdir("/proc/self/fd") == before


def test_a_thread_leads_to_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads have one memory."""
    found, done = threading.Event(), threading.Event()
    ids: list[int] = []

    def work() -> None:
        ids.append(threading.get_native_id())
        found.set()
        done.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    found.wait(60)
    try:
        with ProcessDirectory(ids[0]) as held:
            assert (held.pid, held.asked_pid) == (os.getpid(), ids[0])
        monkeypatch.setattr(ProcessDirectory, "_is_thread", lambda *_: False)
        with pytest.raises(ProcessLookupError):  # its id is another's meanwhile
            ProcessDirectory(ids[0])
    finally:
        done.set()
        thread.join()


LEADERLESS = """
import ctypes, sys, threading, time
def go():
    time.sleep(0.05)
    print("gone", flush=True)
    time.sleep(60)
threading.Thread(target=go).start()
ctypes.CDLL(None).syscall(60 if sys.argv[1] == "x86_64" else 93, 0)  # exit of this thread alone
"""


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="numbers of exit(2)")
def test_a_process_whose_first_thread_has_ended() -> None:
    """It is a zombie by its stat, and its memory is seen through another thread."""
    import sys

    program = [sys.executable, "-c", LEADERLESS, os.uname().machine]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout
            assert running.stdout.readline() == b"gone\n"
            with ProcessDirectory(running.pid) as held:
                assert not held.ended()
                assert held.stat().state not in process.ZOMBIES
                assert held.regions()
        finally:
            running.kill()


@pytest.mark.parametrize("pid", [0, -1, True, 1 << 40, "1"])
def test_what_is_no_id_is_refused(pid: object) -> None:
    """In a sentence with the limits."""
    with pytest.raises(ValueError, match="a process id is a whole number from 1 to 4194304"):
        ProcessDirectory(pid)  # type: ignore[arg-type]
