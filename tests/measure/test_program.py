"""prefault_kit.measure.program: it ends with the block, and those that it has started with it."""

import os
import select
import signal
import subprocess

import pytest

from prefault_kit.measure import program
from tests.measure import observer

PIPES = (subprocess.PIPE, subprocess.PIPE)
FAMILY = "sleep 600 & echo $!; exec sleep 600"


def test_it_is_killed_with_the_block() -> None:
    """However that ends; the pipes are closed."""
    with pytest.raises(KeyError), program.started(("sleep", "600"), PIPES) as running:
        raise KeyError
    assert running.returncode == -signal.SIGKILL
    assert running.stdout
    assert running.stdout.closed


def test_it_is_killed_with_this_process() -> None:
    """Nothing of it is left."""
    observer.killed(
        "import time\n"
        "from prefault_kit.measure import program\n"
        "words = ('sh', '-c', 'echo ready; exec sleep 600')\n"
        "with program.started(words, ({writer}, {writer})):\n"
        "    time.sleep(600)"
    )


def test_what_is_none_cannot_be_started() -> None:
    """The error has its name."""
    with pytest.raises(FileNotFoundError) as caught, program.started(("/no/program",), PIPES):
        pass
    assert caught.value.filename == "/no/program"


def test_those_that_it_has_started_end_as_well() -> None:
    """Both by SIGTERM: the pipe is closed by the last of them."""
    with program.started(("sh", "-c", FAMILY), PIPES) as running:
        assert running.stdout
        child = int(running.stdout.readline())
        program.end(running, {child, running.pid}, lambda: None)
        assert running.returncode == -signal.SIGTERM
        assert select.select([running.stdout], [], [], 60)[0]
        assert running.stdout.read() == b""


def test_who_was_started_in_the_last_moment_ends() -> None:
    """The program is gone when its child becomes known."""
    with program.started(("sh", "-c", FAMILY), PIPES) as running:
        assert running.stdout
        child = int(running.stdout.readline())
        living: set[int] = set()

        def look() -> None:
            if running.returncode is not None:
                living.add(child)

        program.end(running, living, look)
        assert select.select([running.stdout], [], [], 60)[0]
        assert running.stdout.read() == b""


def test_who_has_left_the_session_stays() -> None:
    """A daemon is nobody's to end."""
    words = ("sh", "-c", "setsid sleep 600 & echo $!; exec sleep 600")
    with program.started(words, PIPES) as running:
        assert running.stdout
        daemon = int(running.stdout.readline())
        try:
            while os.getsid(daemon) == os.getsid(0):
                pass
            program.end(running, {daemon}, lambda: None)
            assert not select.select([running.stdout], [], [], 0)[0]
        finally:
            os.kill(daemon, signal.SIGKILL)


def test_who_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while in which something else may be done."""
    monkeypatch.setattr(program, "GRACE_S", 0.1)
    looked = []
    words = ("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
    with program.started(words, PIPES) as running:
        assert running.stdout
        assert running.stdout.readline() == b"ready\n"
        program.end(running, set(), lambda: looked.append(True))
        assert running.returncode == -signal.SIGKILL
    assert looked


def test_who_has_ended_is_not_signalled() -> None:
    """Its number may be another's; what it has started goes on."""
    with program.started(("true",), PIPES) as running:
        running.wait()
        program.end(running, {os.getpid()}, lambda: None)
        assert running.returncode == 0
