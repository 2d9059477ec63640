"""prefault_kit.screens.trial.model: a trial from a script."""

from __future__ import annotations

import shlex
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import traitlets

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.screens.trial import ProgramScreen
from prefault_kit.screens.trial import model as module
from prefault_kit.screens.trial.form import YOUR_OWN
from prefault_kit.studies.trial import Choice, Plan, Trial, programs
from prefault_kit.studies.trial.programs import Place, Program
from tests.kernel import traced
from tests.studies.trial import made

WAIT_S = 60
PAGES = 64
SLEEP = "sh -c 'sleep 1000 & echo $$ $! >pid.new; mv pid.new pid; wait'"
"""Has a child, and says both process ids in a file."""
TRIAL = made.trial(*made.PLAIN, made.row("HUGEPAGE", *made.FAST))


def screen(command: str = "", **values: Any) -> ProgramScreen:
    """A short trial of a command of one's own."""
    known = {"repeats": 2, "candidates": ("POPULATE_WRITE",), "least_size": f"{PAGES * PAGE}"}
    return ProgramScreen(program=YOUR_OWN, own=command, **known | values)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory; no thread of a screen's is left."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for each in threading.enumerate():
        if each.name.startswith("screen"):  # it has told that it is done, and may still be ending
            each.join(WAIT_S)
            assert not each.is_alive()


def seen(path: Path) -> bool:
    """Whether a file comes to be."""
    deadline = time.monotonic() + WAIT_S
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    return path.exists()


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_a_command_is_tried() -> None:
    """``run`` returns at once; progress goes up and has words; the answer is there afterwards."""
    model = screen(f"{traced.program()} write {PAGES} 1")
    told: list[tuple[float, str]] = []
    model.observe(lambda change: told.append((model.fraction, change["new"])), "status")
    model.run()
    assert model.running
    assert model.wait(WAIT_S)
    assert not model.failed, model.status
    assert model.status.startswith("Done in")
    assert model.trial is not None
    assert {each.name: len(each.runs) for each in model.trial.rows} == {
        "nothing": 2,
        "traced": 2,
        "POPULATE_WRITE": 2,
    }
    assert model.answer
    assert any(words.startswith("Trying: ") for _, words in told)


@pytest.mark.needs("tracing")
def test_stop_ends_the_program(here: Path) -> None:
    """With its children; nothing is found, and the next run works."""
    model = screen(SLEEP)
    model.run()
    assert seen(here / "pid")
    model.stop()
    assert model.wait(WAIT_S)
    assert model.status.startswith("Stopped after") and "program has been ended" in model.status
    assert (model.failed, model.trial) == (False, None)
    pids = (here / "pid").read_text().split()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids[:1])
    model.own = "true"
    model.run()
    assert model.wait(WAIT_S)
    assert model.trial is not None


@pytest.mark.needs("tracing")
def test_a_stop_that_comes_first() -> None:
    """Before anything is run, and when nothing runs."""
    model = screen(SLEEP)
    model.stop()
    model.run()
    model.stop()
    model.stop()
    assert model.wait(WAIT_S)
    assert model.status.startswith("Stopped after")
    assert model.worker_pid is None


@pytest.mark.needs("tracing")
def test_a_known_program_is_prepared_and_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory that is gone afterwards, also where it was stopped while it was prepared."""
    places: list[Path] = []
    released: list[Path] = []

    def prepare(place: Place) -> Plan:
        places.append(place.directory)
        place.do("sh", "-c", f"cd {place.directory}; {wait}")
        return Plan(("true",), Choice(least_bytes=PAGES * PAGE))

    made = Program("A test", (), prepare, release=released.append)
    monkeypatch.setitem(programs.PROGRAMS, "git", made)
    model = ProgramScreen(program="git", repeats=2, candidates=("HUGEPAGE",))
    wait = "true"
    model.run()
    assert model.wait(WAIT_S)
    assert not model.failed, model.status
    assert model.trial is not None and model.trial.command == ("true",)
    wait = SLEEP
    model.run()
    while len(places) < 2:
        time.sleep(0.005)
    assert seen(places[1] / "pid")
    model.stop()
    assert model.wait(WAIT_S)
    assert model.status.startswith("Stopped after")
    assert len(places) == 2 and not any(each.exists() for each in places)
    assert released == places


def test_how_a_trial_ends_without_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason and the command that helps; an error with its file; the last result stays."""
    model = screen(shlex.join([sys.executable, "-c", "0"]))
    model.trial = TRIAL
    lacking = replace(TRIAL, outcome="unavailable", message="no \x1b tracing", enable="sudo it")

    def end(found: Trial | Exception) -> tuple[bool, str, str]:
        def ended(*_: object, **__: object) -> Trial:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(module, "run", ended)
        model.run()
        assert model.wait(WAIT_S)
        return model.failed, model.status, model.command

    assert end(lacking) == (True, "No \\x1b tracing.", "sudo it")
    assert end(FileNotFoundError(2, "there is no such program", "x"))[1] == (
        "There is no such program: x."
    )
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    assert "without a result" in end(KeyError("never expected"))[1]
    assert model.trial is TRIAL
    assert not model.running


def test_what_cannot_run_says_so() -> None:
    """In one sentence, and nothing is started; a control that is put right takes it away."""
    model = screen("")
    assert model.problem is not None
    model.run()
    assert model.failed and not model.running
    assert model.status.startswith("Enter a command")
    model.own = "true"
    assert model.problem is None
    model.start = "cold"
    assert model.problem is not None
    model.evicted = True
    assert model.problem is None


def test_candidates_have_names() -> None:
    """As the command line takes them; another is an error of whoever sets it."""
    model = screen("true")
    model.candidates = ("madv_hugepage", "willneed")
    assert model.candidates == ("HUGEPAGE", "WILLNEED")
    with pytest.raises(traitlets.TraitError, match="'DONTNEED' is no candidate"):
        model.candidates = ("DONTNEED",)


def test_export_overwrites_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files; nothing before a trial; a second time, a summary and a lost place are refused."""
    model = screen("true")
    assert not model.export("out.html")
    assert "press Run first" in model.status
    model.trial = TRIAL
    assert model.export("out.html"), model.status
    assert "Wrote out.html and out.md" in model.status
    assert not model.export("out.html")
    assert "already" in model.status
    assert not model.export("other.md")
    assert not model.export("no/such.html")
    assert "Cannot write" in model.status
    assert sorted(each.name for each in here.iterdir()) == ["out.html", "out.md"]
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setattr(module.extras.importlib.util, "find_spec", lambda _: None)
    assert not model.export("next.html")
    assert "jinja2" in model.status and model.command.startswith("pip install")
