"""prefault_kit.studies.trial.stop: what is ended from another thread."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.studies.trial import Choice, Plan, Ready, Setting, programs, run
from prefault_kit.studies.trial.programs import Place
from prefault_kit.studies.trial.run import perform
from prefault_kit.studies.trial.stop import Stop, Stopped

WAIT_S = 60
SLEEP = ("sh", "-c", "sleep 1000 & echo $$ $! >pid.new; mv pid.new pid; wait")
"""Has a child, and says both process ids in a file."""
TRAPPED = "trap 'kill $!; touch ended; exit' INT; touch up; sleep 1000 & wait"
"""Says in files that it began, and that it was asked to end."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked_when(exists: Path, stop: Stop) -> threading.Thread:
    """Asks for a stop as soon as there is a file."""

    def ask() -> None:
        seen(exists)
        stop.ask()

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def gone(file: Path) -> bool:
    """Whether the processes that a file names have ended; their parent may not know it yet."""
    deadline = time.monotonic() + WAIT_S
    while any(map(lives, file.read_text().split())):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def seen(path: Path) -> bool:
    """Whether a file comes to be."""
    deadline = time.monotonic() + WAIT_S
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    return path.exists()


def lives(pid: str) -> bool:
    """Whether a process has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.needs("tracing")
@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("ready", [None, Ready("never said")])
def test_a_program_is_ended(here: Path, traced: bool, ready: Ready | None) -> None:
    """With its children, whether it is traced or not, and whatever it is waited for."""
    stop = Stop()
    thread = asked_when(here / "pid", stop)
    with pytest.raises(Stopped):
        perform(
            SLEEP, Setting(ready, timeout_s=WAIT_S, stop=stop), traced=traced, least_bytes=1 << 20
        )
    thread.join(WAIT_S)
    assert gone(here / "pid")


@pytest.mark.needs("tracing")
def test_a_load_is_ended(here: Path) -> None:
    """And the program that it was run against."""
    stop = Stop()
    thread = asked_when(here / "pid", stop)
    server = ("sh", "-c", "echo ready; exec sleep 1000")
    with pytest.raises(Stopped):
        perform(
            server, Setting(Ready("ready"), SLEEP, timeout_s=WAIT_S, stop=stop), least_bytes=1 << 20
        )
    thread.join(WAIT_S)
    assert gone(here / "pid")


@pytest.mark.needs("tracing")
def test_a_trial_is_ended(here: Path) -> None:
    """It raises what says so, in the first run and in one of those that are timed."""
    stop = Stop()
    plan = Plan(("true",), Choice(least_bytes=1 << 20), setting=Setting(stop=stop))
    with pytest.raises(Stopped):
        run(plan, on_progress=lambda told: stop.ask() if "run 1" in told.words else None)
    with pytest.raises(Stopped):
        run(plan)
    plan = replace(plan, command=SLEEP, setting=Setting(stop=(again := Stop())))
    thread = asked_when(here / "pid", again)
    with pytest.raises(Stopped):
        run(plan)
    thread.join(WAIT_S)


def test_a_step_of_preparing_is_ended(here: Path) -> None:
    """With what it began; a step that fails says its last words; none begins after a stop."""
    stop = Stop()
    place = Place(here, stop)
    assert place.do("cat", stdin="all") == "all"
    with pytest.raises(OSError, match="sh failed: oh"):
        place.do("sh", "-c", "echo oh >&2; exit 3")
    thread = asked_when(here / "pid", stop)
    with pytest.raises(Stopped):
        place.do(*SLEEP)
    thread.join(WAIT_S)
    assert gone(here / "pid")
    with pytest.raises(Stopped):
        place.do("touch", "begun")
    assert not (here / "begun").exists()


def test_a_step_may_be_asked_to_end(here: Path) -> None:
    """By a signal that it can act on, and it is waited for."""
    stop = Stop()
    thread = asked_when(here / "up", stop)
    with pytest.raises(Stopped):
        Place(here, stop).do("sh", "-c", TRAPPED, end_by=signal.SIGINT)
    thread.join(WAIT_S)
    assert (here / "ended").exists()


def test_a_step_that_takes_too_long(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed with what it began."""
    communicate = subprocess.Popen.communicate

    def once_begun(*words: Any, **options: Any) -> object:
        assert seen(here / "pid")
        return communicate(*words, **options)

    monkeypatch.setattr(subprocess.Popen, "communicate", once_begun)
    monkeypatch.setattr(programs, "PREPARE_S", 0.2)
    with pytest.raises(OSError, match="did not end within"):
        Place(here, Stop()).do(*SLEEP)
    assert gone(here / "pid")


def test_a_server_is_ended(here: Path) -> None:
    """By a stop before it answers, and after what it was needed for."""
    server = ("sh", "-c", "echo $$ >pid.new; mv pid.new pid; exec sleep 1000")
    pid = here / "pid"
    with Place(here, Stop()).served(*server, answers=pid.exists):
        first = int(pid.read_text())
        assert Path(f"/proc/{first}").exists()
    assert not Path(f"/proc/{first}").exists()
    pid.unlink()
    stop = Stop()
    thread = asked_when(pid, stop)
    with pytest.raises(Stopped), Place(here, stop).served(*server, answers=lambda: False):
        pytest.fail("it never answers")
    thread.join(WAIT_S)
    assert not Path(f"/proc/{int(pid.read_text())}").exists()


def test_a_server_ends_when_its_maker_does(here: Path) -> None:
    """By the kernel, however the maker ended."""
    server = (*programs.WITH_THE_KIT, "sh", "-c", TRAPPED)
    with subprocess.Popen(["sh", "-c", '"$@"; :', "sh", *server]) as maker:
        assert seen(here / "up")
        maker.send_signal(signal.SIGKILL)
    assert seen(here / "ended")


def test_other_errors_stay_what_they_are() -> None:
    """Only after a stop are they one; what had ended already is not ended by it."""
    stop = Stop()
    ended: list[int] = []
    with pytest.raises(KeyError), stop.ending(lambda: ended.append(1)):
        raise KeyError

    def fail() -> None:
        with stop.ending(lambda: ended.append(2)):
            stop.ask()
            raise KeyError

    with pytest.raises(Stopped):
        fail()
    assert ended == [2] and stop.asked
