"""prefault_kit.studies.trial.record: trials as files, and files that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.show import trial as show
from prefault_kit.show.trial_page import markdown
from prefault_kit.studies.trial import Row, record
from prefault_kit.studies.trial.record import from_dict, load, save, without_paths
from prefault_kit.studies.trial.result import (
    Again,
    FaultCounts,
    Resident,
    Seen,
    Trial,
    Wait,
)
from tests.studies.trial.made import FAST, PLAIN, SLOW, row, runs, trial

SEEN = Seen(
    (Resident(1 << 20, 3), None), 1 << 21, (FaultCounts(5, 1), FaultCounts(0, 0)),
    FaultCounts(2, 0), Wait(1.5, 0, True), 3.0,
)  # fmt: skip
FOUND = trial(
    PLAIN[0],
    replace(PLAIN[1], seen=SEEN),
    replace(row("POPULATE_WRITE", *FAST, errors={"X: EINVAL": 1}), seen=SEEN),
    Row("WILLNEED", "not-applicable", "it is for files alone"),
    again=[Again("POPULATE_WRITE", runs(FAST), runs(SLOW))],
    notes=("a note",),
    host={"kernel": "6.18", "memory_bytes": 1 << 30},
    options=("--repeats", "9"),
)


def plain(found: Trial = FOUND) -> Any:
    """As JSON has it."""
    return json.loads(json.dumps(found.as_dict()))


def test_there_and_back(tmp_path: Path) -> None:
    """Also what ``--json`` prints, with what follows from it; a file is not overwritten."""
    assert from_dict(plain()) == FOUND
    assert from_dict(json.loads(json.dumps(show.as_dict(FOUND)))) == FOUND
    save(FOUND, tmp_path / "t.json")
    assert load(tmp_path / "t.json") == without_paths(FOUND)
    with pytest.raises(FileExistsError):
        save(FOUND, tmp_path / "t.json")


def test_no_directories_are_saved() -> None:
    """Of the program, its options, files, places and messages; names and the system's stay."""
    group = replace(FOUND.groups[1], path="/home/me/secret/x.bin")
    own = replace(
        FOUND,
        command=(
            "/home/me/run",
            "--in=/home/me/a b",
            "-c",
            "open('/home/me/x')",
            "/usr/bin/env",
            "http://host/page",
            "a=/x:/home/me/y",
            "/home/me/a secret/b c",
        ),
        options=("--file", "/home/me/y", "--variant", "it=/home/me/run -v"),
        message="cannot open /home/me/z",
        notes=("not cold: /home/me/w: no such file",),
        groups=(FOUND.groups[0], group),
        chosen=(group,),
    )
    said = json.dumps(without_paths(own).as_dict())
    assert "/home" not in said and "secret" not in said
    for kept in ("DIR/run", "DIR/x.bin", "/usr/bin/env", "array.so", "http://host/page"):
        assert kept in said
    assert without_paths(own).chosen_at == {1}
    assert from_dict(plain(without_paths(own)))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("schema", "prefault-kit/trial-0", "another version"),
        ("outcome", "good", "outcome is 'good'"),
        ("measure", "joy_ms", "measure is 'joy_ms'"),
        ("start", "hot", "start is 'hot'"),
        ("moment", "noon", "moment is 'noon'"),
        ("command", [], "has no command"),
        ("rows.1.name", "nothing", "names of their own"),
        ("rows.0.outcome", "great", "is 'great' with 5 runs"),
        ("rows.0.runs", [], "is 'ok' with 0 runs"),
        ("rows.0.runs.0.wall_ms", -1, "wall_ms of a run is negative"),
        ("rows.0.runs.0.wall_ms", None, "wall_ms is None"),
        ("rows.0.runs.0.errors", {"a": -1}, "errors of a run is negative"),
        ("rows.1.seen.resident", [], "other mappings than there are"),
        ("rows.1.seen.faults", [], "other mappings than there are"),
        ("rows.1.seen.longest.group", 2, "no mapping that there is"),
        ("rows.1.seen.longest.group", -1, "negative counts"),
        ("rows.1.seen.lost", -1, "negative counts"),
        ("again.0.name", "HUGEPAGE", "is no row that ran"),
        ("again.0.base", [], "run again without runs"),
        ("groups.0.kind", "stack", "a mapping is 'stack'"),
        ("groups.0.language", "Perl", "of 'Perl'"),
        ("groups.0.length", -1, "negative size"),
        ("notes", "a", "notes is 'a'"),
        ("host", 5, "host is 5"),
    ],
)
def test_tampered_trials(path: str, value: object, said: str) -> None:
    """Refused in one sentence."""
    data = plain()
    *way, last = path.split(".")
    at = data
    for step in way:
        at = at[int(step)] if step.isdigit() else at[step]
    at[last] = value
    with pytest.raises(ValueError, match=said) as raised:
        from_dict(data)
    assert "\n" not in str(raised.value)


def leaves(data: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value, that of the containers as well."""
    if way:
        yield way
    for key in (
        data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    ):
        yield from leaves(data[key], (*way, key))


def shown(data: Any) -> str:
    """The summary of a trial, or why it is none."""
    try:
        found = from_dict(data)
    except ValueError as error:
        return str(error)
    show.as_dict(found)
    return markdown(found)


def test_what_is_not_refused_can_be_shown() -> None:
    """Each value in turn is replaced by what it should not be: a sentence, or a page."""
    few = replace(FOUND, rows=tuple(replace(each, runs=each.runs[:1]) for each in FOUND.rows))
    few = replace(few, again=(Again("POPULATE_WRITE", runs(FAST[:1]), runs(SLOW[:1])),))
    data = plain(few)
    for way in list(leaves(data)):
        at = data
        for step in way[:-1]:
            at = at[step]
        right = at[way[-1]]
        for wrong in (None, "\x1b<b>", -1, []):
            at[way[-1]] = wrong
            assert "\x1b" not in shown(data), way
        at[way[-1]] = right


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": NaN}', "[" * 100_000, "\xff"])
def test_files_that_are_no_trial(tmp_path: Path, text: str) -> None:
    """Of any kind, in one sentence that names the file."""
    (tmp_path / "t.json").write_bytes(text.encode("latin1"))
    with pytest.raises(ValueError, match=r"t\.json cannot be read: it is no trial"):
        load(tmp_path / "t.json")


def test_a_file_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not read to its end."""
    monkeypatch.setattr(record, "MOST_BYTES", 1 << 20)
    (tmp_path / "t.json").write_bytes(b" " * (1 << 21))
    with pytest.raises(ValueError, match="larger than any trial"):
        load(tmp_path / "t.json")
