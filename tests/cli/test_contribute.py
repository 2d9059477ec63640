"""``prefault-kit contribute``: shown first, then written, and checked."""

import json
import os
import sys
from pathlib import Path

import click
import pytest

from prefault_kit.show.comparison import FACTS
from prefault_kit.studies import comparison
from prefault_kit.studies.comparison import contribution
from tests.cli.command import prefault_here, sentence
from tests.studies.comparison.made import answer, jittered


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of three cells, with a name that is no host's."""
    return jittered(tmp_path / "grid.csv", 1, cells=3, kernel="6.1-pluto", hostname="pluto")


def test_it_shows_and_writes_what_compare_reads(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new file in the current directory; names are gone, the table stays as it is."""
    monkeypatch.setattr(contribution, "own_names", lambda: ("pluto",))
    before = {path.name: path.read_bytes() for path in table.parent.iterdir()}
    done = prefault_here("contribute", "grid.csv", "--yes", cwd=table.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert "kernel: 6.1-TAKEN-OUT" in done.stdout
    assert "left out: hostname" in done.stdout
    sent = table.with_name("grid.contribution.json")
    assert "pluto" not in sent.read_text()
    found = comparison.read(sent)
    assert [each.timings_ms for each in found.results] == [
        each.timings_ms for each in comparison.read(table).results
    ]
    checked = prefault_here("contribute", "--check", str(sent))
    assert (checked.returncode, checked.stderr) == (0, "")
    again = prefault_here("contribute", "grid.csv", "--yes", cwd=table.parent)
    assert (again.returncode, "exists already" in sentence(again)) == (2, True)
    sent.unlink()
    assert {path.name: path.read_bytes() for path in table.parent.iterdir()} == before


def test_it_asks_after_it_has_shown(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not confirmed, nothing is written; without a terminal --yes is what says yes."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    done = prefault_here("contribute", str(table), cwd=table.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert "kernel: 6.1-pluto" in done.stderr
    assert "give --yes" in done.stderr.splitlines()[-1]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)

    def refuse(question: str, **_: object) -> None:
        assert question == "Write grid.contribution.json?"
        raise click.Abort

    monkeypatch.setattr(click, "confirm", refuse)
    assert prefault_here("contribute", str(table), cwd=table.parent).returncode == 130
    assert not list(table.parent.glob("*.contribution.json"))


def test_what_would_not_be_read_is_not_written(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks of compare come before the file."""
    monkeypatch.setattr(contribution, "text", lambda run: '{"format": "prefault-kit run/1"}')
    done = prefault_here("contribute", str(table), "--yes", cwd=table.parent)
    assert (done.returncode, "has a kind, a host and rows" in sentence(done)) == (2, True)
    assert not list(table.parent.glob("*.contribution.json"))


def test_as_json_it_says_the_same(table: Path) -> None:
    """And where it is."""
    out = table.with_name("b.json")
    done = prefault_here("contribute", str(table), "--yes", "--json", "--out", str(out))
    said = json.loads(done.stdout)
    assert (said["file"], said["size"], said["left_out"]) == (str(out), 3, ["hostname"])
    assert said["host"] == json.loads(out.read_text())["host"]


def test_what_should_not_be_there_is_told_by_the_check(tmp_path: Path) -> None:
    """Exit 1, with the place; what it says is shown all the same."""
    path = tmp_path / "a.json"
    rows = [answer(observed="in /home/alice/x")]
    host = {"kernel": "6.1", "machine": "x86_64", "hostname": "pluto"}
    path.write_text(
        json.dumps({"format": "prefault-kit run/1", "kind": "verdicts", "host": host, "rows": rows})
    )
    done = prefault_here("contribute", "--check", str(path))
    assert done.returncode == 1
    assert "it says hostname of its host" in sentence(done)
    assert "/home/alice/x" in sentence(done)
    assert "  kernel: 6.1" in done.stdout


def test_bad_usage_is_one_sentence(table: Path) -> None:
    """No run, a run of nobody's, a place that cannot be written, options that contradict."""
    printed = table.with_name("verdicts.json")
    printed.write_text(json.dumps([answer()]))
    for arguments, words in (
        ((str(table.with_name("none.csv")),), "no such file"),
        ((str(table.with_suffix(".host.json")),), "name the .csv beside it"),
        ((str(printed), "--yes"), "does not say of which kernel and machine it is"),
        ((str(table), "--yes", "--out", "/proc/a.json"), "cannot write"),
        (("--check", str(table), "--yes"), "--check writes nothing"),
        ((), "Missing argument 'FILE'"),
    ):
        done = prefault_here("contribute", *arguments)
        assert (done.returncode, words in sentence(done)) == (2, True), done.stderr
    assert os.listdir(table.parent).count("a.json") == 0


def test_help_names_every_fact() -> None:
    """Whoever is to send a file knows what it may say before there is one."""
    said = " ".join(prefault_here("contribute", "--help").stdout.split())
    named = said.partition("What it may say of the host: ")[2].partition(".")[0]
    assert [word for word in FACTS.values() if word not in named] == []
    assert "new issue of its repository" in said
