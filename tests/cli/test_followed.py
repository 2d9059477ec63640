"""A command line in the worker, as a host of a fleet runs it."""

import os
from typing import Any

import pytest

from prefault_kit import host
from prefault_kit.cli import followed
from prefault_kit.measure.worker import Event, Worker, WorkerDied
from tests.cli.command import PAGE

CELL = ["matrix", "--out", "nowhere.csv", "--repeats", "1", "--only", f"private anon {PAGE} read"]


def run(words: list[str], **known: Any) -> list[Event]:
    """All that is said."""
    payload = {"words": words, "host": {}, "rows": [], "names": False} | known
    with Worker() as worker:
        return list(worker.stream(followed.rows, payload))


def test_the_host_comes_first_and_the_end_last() -> None:
    """Between them the rows; the name only if it is asked for."""
    first, *rows, last = run(CELL)
    assert first["host"]["kernel"] == host.facts()["kernel"]
    assert first["anew"] is True
    assert "hostname" not in first
    assert [each["row"]["method"] for each in rows if "row" in each] == ["Read"]
    assert last == {"end": 0, "said": None}
    assert run(["nonsense"], names=True)[0]["hostname"] == os.uname().nodename


def test_what_is_known_is_kept_on_the_same_host_alone() -> None:
    """On another kernel all is run again."""
    first, *said = run(CELL)
    rows = [each["row"] for each in said if "row" in each]
    again = run(CELL, host=first["host"], rows=rows)
    assert again[0]["anew"] is False
    assert not [each for each in again if "row" in each]
    other = run(CELL, host=first["host"] | {"kernel": "2.6"}, rows=rows)
    assert other[0]["anew"] is True
    assert len([each for each in other if "row" in each]) == 1


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["matrix"], 2, "Missing option '--out'"),
        (["check", "--dir", "/nowhere"], 2, "/nowhere is not a directory"),
        ([*CELL[:-1], "hugetlbfs", "--hugetlbfs-dir", "/proc"], 3, "/proc"),
    ],
)
def test_a_refusal_is_the_end(words: list[str], status: int, sentence: str) -> None:
    """The command's own sentence and exit status."""
    last = run(words)[-1]
    assert (last["end"], sentence in last["said"]) == (status, True), last


def test_a_fault_of_the_kit_is_not_an_end() -> None:
    """The worker says what it was."""
    with pytest.raises(WorkerDied, match="TypeError"):
        run([1])  # type: ignore[list-item]
