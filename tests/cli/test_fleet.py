"""``prefault-kit fleet``: real Dask workers on loopback, each a host by its label."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path

import pytest

from prefault_kit.cli import fleet
from prefault_kit.host import extras
from prefault_kit.host.identity import LABEL, identity
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.studies import comparison
from prefault_kit.studies.review.result import SCHEMA as REVIEW
from tests.cli.command import (
    PAGE,
    environment,
    is_gone,
    prefault,
    prefault_here,
    sentence,
    start,
)
from tests.studies.comparison.made import answer as made_answer
from tests.studies.fleet import made
from tests.studies.fleet.made import await_true, children, hosts, rows, worker

PROMISES = ("check", "read-*", "write-*", "prefix-*", "error-*", "fault-*", "permission-*")
"""More than a hundred verdicts, each told as it comes: a second or two."""
HELD = """
import os, time
from prefault_kit.cli import followed
run = followed.rows
def rows(payload):
    told = 0
    for event in run(payload):
        yield event
        told += "row" in event
        while told == 3 and os.path.exists({hold!r}):
            time.sleep(0.01)
followed.rows = rows
"""
"""A host that goes on after its third row once a file is gone."""
EVERY = ("check",)
"""Several seconds of them."""
VERSION = metadata.version("prefault-kit")
CELLS = ("matrix", "--only", f"private anon {PAGE} populate_*", "--repeats", "3")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler."""
    with made.scheduler(tmp_path_factory.mktemp("scheduler")) as found:
        yield found


def start_fleet(address: str, out: Path, *words: str) -> subprocess.Popen[str]:
    """Start a fleet."""
    return start(
        "fleet", "--scheduler", address, "--out", str(out), *words, env=environment(**made.QUIET)
    )


