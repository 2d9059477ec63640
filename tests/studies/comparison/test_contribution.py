"""prefault_kit.studies.comparison.contribution: a file to send, without names and paths."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.studies import comparison
from prefault_kit.studies.comparison import Run, contribution, reading
from tests.studies.comparison.made import RUN, answer, grid, result, verdicts

SAID = "a file in /home/alice/data on PLUTO, by alice@pluto.example from 10.1.2.3"


def failed(text: str, **known: str) -> Run:
    """A run whose one cell has a message."""
    cell = replace(result(), message=text, command=f"mount {text}", notes=[text])
    return grid("a", cell, machine="x86_64", **known)


def test_names_paths_and_addresses_are_taken_out() -> None:
    """In messages, notes and verdicts; a command is left out."""
    made = contribution.without_names(failed(SAID, kernel="6.1-pluto"), ["pluto", "alice"])
    clean = "a file in DIR on TAKEN-OUT, by TAKEN-OUT from TAKEN-OUT"
    (cell,) = made.results
    assert (cell.message, cell.notes, cell.command) == (clean, [clean], None)
    assert made.host["kernel"] == "6.1-TAKEN-OUT"
    asked = verdicts("a", answer(observed=SAID, reason=SAID), machine="x86_64")
    (verdict,) = contribution.without_names(asked, ["pluto", "alice"]).answers
    assert (verdict.observed, verdict.reason) == (clean, clean)
    sent = contribution.text(made)
    assert not any(each in sent for each in ("pluto", "alice", "/home", "10.1"))


def test_what_names_nobody_stays() -> None:
    """The kernel's own paths, a release with four numbers, words that have a name in them."""
    text = "see /proc/meminfo and /sys/kernel/mm; malice 1.2.3 READ/WRITE, and 4/5"
    made = contribution.without_names(failed(text, kernel="6.6.87.2-WSL2"), ["alice"])
    assert made.results[0].message == text
    assert made.host["kernel"] == "6.6.87.2-WSL2"
    assert list(contribution.remarks(made)) == []


def test_own_names_are_those_of_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those that everybody has, nor what is shorter than a word."""
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setenv("LOGNAME", "root")
    monkeypatch.setenv("USER", "x")
    found = contribution.own_names()
    assert "alice" in found
    assert not {"root", "/root", "x", ""} & set(found)
    node = os.uname().nodename
    assert node in found or len(node) < contribution.SHORTEST or node == "localhost"


def test_a_file_to_send_reads_back(tmp_path: Path) -> None:
    """With each figure as it was; the recorded run names nobody, and nothing of it changes."""
    run = comparison.read(RUN)
    made = contribution.without_names(run, contribution.own_names())
    assert made == run
    path = tmp_path / "sent.json"
    path.write_text(contribution.text(made))
    assert comparison.read(path) == replace(made, name="sent")


def test_a_run_of_an_unknown_host_is_not_sent() -> None:
    """Nobody could do anything with it."""
    for run, words in (
        (Run("a", "grid", {}, (result(1.0),)), "matrix writes a host file"),
        (replace(verdicts("a", answer()), host={"kernel": None, "machine": "x"}), "check --out"),
    ):
        with pytest.raises(ValueError, match=words):
            contribution.text(run)
        assert "does not say" in "".join(contribution.remarks(replace(run, host={})))


def test_what_should_not_be_in_a_file_is_told() -> None:
    """A path, an address, a fact that no run has."""
    run = replace(failed(SAID), left_out=("hostname",))
    said = list(contribution.remarks(run))
    assert said[0] == "it says hostname of its host, which no run of this kit does"
    assert "a message or note has a path or an address: /home/alice/data" in said
    assert any("alice@pluto.example" in each for each in said)


def test_the_columns_are_those_that_say_something() -> None:
    """Not what is empty everywhere."""
    found = contribution.columns(grid("a", result(1.0)))
    assert "timings_ms" in found
    assert not {"message", "notes", "host"} & set(found)
    assert "verdict" in contribution.columns(verdicts("a", answer()))
    assert contribution.place(Path("x/grid.csv")) == Path("grid.contribution.json")
    assert reading.FORMAT in contribution.text(grid("a", result(1.0), machine="x86_64"))
