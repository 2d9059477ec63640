"""The workflow of GitHub Actions, as far as it can be held without running it."""

import fnmatch
import re
from pathlib import Path

import yaml

import prefault_kit
from prefault_kit.studies.kernels import version
from prefault_kit.studies.kernels.recorded import of_the_kit

ROOT = Path(__file__).parents[1]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
WHEELS = yaml.safe_load((ROOT / ".github" / "workflows" / "wheels.yml").read_text())
KERNELS = yaml.safe_load((ROOT / ".github" / "workflows" / "kernels.yml").read_text())
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
WHEEL_STEPS = [step for job in WHEELS["jobs"].values() for step in job["steps"]]


def test_actions_are_pinned() -> None:
    """Every action has its version."""
    steps = (*STEPS, *WHEEL_STEPS, *KERNELS["jobs"]["boot"]["steps"])
    uses = [step["uses"] for step in (*steps, *ACTION["runs"]["steps"]) if "uses" in step]
    uses = [each for each in uses if each != "./"]  # this repository's own
    assert uses
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@(release/)?v\d+", each) for each in uses)


def test_what_it_runs_is_there() -> None:
    """The make targets and scripts that it runs are the project's."""
    runs = "\n".join(step["run"] for step in STEPS if "run" in step)
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"\bmake (\w+)$", runs, re.M)
    assert {"setup", "site"} <= set(targets)
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
    assert "\n.ci/run\n" in runs
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_it_may_write_only_the_pages() -> None:
    """By default it reads; only the job that publishes may write, and that only the pages."""
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for name, job in WORKFLOW["jobs"].items():
        writes = {key for key, value in job.get("permissions", {}).items() if value == "write"}
        assert writes == ({"pages", "id-token"} if name == "site" else set())


def test_several_kernels() -> None:
    """The promises are checked on kernels from before and after their changes."""
    kernels = WORKFLOW["jobs"]["kernels"]["strategy"]["matrix"]["kernel"]
    assert len(kernels) >= 3


def test_wheels_for_both_machines_are_published_on_a_tag() -> None:
    """x86-64 and aarch64; the publishing job alone may ask for a token, and only on a tag."""
    jobs = WHEELS["jobs"]
    assert jobs["wheel"]["strategy"]["matrix"]["runner"] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    assert WHEELS["permissions"] == {"contents": "read"}
    asking = {name for name, job in jobs.items() if "permissions" in job}
    assert asking == {"publish"}
    assert jobs["publish"]["if"] == "startsWith(github.ref, 'refs/tags/v')"
    (pattern,) = WHEELS[True]["push"]["tags"]  # YAML reads "on" as a truth value
    assert fnmatch.fnmatch(f"v{prefault_kit.__version__}", pattern)
    assert not fnmatch.fnmatch("v1", pattern)  # which moves with the releases, for "uses:"


def test_the_recorded_kernels_are_booted_each_week() -> None:
    """Each of them; and who answers otherwise opens an issue, for which alone it may write."""
    assert KERNELS[True]["schedule"]
    assert KERNELS["permissions"] == {"contents": "read"}
    job = KERNELS["jobs"]["boot"]
    assert job["permissions"] == {"contents": "read", "issues": "write"}
    booted = {
        (row["machine"], series)
        for row in job["strategy"]["matrix"]["include"]
        for series in row["kernels"].split()
    }
    assert booted == {(each.architecture, version.series(each.version)) for each in of_the_kit()}
    runs = [step.get("run", "") for step in job["steps"]]
    assert any("kernels run" in run and "--expect" in run for run in runs)
    assert any(run.startswith("gh issue create") for run in runs)


def test_the_action_is_used_as_others_do() -> None:
    """Each of its commands on a real runner, with inputs that it has."""
    used = [step.get("with", {}) for step in STEPS if step.get("uses") == "./"]
    assert {each.get("command", "check") for each in used} == {"check", "guard", "try"}
    assert {name for each in used for name in each} <= set(ACTION["inputs"])
