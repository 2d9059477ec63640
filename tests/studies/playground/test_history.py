"""prefault_kit.studies.playground.history: saved, shared, branched, and refused where it is odd."""

import base64
import json
import zlib
from typing import Any

import pytest

from prefault_kit.studies.playground import Ground, Step
from prefault_kit.studies.playground.history import LINK, MOST_BYTES, History


def made() -> History:
    """A history with a branch."""
    history = History(Ground(kind="memfd", sharing="shared", pages=64), name="mine")
    for number in range(3):
        history.add(Step("write", number))
    history.back(1)
    history.add(Step("read", 9, 3, "child"))
    return history


def test_a_file_and_a_link_hold_all_of_it() -> None:
    """Ground, steps, branches and name."""
    history = made()
    for text in (history.dump(), history.link(), f"  {history.link()} "):
        found = History.load(text)
        assert found == history
    assert len(history.link()) < len(history.dump()) / 2


def test_going_back_keeps_a_branch_and_switching_another() -> None:
    """Nothing that was done is lost, and nothing is kept twice."""
    history = made()
    assert history.branches == {"branch 1": [Step("write", number) for number in range(3)]}
    history.switch("branch 1")
    assert history.steps == [Step("write", number) for number in range(3)]
    assert list(history.branches.values()) == [[Step("write", 0), Step("read", 9, 3, "child")]]
    history.back(2)
    history.back(1)  # what it leaves is the beginning of a branch
    assert len(history.branches) == 2


def test_a_directory_is_not_shared() -> None:
    """Files are made where the reader says."""
    history = History(Ground(kind="file", pages=8, directory="/home/someone/secret"))
    assert "secret" not in history.dump()
    assert History.load(history.dump(), directory="here").ground.directory == "here"


def changed(**values: Any) -> str:
    """A saved history with other values."""
    return json.dumps(json.loads(made().dump()) | values)


STEP = {"operation": "write", "first": 0, "count": 1, "process": "parent"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "this is no saved history"),
        ("[1]", "does not say"),
        ("{}", "does not say"),
        ("[" * 100_000, "this is no saved history"),
        ("x" * (MOST_BYTES + 1), "bytes at most"),
        (LINK + "!!!", "this is no saved history"),
        (LINK + base64.b64encode(zlib.compress(b"[" * 9_000_000)).decode(), "no saved history"),
        (changed(steps=3), "its steps is missing or of another kind"),
        (changed(steps=[3]), "a step is an object"),
        (changed(steps=[STEP | {"first": 64}]), "not within the 64 pages"),
        (changed(steps=[STEP | {"first": -1}]), "first is a whole number"),
        (changed(steps=[STEP | {"count": 10**40}]), "count is a whole number"),
        (changed(steps=[STEP | {"process": "init"}]), "process is one of parent, child"),
        (changed(steps=[STEP | {"operation": "os.remove"}]), "there is no operation 'os.remove'"),
        (changed(steps=[STEP | {"operation": ["write"]}]), "an operation is a name"),
        (changed(steps=[STEP | {"more": 1}]), "this is no step"),
        (changed(steps=[STEP] * 10_001), "10,000 steps at most"),
        (changed(branches={"a": [3]}), "a step is an object"),
        (changed(branches={str(n): [] for n in range(101)}), "100 branches"),
        (changed(ground={"pages": "many"}), "pages is a whole number"),
        (changed(ground={"pages": 10**9}), "pages is a whole number"),
        (changed(ground={"kind": "/etc/passwd"}), "kind is one of"),
        (changed(ground={"page_size_bytes": 3}), "pages"),
        (changed(ground={"page_size_bytes": "x"}), "page_size_bytes is"),
        (changed(ground={"thp": "yes"}), "thp is"),
        (changed(name=3), "its name is missing"),
    ],
    ids=str,
)
def test_a_hostile_history_is_one_sentence(text: str, why: str) -> None:
    """Nothing of it is run, nothing takes long, nothing is unpacked without an end."""
    with pytest.raises(ValueError, match=r"^[^\n]{1,300}$") as caught:
        History.load(text)
    assert why in str(caught.value)
