"""prefault_kit.studies.fleet.collected: the folder, which outlives whoever collects into it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.host.identity import Identity
from prefault_kit.studies.fleet import read
from prefault_kit.studies.fleet.collected import (
    DONE,
    LEFT,
    REFUSED,
    Folder,
    Host,
    NotCollectedError,
)
from tests.studies.fleet.made import FACTS, JOB, rows

ONE = Identity("turn", "boot", "machine")


def begun(place: Path, *numbers: int) -> tuple[Folder, Host]:
    """A folder with a host of which these rows are collected."""
    folder = Folder.begin(place, JOB)
    host = folder.new_host(ONE)
    for number in numbers:
        folder.add(host, FACTS, {"n": number})
    folder.save()
    return folder, host


def test_rows_are_there_as_soon_as_they_are_added(tmp_path: Path) -> None:
    """Each a line with the facts of its host; the recorded run comes with the end."""
    folder, host = begun(tmp_path / "a", 1, 2)
    assert rows(tmp_path / "a", "host-1") == [{"n": 1}, {"n": 2}]
    host.state = DONE
    folder.record(host)
    folder.save()
    folder.close()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["fleet.json", "host-1.json"]
    assert json.loads((tmp_path / "a" / "host-1.json").read_text())["rows"] == [{"n": 1}, {"n": 2}]
    (found,) = read(tmp_path / "a").hosts
    assert (found.name, found.state, found.count, found.facts) == ("host-1", DONE, 2, FACTS)


def test_what_was_killed_is_taken_up(tmp_path: Path) -> None:
    """But for a row that was cut short; a host without rows is forgotten, one that is done is not
    read again."""
    folder, _ = begun(tmp_path / "a", 1, 2)
    done = folder.new_host(Identity("t", "b", "m"))
    folder.add(done, FACTS, {"n": 3})
    done.state = DONE
    folder.record(done)
    folder.new_host(Identity("t", "c", "n"))
    folder.save()
    folder.close()  # as a kill does
    with (tmp_path / "a" / "host-1.rows").open("a") as out:
        out.write('{"host": {"ker')
    again = Folder.resume(tmp_path / "a", JOB)
    states = [(host.name, host.state, host.count) for host in again.hosts]
    assert states == [("host-1", LEFT, 2), ("host-2", DONE, 1)]
    assert list(again.rows(again.hosts[0])) == [{"n": 1}, {"n": 2}]
    again.add(again.hosts[0], FACTS, {"n": 4})
    assert [each["n"] for each in rows(tmp_path / "a", "host-1")] == [1, 2, 4]
    assert again.new_host().name == "host-3"
    again.restart(again.hosts[0])
    assert (again.hosts[0].count, rows(tmp_path / "a", "host-1")) == (0, [])
    again.close()


def test_a_folder_is_for_one_fleet(tmp_path: Path) -> None:
    """At a time, and for one command line; another folder is not taken for one."""
    folder, _ = begun(tmp_path / "a", 1)
    with pytest.raises(ValueError, match="another process collects into"):
        Folder.resume(tmp_path / "a", JOB)
    folder.close()
    with pytest.raises(ValueError, match="is not empty: continue it with --resume"):
        Folder.begin(tmp_path / "a", JOB)
    with pytest.raises(ValueError, match="was begun with 'check': continue it so"):
        Folder.resume(tmp_path / "a", replace(JOB, words=("matrix",)))
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is not a directory"):
        Folder.begin(tmp_path / "file", JOB)
    with pytest.raises(ValueError, match=r"has no fleet\.json: name the folder of a fleet"):
        read(tmp_path)
    Folder.resume(tmp_path / "new", JOB).close()  # nothing to take up: it begins


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data | {"format": "another/9"}, "of another version"),
        (lambda data: data | {"hosts": "none"}, "hosts is 'none', and is to be a list"),
        (lambda data: data["hosts"][0].update(name="../../x") or data, "hosts that no fleet names"),
        (lambda data: data["hosts"][0].update(state="fine") or data, "hosts that no fleet names"),
        (lambda data: data | {"hosts": data["hosts"] * 2}, "hosts that no fleet names"),
        (lambda data: [data], "is not of this kit"),
    ],
)
def test_a_damaged_list_is_refused(tmp_path: Path, change: object, words: str) -> None:
    """A name in it becomes the name of a file."""
    folder, _ = begun(tmp_path / "a", 1)
    folder.close()
    path = tmp_path / "a" / "fleet.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))  # type: ignore[operator]
    for use in (lambda: read(tmp_path / "a"), lambda: Folder.resume(tmp_path / "a", JOB)):
        with pytest.raises(ValueError, match=words):
            use()
    path.write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        read(tmp_path / "a")


def test_damaged_rows_are_refused_with_their_line(tmp_path: Path) -> None:
    """And the folder is let go."""
    folder, _ = begun(tmp_path / "a", 1)
    folder.close()
    path = tmp_path / "a" / "host-1.rows"
    whole = path.read_text()
    for line, words in (('{"host": {}, "row": {}}', "it has no number"), ("[NaN]", "not JSON"),
                        ('{"row": {}}', "a host and a row")):  # fmt: skip
        path.write_text(f"{whole}{line}\n")
        for _ in range(2):
            with pytest.raises(ValueError, match=rf"host-1.rows is damaged in line 2 \(.*{words}"):
                Folder.resume(tmp_path / "a", JOB)


def test_a_host_sends_no_more_than_a_run_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In rows, and in bytes; what cannot be is not kept."""
    folder, host = begun(tmp_path / "a", 1)
    with pytest.raises(ValueError, match="it has no number"):
        folder.add(host, FACTS, {})
    monkeypatch.setattr("prefault_kit.studies.fleet.collected.MOST_BYTES", 400)
    with pytest.raises(ValueError, match="more than 10000 rows, or 0 MiB"):
        folder.add(host, FACTS, {"n": "x" * 400})
    monkeypatch.setattr("prefault_kit.studies.fleet.collected.MOST_ROWS", 1)
    with pytest.raises(ValueError, match="more than 1 rows"):
        folder.add(host, FACTS, {"n": 2})
    assert rows(tmp_path / "a", "host-1") == [{"n": 1}]
    folder.close()


def test_a_full_disk_is_an_error_with_its_file(tmp_path: Path) -> None:
    """What was collected before stays."""
    folder, _ = begun(tmp_path / "a", 1)
    other = folder.new_host(Identity("t", "b", "m"))
    (tmp_path / "a" / "host-2.rows").symlink_to("/dev/full")
    with pytest.raises(NotCollectedError) as told:
        folder.add(other, FACTS, {"n": 1})
    assert (told.value.filename, told.value.strerror) == (
        str(tmp_path / "a" / "host-2.rows"), "No space left on device",
    )  # fmt: skip
    assert other.count == 0
    assert rows(tmp_path / "a", "host-1") == [{"n": 1}]
    folder.close()


def test_rows_that_make_no_run_are_kept(tmp_path: Path) -> None:
    """A host whose rows contradict each other has no recorded run."""

    def never(*_: object) -> dict[str, object]:
        raise ValueError("it has a cell twice")

    folder, host = begun(tmp_path / "a", 1, 1)
    folder.job = replace(JOB, record=never)
    host.state = REFUSED
    with pytest.raises(ValueError, match="twice"):
        folder.record(host)
    assert len(rows(tmp_path / "a", "host-1")) == 2
    folder.close()
