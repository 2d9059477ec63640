"""prefault_kit.screens.trial.form: what is typed becomes a plan, or a sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from prefault_kit.screens.trial import form
from prefault_kit.screens.trial.form import YOUR_OWN, ProgramForm, programs
from prefault_kit.studies.trial import programs as known
from prefault_kit.studies.trial.candidates import CANDIDATES
from prefault_kit.studies.trial.stop import Stop


def own(command: str, **words: object) -> ProgramForm:
    """A command of one's own."""
    return ProgramForm(YOUR_OWN, command, **words)  # type: ignore[arg-type]


def test_a_command_becomes_a_plan() -> None:
    """As a shell reads its words; sizes and patterns too; the stop is the one that is given."""
    stop = Stop()
    typed = own("python3 -c 'a  b'", least_size="2 MiB", ready="up", start="cold", evicted=True)
    plan = typed.plan(stop)
    assert plan.command == ("python3", "-c", "a  b")
    assert (plan.choice.least_bytes, plan.start) == (2 << 20, "cold")
    assert plan.setting.ready is not None and plan.setting.ready.pattern == "up"
    assert plan.setting.stop is stop
    assert plan.candidates == tuple(CANDIDATES)
    assert own("x", candidates=("HUGEPAGE",)).plan(stop).candidates == ("HUGEPAGE",)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (own(""), "enter a command"),
        (own("  "), "enter a command"),
        (own("say 'it"), "cannot be read as a command: no closing quotation"),
        (own("a\0b"), "null byte"),
        (own("no-such-program-here"), "no such program: no-such-program-here"),
        (own("./no/such"), "no such program: ./no/such"),
        (own("true", least_size="much"), "is not a size"),
        (own("true", least_size="0"), "least size"),
        (own("true", ready="("), "no regular expression"),
        (own("true", repeats=1), "repeats"),
        (own("true", start="warm"), "no start"),
        (own("true", start="cold"), "may be evicted"),
        (ProgramForm("python", repeats=10**6), "repeats"),
        (ProgramForm("emacs"), "no program"),
    ],
)
def test_what_cannot_be_tried_says_why(typed: ProgramForm, said: str) -> None:
    """In one sentence."""
    problem = typed.problem()
    assert problem is not None
    assert said in problem.reason


def test_a_setuid_program_is_a_problem(tmp_path: Path) -> None:
    """It is said before it is run."""
    copy = tmp_path / "copy"
    copy.write_text("#!/bin/sh\n")
    copy.chmod(0o4755)
    problem = own(str(copy)).problem()
    assert problem is not None and "setuid" in problem.reason


def test_what_is_not_installed_has_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six programs and one's own; the command installs what is missing."""
    monkeypatch.setattr(known, "_found", lambda name: None if "redis" in name else sys.executable)
    offer = {each.value: each for each in programs()}
    assert list(offer) == [*form.PROGRAMS, YOUR_OWN]
    assert offer["redis"].command == "sudo apt install redis-server redis-tools"
    assert [each.value for each in offer.values() if each.reason] == ["redis"]
    problem = ProgramForm("redis").problem()
    assert problem is not None and problem.command == offer["redis"].command
    assert ProgramForm("git").problem() is None
