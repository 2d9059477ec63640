"""prefault_kit.studies.trial.programs: other people's programs, prepared and tried."""

import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.studies.trial import Choice, Plan, Trial, programs, record
from prefault_kit.studies.trial.advice import Recommendation
from prefault_kit.studies.trial.programs import BY_HAND, PROGRAMS, Place, Program
from tests.studies.trial.made import PLAIN, trial

MACHINE = "linux-1"
SMALL = replace(
    PROGRAMS["python"],
    prepare=lambda _: Plan(("true",), Choice(least_bytes=PAGE_SIZE_BYTES)),
)


@pytest.mark.parametrize(
    ("name", "tool", "made"), [("python", "gcc", set()), ("git", "git", {"repository"})]
)
def test_a_program_is_prepared(
    name: str, tool: str, made: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its directory alone; what it runs does its work."""
    monkeypatch.setattr(programs, "GIT_FILES", 2)
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}")
    plan = PROGRAMS[name].prepare(Place(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == made
    done = subprocess.run(plan.command, capture_output=True, check=False, timeout=60)
    assert (done.returncode, bool(done.stdout)) == (0, True)


def test_what_is_missing_is_named_with_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once."""
    monkeypatch.setattr(programs.shutil, "which", lambda _: None)
    monkeypatch.setattr(programs, "POSTGRES", "/nowhere")
    missing = PROGRAMS["postgresql"].why_not()
    assert missing is not None
    assert missing.command == "sudo apt install postgresql postgresql-client"
    assert PROGRAMS["python"].why_not() is None


@pytest.mark.needs("tracing")
@pytest.mark.needs("compiler")
def test_what_is_recommended_is_carried_out_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside it, in a second trial; its data is gone afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setitem(PROGRAMS, "python", SMALL)
    monkeypatch.setattr(
        programs.advice, "recommend", lambda _: Recommendation("MLOCK_ONFAULT", None)
    )
    heard: list[str] = []
    first, second = programs.tried(
        "python",
        repeats=2,
        candidates=("POPULATE_READ", "MLOCK_ONFAULT"),
        on_progress=lambda part, _: heard.append(part),
    )
    assert first.outcome == "ok"
    assert second is None  # mlock2 is no advice that the library gives
    monkeypatch.setattr(
        programs.advice, "recommend", lambda _: Recommendation("POPULATE_READ", None)
    )
    _, second = programs.tried("python", repeats=2, candidates=("POPULATE_READ",))
    assert second is not None
    assert [each.name for each in second.rows] == ["nothing", "traced", "POPULATE_READ", BY_HAND]
    assert second.row(BY_HAND).outcome == "ok"
    assert dict.fromkeys(heard) == dict.fromkeys(["its data", "its trial"])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="'x' is no program: choose of redis"):
        programs.tried("x")


def test_a_killed_postgresql_leaves_no_segment(tmp_path: Path) -> None:
    """The number is in its file of the process id; without that nothing is done."""
    release = PROGRAMS["postgresql"].release
    release(tmp_path)
    if shutil.which("ipcmk") is None:
        pytest.skip("needs ipcmk")
    made = subprocess.run(
        ["ipcmk", "-M", "64"], capture_output=True, text=True, check=True, timeout=60
    )
    number = made.stdout.split()[-1]
    (tmp_path / "cluster").mkdir()
    file = tmp_path / "cluster" / "postmaster.pid"
    file.write_text(f"1\n{tmp_path}\n0\n5432\n{tmp_path}\n\n  2204418   {number}\nready\n")
    release(tmp_path)
    shown = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    assert number not in [line.split()[1] for line in shown]


def test_records_are_kept_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the programs that are here; by name, with what was carried out by hand."""
    made = trial(*PLAIN)
    absent = Program("not here", (("no-such-command", "none"),), SMALL.prepare)
    monkeypatch.setattr(programs, "PROGRAMS", {"one": SMALL, "two": absent, "three": SMALL})
    answers: dict[str, tuple[Trial, Trial | None]] = {"one": (made, made), "three": (made, None)}
    monkeypatch.setattr(programs, "tried", lambda name, **_: answers[name])
    written = programs.record_all(tmp_path, MACHINE)
    assert [path.name for path in written] == [
        "try-one-linux-1.json",
        "try-one-by-hand-linux-1.json",
        "try-three-linux-1.json",
    ]
    found = programs.recorded(tmp_path, MACHINE)
    assert list(found) == ["one", "three"]
    assert found["three"][1] is None
    assert found["one"][1] == record.load(written[1])
