"""prefault_kit.measure.saved: results in files that may be shown to others."""

import errno
import json
import math
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.measure import saved
from prefault_kit.measure.result import Result
from prefault_kit.measure.saved import SCHEMA

RESULT = Result(
    backing="memfd",
    page_size_bytes=4096,
    sharing="shared",
    method="POPULATE_WRITE",
    size_bytes=2 << 20,
    start="empty",
    threads=1,
    repeats=2,
    outcome="ok",
    timings_ms=[0.5, 0.7],
    best_ms=0.5,
    median_ms=0.6,
)


SAVED = {"schema": SCHEMA}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("the directory /home/ann/x does not exist", "the directory DIR does not exist"),
        ("no file can be made in /srv/a: denied", "no file can be made in DIR: denied"),
        ("echo 9 | sudo tee /sys/kernel/mm/x", "echo 9 | sudo tee /sys/kernel/mm/x"),
        ("Read/Write failed, 3 KiB/s", "Read/Write failed, 3 KiB/s"),
        ("/home/ann/my data is read-only", "DIR is read-only"),
        ("relative is not a directory", "DIR is not a directory"),
    ],
)
def test_paths_of_users_are_taken_out(text: str, clean: str) -> None:
    """What is saved names no directory of a person; the kernel's own stay."""
    assert saved.without_paths(text, ["/home/ann/my data", "relative"]) == clean


def test_saved_runs_come_back(tmp_path: Path) -> None:
    """save() and load() are inverse, and only messages lose the paths in them."""
    path = tmp_path / "runs.json"
    refused = replace(
        RESULT, outcome="unavailable", message="/home/ann is full", command="mkdir -p /home/ann"
    )
    saved.save([RESULT, refused], path)
    clean = replace(refused, message="DIR is full", command="mkdir -p DIR")
    assert saved.load(path) == [RESULT, clean]
    assert [each.name for each in tmp_path.iterdir()] == ["runs.json"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o111 == 0


def test_saving_replaces_only_when_asked(tmp_path: Path) -> None:
    """A file that is there stays, unless overwrite is given."""
    path = tmp_path / "runs.json"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        saved.save([RESULT], path)
    assert path.read_text() == "mine"
    saved.save([RESULT], path, overwrite=True)
    assert saved.load(path) == [RESULT]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not a file of saved results"),
        ("[1, 2]", "is not a file of saved results"),
        ('{"schema": "prefault-kit/9"}', "another version"),
        (json.dumps({"schema": SCHEMA, "results": 3}), "is not a file of saved results"),
        (json.dumps({"schema": SCHEMA, "results": [{"backing": "anon"}]}), "damaged"),
        (
            json.dumps(SAVED | {"results": [RESULT.as_dict() | {"best_ms": math.nan}]}),
            "saved results",
        ),
        (json.dumps(SAVED | {"results": [RESULT.as_dict() | {"best_ms": -5}]}), "best_ms is -5"),
        (json.dumps(SAVED | {"results": [RESULT.as_dict() | {"best_ms": 9.0}]}), "best_ms is 9.0"),
        (json.dumps(SAVED | {"results": [RESULT.as_dict() | {"timings_ms": []}]}), "damaged"),
        ('{"results":' * 100_000, "is not a file of saved results"),
    ],
)
def test_loading_what_is_not_ours_is_refused(tmp_path: Path, content: str, words: str) -> None:
    """Not a file of ours, another version, damaged: one sentence."""
    path = tmp_path / "runs.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=words):
        saved.load(path)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What cannot be written as JSON leaves the file that is there, and no other."""
    path = tmp_path / "runs.json"
    saved.write_json(path, {"schema": SCHEMA})
    with pytest.raises(TypeError):
        saved.write_json(path, {"schema": object()})
    assert saved.read_json(path, "a file") == {"schema": SCHEMA}
    assert [each.name for each in tmp_path.iterdir()] == ["runs.json"]


def test_a_claim_leaves_nothing(tmp_path: Path) -> None:
    """A name that is free may be written later, and is not made now."""
    saved.claim(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
    saved.write(tmp_path / "new", "whole")
    assert (tmp_path / "new").read_text() == "whole"
    assert [each.name for each in tmp_path.iterdir()] == ["new"]
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) & 0o111 == 0


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    """What is there stays, also if it came after the claim."""
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(ValueError, match="exists already"):
        saved.claim(taken)
    with pytest.raises(FileExistsError):
        saved.write(taken, "the kit's")
    assert taken.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [taken]


def test_several_files_are_all_written_or_none(tmp_path: Path) -> None:
    """What was written before the one that fails is gone again; what was there stays."""
    (tmp_path / "b").write_text("mine")
    with pytest.raises(FileExistsError):
        saved.write_all({tmp_path / "a": "1", tmp_path / "b": "2", tmp_path / "c": "3"})
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"b": "mine"}
    saved.write_all({tmp_path / "a": "1", tmp_path / "c": "3"})
    assert (tmp_path / "c").read_text() == "3"


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that has none a file is renamed into place, and none is written over."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(saved.os, "link", refuse)
    saved.write(tmp_path / "new", "whole")
    assert (tmp_path / "new").read_text() == "whole"
    with pytest.raises(FileExistsError):
        saved.write(tmp_path / "new", "another")
    assert (tmp_path / "new").read_text() == "whole"
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """It is found by the claim, in a sentence."""
    with pytest.raises(ValueError, match=r"cannot be written \(no such file or directory\)"):
        saved.claim(tmp_path / "gone" / "new")


def test_what_json_has_no_number_for_is_null() -> None:
    """NaN and infinity, wherever they are; strict readers take the rest."""
    data = {"a": [math.nan, 1.5, {"b": -math.inf}], "c": (math.inf, "NaN", True, None)}
    text = saved.json_text(data)
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": [None, 1.5, {"b": None}],
        "c": [None, "NaN", True, None],
    }
