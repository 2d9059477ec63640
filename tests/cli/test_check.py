"""``prefault-kit check``: what it prints, how it ends, what it writes."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import junitparser
import pytest

from prefault_kit.studies import promises
from tests.cli.command import environment, prefault, sentence

MISCOUNTING = """
from dataclasses import replace
from prefault_kit.kernel import timed
real = timed.range_timed
def range_timed(*words, **known):
    work = real(*words, **known)
    return replace(work, minor_faults=work.minor_faults + 1)
timed.range_timed = range_timed
"""
FIELDS = ["id", "source", "claim", "backing", "expected", "observed", "verdict", "reason"]


@pytest.fixture
def miscounting(tmp_path: Path) -> dict[str, str]:
    """The environment of a kit that counts a fault too many."""
    (tmp_path / "sitecustomize.py").write_text(MISCOUNTING)
    paths = [str(tmp_path), os.environ.get("PYTHONPATH")]
    return environment(PYTHONPATH=os.pathsep.join(filter(None, paths)))


def test_every_promise_has_its_verdict(tmp_path: Path) -> None:
    """All are checked; none differs without an explanation; the list has the stable names; and no
    file stays in the directory where files were made."""
    report, directory = tmp_path / "report.xml", tmp_path / "here"
    directory.mkdir()
    done = prefault("check", "--json", "--junit", str(report), "--dir", str(directory))
    assert list(directory.iterdir()) == []
    verdicts = json.loads(done.stdout)
    assert [list(each) for each in verdicts] == [FIELDS] * len(verdicts)
    assert {each["id"] for each in verdicts} == set(promises.PROMISES)
    surprises = [each for each in verdicts if each["verdict"] == "differs" and not each["reason"]]
    assert surprises == []
    assert {each["verdict"] for each in verdicts} <= {"holds", "differs", "not-testable"}
    assert all(each["reason"] for each in verdicts if each["verdict"] == "not-testable")
    assert (done.returncode, done.stderr) == (0, "")
    suites = list(junitparser.JUnitXml.fromfile(str(report)))
    assert [suite.tests for suite in suites] == [len(verdicts)]
    assert suites[0].failures == 0
    assert suites[0].skipped == sum(each["verdict"] == "not-testable" for each in verdicts)


def test_people_get_a_line_for_each() -> None:
    """The claim, a verdict for each kind of memory, and the counts at the end."""
    done = prefault("check", "fault-first-touch")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("fault-first-touch")
    assert any(line.split()[:3] == ["holds", "private", "anon"] for line in lines)
    assert lines[-1].startswith(("2 hold", "3 hold"))
    assert done.returncode == 0


def test_a_surprise_ends_with_one(miscounting: dict[str, str], tmp_path: Path) -> None:
    """A promise that differs without an explanation is exit 1, one sentence, a JUnit failure."""
    report = tmp_path / "report.xml"
    done = prefault("check", "fault-first-touch", "--junit", str(report), env=miscounting)
    assert done.returncode == 1
    assert "fault-first-touch" in sentence(done)
    assert ": unexplained\n" in done.stdout
    suite = next(iter(junitparser.JUnitXml.fromfile(str(report))))
    assert suite.failures >= 2


def test_json_keeps_stdout_clean_on_a_surprise(miscounting: dict[str, str]) -> None:
    """The list is whole also when something differs."""
    done = prefault("check", "fault-first-touch", "--json", env=miscounting)
    assert done.returncode == 1
    assert {each["verdict"] for each in json.loads(done.stdout)} >= {"differs"}


def test_an_id_that_is_not_there() -> None:
    """A pattern that fits no promise is bad usage."""
    done = prefault("check", "no-such-*")
    assert done.returncode == 2
    assert "no promise is named 'no-such-*'" in sentence(done)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """A directory that does not exist is bad usage."""
    done = prefault("check", "--dir", str(tmp_path / "gone"))
    assert done.returncode == 2
    assert "is not a directory" in sentence(done)


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    """A report that has no place is bad usage, before anything is checked."""
    done = prefault("check", "fault-first-touch", "--junit", str(tmp_path / "no" / "r.xml"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be written (no such file or directory)" in sentence(done)


@pytest.mark.parametrize("made", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_a_report_that_is_there(made: Callable[[Path], object], tmp_path: Path) -> None:
    """A file of the user's, a directory or a dangling link is never written over."""
    report = tmp_path / "mine"
    made(report)
    before = report.lstat().st_ino, report.lstat().st_mtime_ns
    done = prefault("check", "fault-first-touch", "--junit", str(report))
    assert (done.returncode, done.stdout) == (2, "")
    assert "exists already" in sentence(done)
    assert (report.lstat().st_ino, report.lstat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [report]


FULL_DISK = """
import errno, os
def fsync(fd):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
os.fsync = fsync
"""


def test_a_disk_that_is_full_in_the_end(tmp_path: Path) -> None:
    """The verdicts are printed all the same; no cut report stays behind; one sentence, exit 1."""
    (tmp_path / "sitecustomize.py").write_text(FULL_DISK)
    paths = [str(tmp_path), os.environ.get("PYTHONPATH")]
    known = environment(PYTHONPATH=os.pathsep.join(filter(None, paths)))
    out = tmp_path / "out"
    out.mkdir()
    done = prefault("check", "fault-first-touch", "--junit", str(out / "r.xml"), env=known)
    assert done.returncode == 1
    assert "r.xml was not written: no space left on device" in sentence(done)
    assert "2 hold" in done.stdout or "3 hold" in done.stdout
    assert list(out.iterdir()) == []
