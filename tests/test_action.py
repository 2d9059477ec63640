"""The action of this repository: its steps run by bash, in an environment as a runner gives it.

There is no runner here. What is GitHub's is played: expressions, the files that steps write to, and
actions/setup-python, whose place the Python of the tests takes.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefault_kit.cli import check, guard, trial

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
SHIPPED = ("action.yml", "LICENSE", "README.md", "constraints.txt", "pyproject.toml",
           "pytest_prefault.py", "setup.py")  # fmt: skip
EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")
PATIENCE_S = 600


@dataclass
class Runner:
    """A job on a runner: its directories, and what its steps have said so far."""

    place: Path
    outputs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("temp", "workspace"):
            (self.place / name).mkdir(parents=True, exist_ok=True)

    @property
    def summary(self) -> str:
        """What is on the page of the job."""
        return (self.place / "summary").read_text()

    def uses(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """All steps of the action, up to the first that fails; the last that ran."""
        defaults = {name: each["default"] for name, each in ACTION["inputs"].items()}
        inputs = defaults | {name.replace("_", "-"): value for name, value in inputs.items()}
        (self.place / "summary").write_text("")
        for step in STEPS:
            if "run" not in step:
                assert step["if"] == "inputs.python-version != ''"
                played = sys.executable if inputs["python-version"] else ""
                self.outputs[f"steps.{step['id']}.outputs.python-path"] = played
                continue
            done = self._run(step, inputs)
            if done.returncode:
                break
        return done

    def _run(
        self, step: dict[str, Any], inputs: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        assert step["shell"] == "bash"
        said = self.place / "output"
        said.write_text("")
        script = self.place / "script.sh"
        script.write_text(step["run"])
        told = {name: self._evaluated(value, inputs) for name, value in step["env"].items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.place / "workspace",
            env=os.environ | self._environment() | told,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        for line in said.read_text().splitlines():
            name, _, value = line.partition("=")
            self.outputs[f"steps.{step['id']}.outputs.{name}"] = value
        return done

    def _environment(self) -> dict[str, str]:
        """A runner's, and packages from the environment of the tests in place of a registry's."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.place / "action"),
            "GITHUB_OUTPUT": str(self.place / "output"),
            "GITHUB_STEP_SUMMARY": str(self.place / "summary"),
            "GITHUB_WORKSPACE": str(self.place / "workspace"),
            "RUNNER_TEMP": str(self.place / "temp"),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PYTHONPATH": sysconfig.get_path("purelib"),
        }

    def _evaluated(self, text: str, inputs: dict[str, str]) -> str:
        known = self.outputs | {f"inputs.{name}": value for name, value in inputs.items()}

        def value(found: re.Match[str]) -> str:
            name, _, otherwise = found[1].partition(" || ")
            return known[name] or otherwise.strip("'")

        return EXPRESSION.sub(value, text)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A runner that has fetched the action, in a path with a space."""
    place = tmp_path_factory.mktemp("a runner")
    left_out = shutil.ignore_patterns("__pycache__", "*.so", "*.o", "_prefault.c")
    shutil.copytree(ROOT / "prefault_kit", place / "action" / "prefault_kit", ignore=left_out)
    for name in SHIPPED:
        shutil.copy(ROOT / name, place / "action")
    return Runner(place)


@pytest.mark.needs("compiler")
class TestARun:
    """One job: the kit is compiled for the first step of it alone."""

    def test_check(self, runner: Runner) -> None:
        """It is installed from the action's checkout and run where the workflow is; the summary."""
        done = runner.uses(args="'read-*' --dir .")
        assert (done.returncode, done.stderr) == (0, "")
        assert re.search(r"^\d+ hold, ", done.stdout, re.M)
        assert "### prefault-kit check: " in runner.summary
        assert list((runner.place / "workspace").iterdir()) == []
        assert list(runner.place.glob("temp/prefault-kit/lib/python3*/site-packages/prefault_kit"))

    def test_it_is_installed_once(self, runner: Runner) -> None:
        """Another step of the job finds it; without setup-python it is the runner's python3."""
        before = (runner.place / "temp/prefault-kit/pyvenv.cfg").stat().st_mtime_ns
        assert runner.uses(args="'read-zero-page'", python_version="").returncode == 0
        assert (runner.place / "temp/prefault-kit/pyvenv.cfg").stat().st_mtime_ns == before

    @pytest.mark.needs("fault_events")
    def test_guard(self, runner: Runner) -> None:
        """A budget that is exceeded is status 1 and an annotation; quoted words stay one; the
        program has nothing of the action's in its environment."""
        told = 'sh -c "env; exit 3"'
        done = runner.uses(command="guard", args=f"--minor 0 -- {told}")
        assert done.returncode == 1
        assert "::error title=page faults%3A minor faults" in done.stdout
        assert "::error title=prefault-kit guard::" in done.stdout
        assert "ended with status 3" in done.stdout
        assert "PREFAULT_ARGS" not in done.stdout
        assert "### prefault-kit guard: `sh` did not pass" in runner.summary

    @pytest.mark.needs("tracing")
    def test_try(self, runner: Runner) -> None:
        """The answer is a notice, and the whole summary is on the page of the job."""
        program = f"'{sys.executable}' -S -c 'bytearray(1 << 22)'"
        args = f"--repeats 2 --only POPULATE_WRITE\n--json -- {program}"
        done = runner.uses(command="try", args=args)
        assert done.returncode == 0, done.stderr
        assert "::notice title=Which advice helps" in done.stderr
        assert "POPULATE_WRITE" in runner.summary

    @pytest.mark.parametrize(
        ("inputs", "words"),
        [
            ({"command": "run"}, "command is check, guard or try"),
            ({"args": "'unclosed"}, "args cannot be read as a command line: No closing quotation"),
            ({"args": "no-such-promise"}, "::error title=prefault-kit check::"),
        ],
    )
    def test_bad_usage(self, runner: Runner, inputs: dict[str, str], words: str) -> None:
        """Status 2, and a sentence at the run."""
        done = runner.uses(**inputs)
        assert done.returncode == 2
        assert words in done.stdout

    def test_arguments_are_no_script(self, runner: Runner) -> None:
        """What a shell would expand is a word."""
        mark = runner.place / "executed"
        done = runner.uses(args=f"$(touch '{mark}') `touch '{mark}'`; touch '{mark}'")
        assert done.returncode == 2
        assert not mark.exists()


def test_an_old_python_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence, before anything is installed."""
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    done = Runner(tmp_path).uses(python_version="")
    assert done.returncode == 3
    assert "Python 3.11 or later is needed" in done.stdout
    assert list((tmp_path / "temp").iterdir()) == []


def test_a_release_comes_from_the_registry(tmp_path: Path) -> None:
    """And into a place of its own; here is no registry, which pip says."""
    done = Runner(tmp_path).uses(version="1.2.3")
    assert done.returncode == 1
    assert "prefault-kit==1.2.3" in done.stderr
    assert [each.name for each in (tmp_path / "temp").iterdir()] == ["prefault-kit-1.2.3"]


def test_inputs_reach_no_script() -> None:
    """A script has no expression in it: what others write is in the environment alone."""
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert scripts
    assert not any("${{" in script for script in scripts)


def test_each_input_is_used_and_described() -> None:
    """And none that there is not."""
    used = set(re.findall(r"inputs\.([\w-]+)", str(ACTION["runs"])))
    assert used == set(ACTION["inputs"])
    assert all(each["description"] for each in ACTION["inputs"].values())
    assert "check, guard or try" in ACTION["inputs"]["command"]["description"]


def test_its_commands_have_the_option() -> None:
    """Each that it runs takes ``--github``."""
    for command in (check.check, guard.guard, trial.trial):
        assert "github" in {each.name for each in command.params}
