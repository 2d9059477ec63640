"""prefault_kit.studies.weights.result: figures of repetitions, and a file that keeps them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.host import Unavailable
from prefault_kit.studies.weights.loading import Load
from prefault_kit.studies.weights.plan import Plan
from prefault_kit.studies.weights.result import AGAIN, FIRST, Found, Repetition, read, save
from tests.studies.weights import made


def test_best_and_median_are_of_those_that_ended() -> None:
    """A repetition that was killed has no time."""
    loads = [made.load(8.0), made.load(4.0), Load(ended="SIGKILL"), made.load(6.0)]
    run = Found(Plan(), {"a": tuple(map(Repetition, loads))}, 1, 1)
    assert (run.best_ms("a"), run.median_ms("a"), run.best_ms("a", FIRST)) == (4, 6, 1)
    assert run.best_ms("a", AGAIN) == 0.5
    assert run.best_ms("a", second=True) is None
    assert run.ended("a") == "ok"


def test_who_was_killed_is_not_ranked() -> None:
    """And has no ratio."""
    run = made.found(slow=9.0, dead=None, fast=3.0)
    assert run.ranked() == ["fast", "slow"]
    assert run.ratio("slow", "fast") == 3
    assert run.ratio("slow", "dead") is None
    assert run.ratio("dead", "slow") is None


@pytest.mark.parametrize(
    ("second", "added"),
    [
        (made.load(1.0, anonymous=5, cached=7), 8),
        (made.load(1.0, anonymous=5, cached=None), None),
        (Load(ended="SIGKILL"), None),
        (None, None),
    ],
)
def test_what_a_second_process_adds(second: Load | None, added: int | None) -> None:
    """Its own memory and what the page cache grew by; None where that is not known."""
    assert Repetition(made.load(1.0, cached=4), second).second_bytes == added


def test_a_file_keeps_it_all_but_places(tmp_path: Path) -> None:
    """What is read is what was saved; no directory and no path is in it."""
    run = made.found(Plan(size_bytes=made.SIZE, directory=str(tmp_path)), a=4.0, dead=None)
    lacking = Found(Plan(), missing=Unavailable("no room", "make room"))
    path = tmp_path / "runs.json"
    save({"one": [run, lacking], "none": []}, path)
    assert str(tmp_path) not in path.read_text()
    assert read(path) == {
        "one": [replace(run, plan=replace(run.plan, directory=".")), lacking],
        "none": [],
    }
    with pytest.raises(FileExistsError):
        save({}, path)


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"fields": [], "groups": {"a": [1]}}', '{"fields": 1, "groups": 2}', "{"],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    """In a sentence, or as what it is: no JSON."""
    path = tmp_path / "runs.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"is not what studies|Expecting"):
        read(path)


def test_a_row_too_short_is_refused(tmp_path: Path) -> None:
    """A damaged file is no result."""
    path = tmp_path / "runs.json"
    save({"one": [made.found(a=1.0)]}, path)
    document = json.loads(path.read_text())
    document["groups"]["one"][0]["entries"]["a"][0][0].pop()
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError):
        read(path)