def test_a_host_that_is_killed_is_made_up_for(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 of one of three in the middle: what it had finished is kept, the others go on, and
    it goes on itself once it has a worker again, whatever that one's address is."""
    out, hold, place = (tmp_path / name for name in ("runs", "hold", "held"))
    hold.touch()
    place.mkdir()
    (place / "sitecustomize.py").write_text(HELD.format(hold=str(hold)))
    held = {"PYTHONPATH": os.pathsep.join((str(place), made.QUIET["PYTHONPATH"]))}
    with ExitStack() as stack:
        workers = {
            label: stack.enter_context(worker(address, tmp_path, label, **held)) for label in "abc"
        }
        running_fleet = start_fleet(address, out, "--hosts", "3", *PROMISES)
        await_true(lambda: any(len(rows(out, name)) == 3 for name in running(out)))
        (name,) = running(out)  # only one, for they are on one machine
        kept = rows(out, name)
        label = label_of(out, name, monkeypatch)
        workers[label].kill()
        await_true(lambda: hosts(out)[name]["state"] == "left")
        assert rows(out, name) == kept
        hold.unlink()
        stack.enter_context(worker(address, tmp_path, label))
        said, errors = running_fleet.communicate(timeout=60)
    assert (running_fleet.returncode, errors) == (0, "")
    assert said.count("done") == 3
    assert {each["state"] for each in hosts(out).values()} == {"done"}
    assert rows(out, name)[: len(kept)] == kept
    runs = comparison.read_all(sorted(out.glob("host-*.json")))
    assert len({run.size for run in runs}) == 1
    assert runs[0].size > 20
    assert sorted(path.name for path in out.iterdir()) == [
        "fleet.json", "host-1.json", "host-2.json", "host-3.json",
    ]  # fmt: skip


def running(out: Path) -> list[str]:
    """The hosts that measure."""
    return [name for name, each in hosts(out).items() if each["state"] == "running"]


def label_of(out: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The label of a host, by its digest."""
    key = json.loads((out / "fleet.json").read_text())["key"]
    for label in "abc":
        monkeypatch.setenv(LABEL, label)
        if json.loads(identity(key))["boot"] == hosts(out)[name]["boot"]:
            return label
    raise AssertionError(name)


def test_a_stopped_fleet_is_taken_up(address: str, tmp_path: Path) -> None:
    """Ctrl-C ends what runs on the host, keeps its rows and says how to go on; --resume runs the
    rest alone."""
    out = tmp_path / "runs"
    with worker(address, tmp_path, "a") as host:
        running_fleet = start_fleet(address, out, *EVERY)
        await_true(lambda: len(rows(out, "host-1")) > 2)
        child = children(host)
        running_fleet.send_signal(signal.SIGINT)
        _, errors = running_fleet.communicate(timeout=60)
        assert running_fleet.returncode == 130
        assert errors == (
            f"prefault-kit: stopped; the same command with --resume continues {out}\n"
        )
        assert child and all(map(is_gone, child))
        kept = rows(out, "host-1")
        assert len(kept) > 2
        assert comparison.read(out / "host-1.json").size == len(kept)
        again = prefault_here("fleet", "--scheduler", address, "--out", str(out), *EVERY)
        assert (again.returncode, "is not empty" in sentence(again)) == (2, True)
        other = prefault_here(
            "fleet", "--scheduler", address, "--out", str(out), "--resume", *CELLS
        )
        assert (other.returncode, "was begun with 'check" in sentence(other)) == (2, True)
        done = prefault_here(
            "fleet", "--scheduler", address, "--out", str(out), "--resume", "--json", *EVERY
        )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)["hosts"]
    assert [(each["name"], each["state"]) for each in found] == [("host-1", "done")]
    assert found[0]["count"] > len(kept)
    assert rows(out, "host-1")[: len(kept)] == kept
    assert not list(out.glob("*.rows"))


def test_a_host_that_cannot_be_asked_is_a_row(address: str, tmp_path: Path) -> None:
    """Another version of the kit, of Python, and no kit at all; the one that can be goes on."""
    lie = "import distributed.versions as v\nv.get_package_info = lambda _: {}\n"
    here = ".".join(map(str, sys.version_info))
    kit = lie.format({"python": here, "prefault-kit": "0.0.9"})
    none = lie.format({"python": here, "prefault-kit": None})
    python = lie.format({"python": "3.2.1.final.0", "prefault-kit": VERSION})
    with ExitStack() as stack:
        for label, preload in (("a", None), ("b", kit), ("c", none), ("d", python)):
            stack.enter_context(worker(address, tmp_path, label, preload))
        done = prefault_here(
            "fleet", "--scheduler", address, "--out", str(tmp_path / "runs"), "--hosts", "4",
            *CELLS,
        )  # fmt: skip
    assert done.returncode == 1
    assert "1 of 4 hosts are done; refused: " in sentence(done)
    for words in (
        "it has prefault-kit 0.0.9, and this one is", "it has no prefault-kit, and this one is",
        f"pip install prefault-kit=={VERSION}", "it has Python 3.2, and this one is",
    ):  # fmt: skip
        assert words in " ".join(done.stdout.split())
    assert done.stdout.count("2 ok") == 1


def test_a_scheduler_has_one_fleet(address: str, tmp_path: Path) -> None:
    """The second is told since when, and makes nothing in its way."""
    with worker(address, tmp_path, "a"):
        first = start_fleet(address, tmp_path / "a", "--hosts", "2", *PROMISES)
        await_true(lambda: rows(tmp_path / "a", "host-1"))
        second = prefault_here(
            "fleet", "--scheduler", address, "--out", str(tmp_path / "b"), *CELLS
        )
        same = prefault_here(
            "fleet", "--scheduler", address, "--out", str(tmp_path / "a"), "--resume", *PROMISES
        )
        with worker(address, tmp_path, "b"):  # for which the first has waited
            _, errors = first.communicate(timeout=60)
    assert (first.returncode, errors) == (0, "")
    assert second.returncode == 3
    assert f"another fleet runs at {address} since 20" in sentence(second)
    assert (same.returncode, "another process collects into" in sentence(same)) == (2, True)


def test_a_full_disk_is_told(address: str, tmp_path: Path) -> None:
    """With the file, and how to go on."""
    out = tmp_path / "runs"
    begun = prefault_here("fleet", "--scheduler", address, "--wait", "0", "--out", str(out), *CELLS)
    assert (begun.returncode, "no host has a worker" in sentence(begun)) == (3, True)
    (out / "host-1.rows").symlink_to("/dev/full")
    with worker(address, tmp_path, "a"):
        done = prefault_here("fleet", "--scheduler", address, "--out", str(out), "--resume", *CELLS)
    assert done.returncode == 1
    assert sentence(done) == (
        f"{out / 'host-1.rows'} cannot be written: No space left on device: continue with --resume "
        "once it can be"
    )


def test_a_fleet_of_this_machine(tmp_path: Path) -> None:
    """Two workers that take turns. What they are called is in the list alone, and only if asked."""
    out = tmp_path / "runs"
    done = prefault("fleet", "--local", "2", "--out", str(out), "--names", *CELLS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("2 ok") == 2
    assert {each["hostname"] for each in hosts(out).values()} == {os.uname().nodename}
    assert os.uname().nodename not in (out / "host-1.json").read_text()


CELL = {
    "backing": "anon", "page_size_bytes": 4096, "sharing": "private", "method": "Read",
    "size_bytes": 8192, "start": "empty", "threads": 1, "repeats": 1, "outcome": "ok",
    "timings_ms": [1.0], "best_ms": 1.0, "median_ms": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "facts", "row", "words"),
    [
        ("grid", {}, CELL | {"timings_ms": [float("nan")]}, "timings_ms is"),
        ("grid", {}, CELL | {"best_ms": 0.5}, "best_ms"),
        ("grid", {}, CELL | {"size_bytes": -1}, "size_bytes is -1"),
        ("grid", {}, CELL | {"notes": ["x" * 5000]}, "over 4000 letters"),
        ("grid", {}, CELL | {"file_system": "<script>"}, "file_system is '<script>'"),
        ("grid", {}, CELL | {"evil": 1}, "it has evil"),
        ("grid", {"kernel": "<b>"}, CELL, "kernel of the host is '<b>'"),
        ("grid", {"kernel": None}, CELL, "which kernel and machine"),
        ("verdicts", {}, made_answer(verdict="maybe"), "a verdict in it is 'maybe'"),
        ("verdicts", {}, made_answer(id="<b>"), "a promise in it is called '<b>'"),
        ("review", {}, {"schema": "another/1", "candidates": []}, "it is no review"),
        ("review", {}, {"schema": REVIEW, "candidates": 1}, "it is no review"),
        ("review", {"cpu": ["<b>"]}, {"schema": REVIEW, "candidates": []}, "cpu of the host is"),
    ],
)
def test_a_hostile_row_is_refused(
    kind: str, facts: dict[str, object], row: dict[str, object], words: str
) -> None:
    """By the checks that a stranger's file goes through; what is wrong is part of a sentence."""
    job = fleet.job(kind, ("words",))
    with pytest.raises(ValueError, match=re.escape(words)):
        job.check(made.FACTS | facts, row)


def test_rows_make_a_run_that_compare_reads(tmp_path: Path) -> None:
    """Of known facts alone; a cell twice makes none."""
    job = fleet.job("grid", ("matrix",))
    facts, row = job.check(made.FACTS | {"hostname": "pluto"}, CELL)
    assert facts == made.FACTS
    path = tmp_path / "a.json"
    path.write_text(json.dumps(job.record(facts, [row])))
    assert comparison.read(path).results[0].timings_ms == [1.0]
    assert job.summary([row, row]) == "2 ok"
    with pytest.raises(ValueError, match="twice"):
        job.record(facts, [row, row])


def test_a_review_says_what_it_recommends() -> None:
    """Its file is what --json prints, with known facts of the host."""
    job = fleet.job("review", ("review",))
    said = {"schema": REVIEW, "candidates": [{}], "host": {"hostname": "pluto"}}
    facts, row = job.check(made.FACTS | {"hostname": "pluto"}, said)
    assert job.record(facts, [row])["host"] == made.FACTS
    assert job.summary([row]) == "1 candidate"
    advice = {"name": "POPULATE_READ", "reason": "it is faster"}
    assert job.summary([row | {"recommendation": advice}]) == "POPULATE_READ: it is faster"


def test_bad_usage_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found before anything is made or reached."""
    out = ("--out", str(tmp_path / "runs"))
    away = ("--scheduler", "tcp://127.0.0.1:9")
    for arguments, words in (
        ((*out, *CELLS), "give either --scheduler ADDRESS or --local N"),
        ((*out, "--local", "2", *away, *CELLS), "give either --scheduler ADDRESS or --local N"),
        ((*out, *away), "name what hosts are to run: matrix, check, review"),
        ((*out, *away, "doctor"), "'doctor' is no command for a fleet: choose of matrix"),
        ((*out, *away, "matrix", "--out", "a.csv"), "--out is not for a host of a fleet"),
        ((*out, *away, "check", "--ktap"), "--ktap is not for a host of a fleet"),
        ((*out, *away, "matrix", "--sizes", "2MB?"), "2MB?"),
        ((*out, *away, "check", "--nonsense"), "No such option '--nonsense'"),
        ((*away, *CELLS), "Missing option '--out'"),
    ):
        done = prefault_here("fleet", *arguments)
        assert (done.returncode, words in sentence(done)) == (2, True), done.stderr
    assert not list(tmp_path.iterdir())
    unreachable = prefault_here("fleet", *out, *away, *CELLS)
    assert unreachable.returncode == 3
    assert "no Dask scheduler answers at tcp://127.0.0.1:9: start one" in sentence(unreachable)
    lacking = Unavailable("a fleet needs distributed", "pip install 'prefault-kit[fleet]'")
    monkeypatch.setattr(extras, "missing", lambda *_: lacking)
    without = prefault_here("fleet", *out, *away, *CELLS)
    assert without.returncode == 3
    assert sentence(without).endswith("to enable it: pip install 'prefault-kit[fleet]'")


def test_a_killed_collector_leaves_nothing_running(address: str, tmp_path: Path) -> None:
    """The Dask worker ends its child as soon as nobody collects any more."""
    with worker(address, tmp_path, "a") as host:
        running_fleet = start_fleet(address, tmp_path / "a", "check")
        await_true(lambda: rows(tmp_path / "a", "host-1"))
        (child,) = children(host)
        running_fleet.kill()
        running_fleet.communicate(timeout=60)
        await_true(lambda: is_gone(child))
        assert host.poll() is None
