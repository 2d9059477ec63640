"""prefault-kit guard: exit status, files, and what is printed."""

import errno
import json
import os
from pathlib import Path

import junitparser
import pytest

from prefault_kit.kernel import perf
from prefault_kit.studies import guard as guarding
from prefault_kit.studies.guard import Budget, Outcome

from .command import is_gone, prefault_here, sentence, start

KEPT = Outcome(Budget(0, 10), True, 1.0, 3, 0, 0, False, True, 0, ())


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What guarding gives, and then what it was asked."""
    known: list[object] = [KEPT]

    def run(*words: object, **options: object) -> Outcome:
        known.append((words, options))
        if isinstance(known[0], Exception):
            raise known[0]
        return known[0]

    monkeypatch.setattr(guarding, "run", run)
    return known


def test_kept(outcome: list[object]) -> None:
    """Status 0; everything behind the dashes is the program's."""
    done = prefault_here("guard", "--ready", "x+", "--minor", "10", "--duration", "3", "--", "prog",
                         "--minor", "-x")  # fmt: skip
    assert done.returncode == 0
    assert "kept: minor faults: 3, allowed 10" in done.stdout
    (command, budget), options = outcome[1]
    assert command == ("prog", "--minor", "-x")
    assert budget == Budget(0, 10, None)
    assert (options["ready"], options["duration_s"], options["outputs"]) == ("x+", 3.0, (1, 2))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"minor": 11}, "the budget was exceeded: minor faults: 11, allowed 10"),
        ({"major": 1}, "the budget was exceeded: major faults: 1, allowed 0"),
        ({"status": 3}, "the program ended with status 3"),
        ({"ready": False}, "never ready"),
    ],
)
def test_not_kept(outcome: list[object], changed: dict[str, object], words: str) -> None:
    """Status 1 and why, in a sentence; annotations if they are asked for; JUnit says the same."""
    outcome[0] = Outcome(**(vars(KEPT) | changed))
    done = prefault_here("guard", "--github", "--", "prog")
    assert done.returncode == 1
    assert words in sentence(done)
    assert "::error title=" in done.stdout


def test_json_and_junit(outcome: list[object], tmp_path: Path) -> None:
    """One object on stdout alone; a case for each limit and one for the program."""
    outcome[0] = Outcome(**(vars(KEPT) | {"minor": 11, "status": 1}))
    place = tmp_path / "junit.xml"
    done = prefault_here("guard", "--json", "--junit", str(place), "--", "prog")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["kept"], found["minor"], found["status"]) == (False, 11, 1)
    assert outcome[1][1]["outputs"] == (2, 2)
    [suite] = junitparser.JUnitXml.fromfile(str(place))
    assert [(case.name, bool(case.result)) for case in suite] == [
        ("major faults", False),
        ("minor faults", True),
        ("ends well", True),
    ]
    done = prefault_here("guard", "--junit", str(place), "--", "prog")
    assert done.returncode == 2
    assert "exists already" in sentence(done)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--", "/no/such/program"), "/no/such/program cannot be run: no such file"),
        (("--", "/etc"), "/etc cannot be run: permission denied"),
        (("--ready", "(", "--", "true"), "no regular expression"),
        (("--major", "-1", "--", "true"), "number from 0"),
        (("--duration", "0", "--", "true"), "number of seconds"),
        (("--",), "Missing argument"),
    ],
)
def test_bad_usage(words: tuple[str, ...], said: str) -> None:
    """Status 2 and one sentence."""
    done = prefault_here("guard", *words)
    assert done.returncode == 2
    assert said in sentence(done)


def test_where_faults_cannot_be_observed(
    outcome: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 3, with what is lacking and the command that helps; nothing was run."""
    outcome[0] = PermissionError(errno.EACCES, "perf_event_open: forbidden")
    monkeypatch.setattr(perf, "paranoid", lambda: 3)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    done = prefault_here("guard", "--", "true")
    assert done.returncode == 3
    assert "sudo sysctl kernel.perf_event_paranoid=2" in sentence(done)


def test_a_program_that_cannot_be_observed(outcome: list[object]) -> None:
    """Status 3: that no fault was seen is no pass."""
    outcome[0] = Outcome(**(vars(KEPT) | {"observed": False}))
    done = prefault_here("guard", "--", "su")
    assert done.returncode == 3
    assert "no fault of su was to be seen" in sentence(done)


def test_sigterm_ends_both(tmp_path: Path) -> None:
    """The command, and the program under it."""
    place = tmp_path / "pid"
    with start(
        "guard", "--", "sh", "-c", f"echo $$ >{place}.new; mv {place}.new {place}; sleep 60"
    ) as command:
        while not place.exists():
            assert command.poll() is None
        pid = int(place.read_text())
        command.terminate()
        _, said = command.communicate(timeout=60)
    assert command.returncode in (-15, 3)
    assert is_gone(pid), said
