"""``--github``: annotations, and a summary where the runner wants it."""

import subprocess
from pathlib import Path

import pytest

from prefault_kit.studies import guard as guarding
from prefault_kit.studies import promises
from prefault_kit.studies.guard import Budget, Outcome
from prefault_kit.studies.promises import Verdict
from tests.cli.command import prefault_here, sentence
from tests.ktap import parse

OVER = Outcome(Budget(0, 10), True, 1.0, 30, 0, 0, False, True, 0, ())
HOLDS = Verdict("read-a", "s", "c", "private anon", "1", "1", "holds")
SURPRISE = Verdict("read-b", "s", "c", "shared memfd", "1", "2", "differs")


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a runner, to which a step before has written."""
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel with a surprise."""

    def check(*_: object, on_verdict: object = None) -> list[Verdict]:
        for each in (HOLDS, SURPRISE):
            on_verdict(each)
        return [HOLDS, SURPRISE]

    monkeypatch.setattr(promises, "check", check)


def errors(text: str) -> list[str]:
    """The titles of errors."""
    lines = [line for line in text.splitlines() if line.startswith("::error title=")]
    return [line.removeprefix("::error title=").partition("::")[0] for line in lines]


@pytest.mark.usefixtures("verdicts")
def test_a_surprise_of_a_check(summary: Path) -> None:
    """An error for it and one for how the command ended; the summary comes behind what is there."""
    done = prefault_here("check", "--github", "read-*")
    assert done.returncode == 1
    assert errors(done.stdout) == ["read-b%3A shared memfd", "prefault-kit check"]
    assert "1 of 2 verdicts differ: read-b" in sentence(done)
    text = summary.read_text()
    assert text.startswith("before\n### prefault-kit check: 1 hold, 1 differ (1 unexplained)")
    assert text.endswith("\n\n")


@pytest.mark.usefixtures("verdicts", "summary")
@pytest.mark.parametrize("kind", ["--json", "--ktap"])
def test_stdout_stays_readable(kind: str) -> None:
    """Where it is for a program, annotations are on stderr, which a runner reads as well."""
    done = prefault_here("check", "--github", kind, "read-*")
    assert errors(done.stdout) == []
    assert len(errors(done.stderr)) == 2
    if kind == "--ktap":
        parse(done.stdout.splitlines())


def test_a_budget(summary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which limit, how the command ended, and all lines in the summary."""
    monkeypatch.setattr(guarding, "run", lambda *_, **__: OVER)
    done = prefault_here("guard", "--github", "--minor", "10", "--", "prog")
    assert errors(done.stdout) == [
        "page faults%3A minor faults%3A 30%2C allowed 10",
        "prefault-kit guard",
    ]
    assert "\n    EXCEEDED: minor faults: 30, allowed 10\n" in summary.read_text()


FAULTS = """\
#include <stdlib.h>

int main(void)
{
    volatile char *memory = malloc(1 << 22);
    for (int at = 0; at < 1 << 22; at += 4096)
        memory[at] = 1;
    return 0;
}
"""
WRITES = 7
"""The line of it that faults."""


@pytest.mark.needs("compiler")
@pytest.mark.needs("fault_events")
def test_the_line_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a program of it takes the faults; of one that lies elsewhere no line is told."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.c").write_text(FAULTS)
    compile_it = ["gcc", "-g", "-O0", "-o", tmp_path / "app", "src/app.c"]
    subprocess.run(compile_it, cwd=tmp_path, check=True, timeout=60)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    words = ("guard", "--github", "--minor", "500", "--", str(tmp_path / "app"))
    done = prefault_here(*words)
    assert f"::error file=src/app.c,line={WRITES},title=page faults" in done.stdout
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "src" / "elsewhere"))
    assert "::error title=page faults" in prefault_here(*words).stdout


def test_bad_usage_is_an_annotation(summary: Path) -> None:
    """What a command refuses is an error at the run; the summary has nothing of it."""
    done = prefault_here("try", "--github", "--start", "cold", "--variant", "x", "--", "true")
    assert done.returncode == 2
    assert errors(done.stdout) == ["prefault-kit try"]
    assert summary.read_text() == "before\n"


@pytest.mark.usefixtures("verdicts")
def test_without_a_runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Annotations alone; a summary that cannot be written is a sentence."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert errors(prefault_here("check", "--github", "read-*").stdout)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    done = prefault_here("check", "--github", "read-*")
    assert done.returncode == 1
    assert sentence(done) == f"{tmp_path}: is a directory"


@pytest.mark.usefixtures("verdicts", "summary")
def test_nothing_is_annotated_unasked(summary: Path) -> None:
    """Also in a runner."""
    assert "::" not in prefault_here("check", "read-*").stdout
    assert summary.read_text() == "before\n"
