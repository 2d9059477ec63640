"""A program under guard: when its faults count, who is named, how it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from prefault_kit.measure import program
from prefault_kit.studies import guard
from prefault_kit.studies.guard import Budget, Outcome, run
from tests.measure import observer

pytestmark = pytest.mark.needs("fault_events")

PAGES = 64
PYTHON = (sys.executable, "-I", "-S", "-u", "-c")
TOUCH = """
import mmap, os, sys, threading
def touch():
    memory = mmap.mmap(-1, 64 * mmap.PAGESIZE, flags=34)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    for page in range(64):
        memory[page * mmap.PAGESIZE] = 1
    return memory
"""


@pytest.fixture
def outputs(tmp_path: Path) -> tuple[int, int]:
    """Where a program's output and errors go."""
    opened = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("out", "err")]
    yield tuple(opened)
    for fd in opened:
        os.close(fd)


def under(outcome: Outcome, name: str) -> bool:
    """Whether a limit was kept."""
    return next(each.kept for each in outcome.verdicts if each.name == name)


def test_faults_count_once_it_is_ready(
    outputs: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before; with the thread that took them, the mapping, the advice. Output passes whole."""
    counting, look = tmp_path / "counting", guard._Watch.look

    def looking(watch: guard._Watch) -> None:
        look(watch)
        if watch.since_ns is not None:
            counting.touch()

    monkeypatch.setattr(guard._Watch, "look", looking)
    text = (
        TOUCH
        + """
touch()
sys.stdout.buffer.write(b"\\xff\\0 rea")
sys.stdout.buffer.write(b"dy\\n")
kept = []
thread = threading.Thread(target=lambda: kept.append(touch()))
import time
while not os.path.exists(sys.argv[1]):
    time.sleep(0.001)
thread.start()
thread.join()
os.write(2, b"err")
os._exit(0)
"""
    )
    outcome = run((*PYTHON, text, str(counting)), Budget(major=None, minor=PAGES // 2),
                  ready="^.*ready$", outputs=outputs)  # fmt: skip
    assert outcome.ready
    assert not outcome.kept
    assert not outcome.failed
    worst = outcome.culprits[0]
    assert worst.minor >= PAGES <= worst.pages
    assert worst.tid != worst.pid
    assert "MADV_POPULATE_WRITE" in worst.advice
    assert outcome.minor < 2 * PAGES
    assert outcome.unseen == 0
    assert (tmp_path / "out").read_bytes() == b"\xff\0 ready\n"
    assert (tmp_path / "err").read_bytes() == b"err"
    assert outcome.as_dict()["kept"] is False


def test_without_a_pattern_all_count(outputs: tuple[int, int]) -> None:
    """From the first instruction, and also those of a child."""
    outcome = run(("sh", "-c", "(exit 3); true"), Budget(None, 1), outputs=outputs)
    assert outcome.minor > 1
    assert len({each.pid for each in outcome.culprits}) == 2
    assert any("fork(2)" in each.advice for each in outcome.culprits)
    assert outcome.minor == sum(each.minor for each in outcome.culprits)
    assert {each.thread for each in outcome.culprits} == {"sh"}
    assert any(each.region and each.region.name.startswith("/") for each in outcome.culprits)


def test_a_kept_budget(outputs: tuple[int, int]) -> None:
    """Whatever it faulted before, nothing of it counts; a rate is over the time since."""
    outcome = run(("sh", "-c", "echo ready; sleep 60"), Budget(None, None, 1e6), ready="ready",
                  duration_s=0.2, outputs=outputs)  # fmt: skip
    assert outcome.kept
    assert outcome.stopped
    assert outcome.ending() == "the program was stopped"
    assert under(outcome, "minor faults a second")
    assert outcome.elapsed_s >= 0.2


@pytest.mark.parametrize(
    ("script", "words"),
    [("exit 3", "ended with status 3"), ("kill -SEGV $$", "killed by SIGSEGV")],
)
def test_a_program_that_fails(outputs: tuple[int, int], script: str, words: str) -> None:
    """Does not pass, however few its faults."""
    outcome = run(("sh", "-c", script), Budget(None), outputs=outputs)
    assert words in outcome.ending()
    assert outcome.failed
    assert not outcome.kept


@pytest.mark.parametrize(
    ("script", "limit_s", "stopped"),
    [
        ("echo red; echo y", 60, False),  # never, and it ends
        ("exec >&- 2>&-; sleep 60", 0.3, True),  # it closes both, and stays
        ("echo rea; sleep 60", 0.3, True),
    ],
)
def test_a_program_that_is_never_ready(
    outputs: tuple[int, int], script: str, limit_s: float, stopped: bool
) -> None:
    """Nothing is judged, nothing passes, and it does not stay."""
    outcome = run(("sh", "-c", script), Budget(None, 0), ready="ready", ready_within_s=limit_s,
                  outputs=outputs)  # fmt: skip
    assert (outcome.ready, outcome.kept, outcome.stopped) == (False, False, stopped)
    assert (outcome.minor, outcome.major, outcome.culprits) == (0, 0, ())


def test_ready_with_its_last_word(outputs: tuple[int, int]) -> None:
    """A program that says so in the end, as one does that does not flush, has not been judged."""
    outcome = run(("sh", "-c", "printf ready"), Budget(None, 50), ready="ready$", outputs=outputs)
    if outcome.elapsed_s == 0:  # else it was seen just before
        assert (outcome.ready, outcome.kept) == (False, False)


def test_a_program_of_which_nothing_is_seen(
    outputs: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a setuid one: no fault at all is no proof of anything."""
    monkeypatch.setattr(guard.FaultStream, "counts", lambda _: (0, 0))
    outcome = run(("true",), Budget(None, 50), outputs=outputs)
    assert (outcome.observed, outcome.kept) == (False, False)


def test_children_end_with_it(outputs: tuple[int, int], tmp_path: Path) -> None:
    """Those that it started as well, even where it does not wait for SIGTERM's end."""
    place = tmp_path / "pid"
    run(
        ("sh", "-c", f"sleep 60 & echo $! >{place}; echo ready; wait"),
        Budget(None),
        ready="ready",
        duration_s=0.1,
        outputs=outputs,
    )
    pid = int(place.read_text())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not _gone(pid):
        time.sleep(0.01)
    assert _gone(pid)


def test_who_has_left_its_session_is_let_live(outputs: tuple[int, int], tmp_path: Path) -> None:
    """A service that it has started is not its own any more."""
    place = tmp_path / "pid"
    run(
        ("setsid", "sh", "-c", f"echo $$ >{place}; echo ready; exec sleep 60"),
        Budget(None),
        ready="ready",
        duration_s=0.1,
        outputs=outputs,
    )
    assert _gone(int(place.read_text()))  # the program itself ends wherever it is
    run(
        ("sh", "-c", f"setsid sh -c 'echo $$ >{place}; echo ready; exec sleep 60' & wait"),
        Budget(None),
        ready="ready",
        duration_s=0.1,
        outputs=outputs,
    )
    pid = int(place.read_text())
    try:
        assert not _gone(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_who_ignores_sigterm_is_killed(
    outputs: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while."""
    monkeypatch.setattr(program, "GRACE_S", 0.1)
    outcome = run(("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"),
                  Budget(None), ready="ready", duration_s=0.1, outputs=outputs)  # fmt: skip
    assert outcome.status == -signal.SIGKILL
    assert outcome.kept


def test_ctrl_c_ends_it(outputs: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """KeyboardInterrupt goes on, and the program is gone."""
    started: list[subprocess.Popen[bytes]] = []
    real, following = subprocess.Popen, guard._Guard.follow

    def start(*words: object, **known: object) -> subprocess.Popen[bytes]:
        started.append(real(*words, **known))
        return started[0]

    def follow(*words: object) -> bool:
        threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGUSR1)).start()
        return following(*words)  # type: ignore[arg-type]

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    main = threading.get_ident()
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        monkeypatch.setattr(subprocess, "Popen", start)
        monkeypatch.setattr(guard._Guard, "follow", follow)
        with pytest.raises(KeyboardInterrupt):
            run(("sleep", "60"), Budget(None), outputs=outputs)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert started[0].returncode == -signal.SIGTERM


def test_who_reads_its_output_no_more(tmp_path: Path) -> None:
    """The program meets a closed pipe, as it would without a guard."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        outcome = run(("sh", "-c", "while echo x; do :; done"), Budget(None), ready="ready",
                      outputs=(writer, writer), ready_within_s=60)  # fmt: skip
    finally:
        os.close(writer)
    assert not outcome.stopped
    assert outcome.status != 0


def test_the_rate_is_by_the_time_in_which_faults_counted() -> None:
    """Not by that in which it got ready."""
    known = {"ready": True, "major": 0, "status": 0, "stopped": False, "culprits": ()}
    outcome = guard.Outcome(
        guard.Budget(None, None, 5), elapsed_s=2.0, minor=10, kernel_included=True, unseen=0,
        **known,
    )  # fmt: skip
    assert [(each.counted, each.kept) for each in outcome.verdicts] == [(5, True)]


def test_many_faults_are_sampled(outputs: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are exact; of the culprits some are not looked at, and it says how many."""
    monkeypatch.setattr(guard, "AT_ONCE", 8)
    outcome = run(("true",), Budget(None, 0), outputs=outputs)
    assert outcome.unseen > 0
    assert outcome.unseen + sum(each.minor + each.major for each in outcome.culprits) == (
        outcome.minor + outcome.major
    )


def test_nothing_stays_open(outputs: tuple[int, int]) -> None:
    """Neither descriptors nor processes; also where the program cannot be started."""
    before = len(os.listdir("/proc/self/fd"))
    run(("true",), Budget(None), ready="x", outputs=outputs)
    with pytest.raises(FileNotFoundError) as caught:
        run(("/no/such/program",), Budget(), outputs=outputs)
    assert caught.value.filename == "/no/such/program"
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_no_budget() -> None:
    """Negative numbers, no pattern, no time: ValueError, and nothing is started."""
    for wrong in ({"major": -1}, {"minor": -1}, {"minor_per_second": float("nan")}):
        with pytest.raises(ValueError, match="number from 0"):
            Budget(**wrong)
    with pytest.raises(ValueError, match="no regular expression"):
        run(("/no/such",), Budget(), ready="(")
    with pytest.raises(ValueError, match="duration"):
        run(("/no/such",), Budget(), duration_s=0)


def test_what_it_faults_while_it_ends(outputs: tuple[int, int]) -> None:
    """Does not count, and nobody is named for it; nor for what it did before it was ready."""
    text = (
        TOUCH
        + """
import signal
touch()
def end(*_):
    touch()
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("ready")
while True:
    signal.pause()
"""
    )
    outcome = run((*PYTHON, text), Budget(None, PAGES - 1), ready="ready", duration_s=0.3,
                  outputs=outputs)  # fmt: skip
    assert outcome.stopped
    assert outcome.kept
    assert all(each.minor < PAGES for each in outcome.culprits)


def test_an_address_means_another_thing_in_another_program(outputs: tuple[int, int]) -> None:
    """A child that is forked and executes: its mappings are its own program's."""
    outcome = run(("sh", "-c", "(: ; exec true); (:)"), Budget(None, 0), outputs=outputs)
    names = {
        (each.thread, each.region.name)
        for each in outcome.culprits
        if each.region and each.region.name.endswith(("/true", "/dash", "/bash", "/sh"))
    }
    assert any(name.endswith("/true") for _, name in names)
    pids = {each.pid for each in outcome.culprits if "fork(2)" in each.advice}
    assert len(pids) >= 2


def test_who_is_killed_takes_the_program_along() -> None:
    """Nothing of it is left."""
    observer.killed(
        "from prefault_kit.studies.guard import Budget, run\n"
        "words = ('sh', '-c', 'echo ready; exec sleep 600')\n"
        "run(words, Budget(None), outputs=({writer}, {writer}))"
    )
