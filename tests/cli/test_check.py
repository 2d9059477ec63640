"""``prefault-kit check``: what it prints, how it ends, what it writes."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import junitparser
import pytest

from prefault_kit.studies import comparison, promises
from prefault_kit.studies.kernels.record import Record
from tests.cli.command import (
    PATIENCE_S,
    await_true,
    children,
    environment,
    is_gone,
    prefault,
    prefault_here,
    sentence,
    start,
)
from tests.ktap import parse

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


def test_verdicts_are_written_with_their_host(tmp_path: Path) -> None:
    """As compare reads them, and contribute: the same as --json, and the facts of this host."""
    out = tmp_path / "verdicts.json"
    done = prefault_here("check", "fault-first-touch", "--out", str(out), "--json")
    assert done.returncode == 0
    found = comparison.read(out)
    assert [vars(each) for each in found.answers] == json.loads(done.stdout)
    assert found.host["kernel"] == os.uname().release
    both = prefault_here("check", "x*", "--out", "a.xml", "--junit", "a.xml", cwd=tmp_path)
    assert both.returncode == 2
    again = prefault_here("check", "fault-first-touch", "--out", str(out))
    assert (again.returncode, "exists already" in sentence(again)) == (2, True)


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


def test_ktap_has_a_result_for_each_verdict(tmp_path: Path) -> None:
    """As many as are planned, in the order and with the names of --json; stderr stays empty."""
    words = ("check", "read-*", "error-2021-*", "permission-*", "--dir", str(tmp_path))
    done = prefault(*words, "--ktap")
    assert (done.returncode, done.stderr) == (0, "")
    plan, points, rest = parse(done.stdout.splitlines())
    assert plan == len(points)
    verdicts = json.loads(prefault(*words, "--json").stdout)
    assert [each.name for each in points] == [f"{v['id']}: {v['backing']}" for v in verdicts]
    assert [each.skip is not None for each in points] == [
        v["verdict"] == "not-testable" for v in verdicts
    ]
    assert all(each.ok for each in points)
    known = [each for each in points if any("known reason" in line for line in each.diagnostics)]
    assert [each.name.split(":")[0] for each in known] == [
        v["id"] for v in verdicts if v["verdict"] == "differs"
    ]
    assert len(rest) == 1


def test_a_surprise_in_ktap(miscounting: dict[str, str]) -> None:
    """Is not ok, with what was expected and observed before it; exit 1 and one sentence."""
    done = prefault("check", "fault-first-touch", "--ktap", env=miscounting)
    assert done.returncode == 1
    assert "fault-first-touch" in sentence(done)
    _, points, rest = parse(done.stdout.splitlines())
    surprises = [each for each in points if not each.ok]
    assert len(surprises) >= 2
    for each in surprises:
        assert [line.split(":")[0] for line in each.diagnostics] == [
            "claim",
            "expected",
            "observed",
        ]
    assert f"fail:{len(surprises)} " in rest[0]


def test_ktap_for_a_reader_who_leaves_early() -> None:
    """Nothing is said, and no process stays."""
    with start("check", "--ktap") as command:
        assert command.stdout
        assert command.stderr
        assert command.stdout.readline() == "KTAP version 1\n"
        await_true(lambda: children(command.pid))
        workers = children(command.pid)
        command.stdout.close()
        assert command.wait(timeout=PATIENCE_S) == 1
        assert command.stderr.read() == ""
    await_true(lambda: all(map(is_gone, workers)))


def test_ktap_and_ctrl_c() -> None:
    """What was printed is whole, the plan shows what is missing; one sentence, exit 130."""
    with start("check", "--ktap") as command:
        assert command.stdout
        assert command.stderr
        lines = [command.stdout.readline() for _ in range(3)]
        workers = children(command.pid)
        command.send_signal(signal.SIGINT)
        out, said = command.communicate(timeout=PATIENCE_S)
        assert command.returncode == 130
    assert said.strip() == "prefault-kit: stopped; nothing is left behind"
    plan, points, rest = parse(("".join(lines) + out).splitlines())
    assert 0 < len(points) < plan
    assert not any(line.startswith("Totals") for line in rest)
    await_true(lambda: all(map(is_gone, workers)))


def recorded(place: Path, version: str, verdicts: list[dict[str, object]]) -> None:
    """A record of verdicts."""
    made = Record(version, "x86_64", "tcg", ["ext4"], {"page_size_bytes": 4096}, verdicts)
    place.mkdir(exist_ok=True)
    (place / f"{version}.json").write_text(made.dump())


def test_changes_since_a_recorded_kernel(tmp_path: Path) -> None:
    """What it answered otherwise, one line each; what it answered alike is not told."""
    words = ("check", "read-zero-page", "write-after-read", "--dir", str(tmp_path))
    verdicts = json.loads(prefault(*words, "--json").stdout)
    place = tmp_path / "records"
    recorded(place, "6.1.1", verdicts)
    since = ("--since", "6.1", "--records", str(place))
    release = os.uname().release
    done = prefault(*words, *since)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"6.1.1 -> {release}: 0 verdicts of {len(verdicts)} changed\n"
    now = verdicts[-1]
    before = now | {"verdict": "differs", "observed": "3", "reason": "before Linux 9"}
    recorded(place, "6.1.1", [*verdicts[:-1], before])
    lines = prefault(*words, *since).stdout.splitlines()
    assert lines == [
        f"{now['id']}: {now['backing']}: differs, 3 -> {now['verdict']}, {now['observed']} "
        "(before Linux 9)",
        f"6.1.1 -> {release}: 1 verdict of {len(verdicts)} changed",
    ]
    found = json.loads(prefault(*words, *since, "--json").stdout)
    assert (found["since"], found["until"], found["compared"]) == ("6.1.1", release, len(verdicts))
    assert [each["before"]["observed"] for each in found["changes"]] == ["3"]


def test_a_surprise_is_one_beside_changes_too(miscounting: dict[str, str], tmp_path: Path) -> None:
    """--since does not hide it."""
    recorded(tmp_path / "records", "6.1.1", [])
    words = ("check", "fault-first-touch", "--since", "6.1.1", "--records")
    done = prefault(*words, str(tmp_path / "records"), env=miscounting)
    assert done.returncode == 1
    assert "verdicts differ: fault-first-touch" in sentence(done)


def test_the_kit_brings_recorded_kernels(tmp_path: Path) -> None:
    """So that a version alone is enough; an unknown one is told with those that there are."""
    cache = environment(PREFAULT_KERNELS_CACHE=str(tmp_path / "cache"))
    done = prefault("check", "error-enomem", "--since", "5.10", "--dir", str(tmp_path), env=cache)
    assert done.returncode == 0
    assert "error-enomem: private anon: not testable -> holds, ENOMEM" in done.stdout
    done = prefault("check", "--since", "6.2", env=cache)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no kernel 6.2 is recorded; recorded are: 5.10.223, 6.1.176," in sentence(done)


def test_a_version_is_not_nothing(tmp_path: Path) -> None:
    """An empty one, as of a variable that is not set, is unknown; blanks around one are no part."""
    recorded(tmp_path / "records", "6.1.1", [])
    words = ("check", "read-zero-page", "--records", "records", "--since")
    done = prefault_here(*words, "", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no kernel '' is recorded; recorded are: 6.1.1" in sentence(done)
    assert prefault_here(*words, " 6.1\n", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--ktap", "--json"), "give either --json or --ktap, not both"),
        (("--ktap", "--since", "6.1"), "give either --ktap or --since, not both"),
        (("read-zero-page", "--as-c", "--json"), "give either --json or --as-c, not both"),
        (("read-zero-page", "--as-c", "--out", "a"), "give either --as-c or --out, not both"),
        (("read-zero-page", "--as-c", "--dir", "."), "give either --as-c or --dir, not both"),
        (("--records", "."), "--records belongs to --since"),
        (("--on", "private anon"), "--on belongs to --as-c"),
        (("--as-c", "--on", "private anon"), "--on belongs to one promise: name its ID"),
        (("read-*", "--as-c"), "--as-c takes one promise, not "),
        (("read-zero-page", "--as-c", "--on", "disk"), "is about private anon, not 'disk'"),
        (("fault-lock", "--as-c"), "fault-lock has no form in C; prefault-kit check --as-c lists"),
        (("no-such", "--as-c"), "no promise is named 'no-such'"),
    ],
)
def test_options_that_do_not_go_together(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """Bad usage, before anything is checked."""
    done = prefault_here("check", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in sentence(done)


def test_a_program_in_c(tmp_path: Path) -> None:
    """On the memory that is asked for; it compiles and holds as it is printed."""
    done = prefault_here("check", "write-cuts-*", "--as-c", "--on", "private tmpfs", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "promise.c").write_text(done.stdout)
    for command in (("gcc", "promise.c"), ("./a.out",)):
        ran = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
    assert ran.stdout.splitlines()[-2:] == ["observed: old", "verdict: holds"]


def test_the_promises_that_have_a_program(tmp_path: Path) -> None:
    """Are listed with the memory that they are about."""
    done = prefault_here("check", "--as-c", cwd=tmp_path)
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert len(lines) >= 25
    assert lines["read-zero-page"].endswith("  private anon")
    assert "fault-lock" not in lines
