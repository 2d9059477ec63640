"""tests.second_try: what fails every time fails, and what is no accident has one try."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import second_try

ONCE = """
from pathlib import Path
def test_first_time():
    tries = Path("tries")
    tries.write_text(tries.read_text() + "." if tries.exists() else ".")
    assert tries.read_text() == "{passes}"
def test_fine():
    pass
"""


def run(place: Path, monkeypatch: pytest.MonkeyPatch, *files: str) -> int:
    """The exit status of a run over files that do not know this project."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-q -p xdist.plugin")
    (place / "pytest.ini").write_text("[pytest]\n")
    for number, text in enumerate(files):
        (place / f"test_{number}.py").write_text(text)
    return second_try.main(["--", "."])


@pytest.mark.parametrize("number", [2, 3])
def test_what_passes_later_passes_and_is_named(
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Its file runs again, and no other."""
    other = "from pathlib import Path\ndef test_other():\n    Path('other').open('x').close()\n"
    assert run(tmp_path, monkeypatch, ONCE.format(passes="." * number), other) == 0
    said = capfd.readouterr().out
    assert f"PASSED ONLY IN TRY {number} test_0.py::test_first_time" in said
    assert (tmp_path / "tries").read_text() == "." * number


def test_what_fails_every_time_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And is not named as passed."""
    assert run(tmp_path, monkeypatch, ONCE.format(passes="....")) == pytest.ExitCode.TESTS_FAILED
    assert "PASSED ONLY" not in capfd.readouterr().out
    assert (tmp_path / "tries").read_text() == "..."


def test_what_fails_beside_it_later_has_passed_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of two tests of a file fails once, by turns."""
    second = ONCE[: ONCE.index("def test_fine")].replace("test_first", "test_second")
    turns = ONCE.format(passes="..") + second.replace("tries", "turns").replace(
        'turns.read_text() == "{passes}"', 'turns.read_text() != ".."'
    )
    assert run(tmp_path, monkeypatch, turns) == 0
    assert (tmp_path / "turns").read_text() == ".."


@pytest.mark.parametrize("status", [pytest.ExitCode.INTERRUPTED, 8])
def test_other_ends_have_one_try(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, and what this project's conftest says of a run that was untidy."""
    (tmp_path / "conftest.py").write_text(
        f"def pytest_sessionfinish(session):\n    session.exitstatus = {int(status)}\n"
    )
    assert run(tmp_path, monkeypatch, ONCE.format(passes="..")) == status
    assert (tmp_path / "tries").read_text() == "."


def test_many_failures_are_no_accident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One try, where the files that failed are many."""
    files = [ONCE.replace("tries", f"tries{n}").format(passes="..") for n in range(9)]
    assert run(tmp_path, monkeypatch, *files) == pytest.ExitCode.TESTS_FAILED
    assert (tmp_path / "tries0").read_text() == "."


def test_notebooks_alone_know_the_marks() -> None:
    """A second try may be of notebooks only, without the conftest of the tests."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    command += ["-m", "not alone and not browser", "--nbval", "notebooks/00-start-here.ipynb"]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout
