"""prefault_kit.studies.grid.recording: the files of a grid, and what a kill leaves of them."""

import csv
import errno
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.result import Result
from prefault_kit.measure.saved import SCHEMA
from prefault_kit.studies.grid import table_file
from prefault_kit.studies.grid.recording import NotRecordedError, Recording, Unrecorded
from prefault_kit.studies.grid.table_file import COLUMNS
from tests.studies.grid import made

MIB = 1 << 20
PLAN = {"sizes_bytes": [2 * MIB], "repeats": 3, "start": "empty", "only": ["private anon"]}
HOST = {"kernel": "6.1", "machine": "x", "cpu": "y", "page_size_bytes": 4096, "date": "today"}


def result(method: str = "Write", **known: Any) -> Result:
    """A cell of the plan that went well."""
    timed = {"timings_ms": [1.5, 1.0, 1.25], "best_ms": 1.0, "median_ms": 1.25}
    planned = {"page_size_bytes": PAGE_SIZE_BYTES, "repeats": 3}
    return made.result(method, **(planned | timed | known))


ROW = table_file.row(result())


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A table with one row and a journal with two repetitions of the next cell."""
    path = tmp_path / "grid.csv"
    with Recording.begin(path, PLAN, HOST) as recording:
        recording.note(0, 9.0, warm_up=True)
        recording.finish([ROW])
        recording.note(1, 9.5, warm_up=True)
        recording.note(1, 1.5)
    return path


def test_all_is_there_after_a_break(begun: Path) -> None:
    """Finished rows and the repetitions after them; those of finished rows are forgotten."""
    with Recording.resume(begun, PLAN, HOST) as recording:
        assert recording.results == [result()]
        assert recording.warmups_ms == {1: 9.5}
        assert recording.timings_ms == {1: [1.5]}
        recording.note(1, 2.5)
    with Recording.resume(begun, PLAN, HOST) as recording:
        assert recording.timings_ms == {1: [1.5, 2.5]}


@pytest.mark.parametrize("cut", range(1, 46))
def test_a_kill_may_cut_the_journal_anywhere(begun: Path, cut: int) -> None:
    """The line cut short is lost and no other, and what follows it is readable."""
    journal = begun.with_suffix(".part")
    journal.write_bytes(journal.read_bytes()[:-cut])
    with Recording.resume(begun, PLAN, HOST) as recording:
        assert recording.warmups_ms == {1: 9.5}
        assert recording.timings_ms == {}
        recording.note(1, 3.5)
    with Recording.resume(begun, PLAN, HOST) as recording:
        assert recording.timings_ms == {1: [3.5]}


def test_a_kill_may_cut_the_table(begun: Path) -> None:
    """A row cut short is cut off before another one is added."""
    with begun.open("a") as out:
        out.write("prefault-kit/1,anon,40")
    with Recording.resume(begun, PLAN, HOST) as recording:
        assert recording.results == [result()]
        recording.finish([table_file.row(result("Read"))])
    assert table_file.read(begun) == [result(), result("Read")]


@pytest.mark.parametrize("left", [[], [".host.json"], [".host.json", ".csv"]])
def test_a_kill_may_come_while_it_begins(tmp_path: Path, left: list[str]) -> None:
    """Whatever of the three files is there, empty or not, resume begins the table."""
    path = tmp_path / "grid.csv"
    for number, suffix in enumerate(left):
        path.with_suffix(suffix).write_text("")
        if number:
            path.with_suffix(".host.json").unlink()
    with Recording.resume(path, PLAN, HOST) as recording:
        recording.finish([ROW])
    assert table_file.read(path) == [result()]


def test_only_the_table_and_its_host_remain(begun: Path) -> None:
    """When all is complete the journal goes."""
    with Recording.resume(begun, PLAN, HOST) as recording:
        recording.complete()
    assert sorted(path.name for path in begun.parent.iterdir()) == ["grid.csv", "grid.host.json"]


def test_nothing_is_overwritten(begun: Path) -> None:
    """begin() refuses when any of its files is there, and says how to go on."""
    for suffix in (".csv", ".host.json", ".part"):
        before = begun.with_suffix(suffix).read_bytes()
        with pytest.raises(ValueError, match="exists already: continue it with --resume"):
            Recording.begin(begun, PLAN, HOST)
        assert begun.with_suffix(suffix).read_bytes() == before
        begun.with_suffix(suffix).unlink()


def test_one_process_at_a_time(begun: Path) -> None:
    """While a table is being recorded nobody else may go on with it."""
    with (
        Recording.resume(begun, PLAN, HOST),
        pytest.raises(ValueError, match="another process is recording"),
    ):
        Recording.resume(begun, PLAN, HOST)
    Recording.resume(begun, PLAN, HOST).close()


@pytest.mark.parametrize(
    ("plan", "host", "words"),
    [
        ({"sizes_bytes": [8192]}, {}, r"sizes_bytes \[2097152\], not \[8192\]"),
        ({"repeats": 4}, {}, "repeats 3, not 4"),
        ({}, {"kernel": "6.2"}, "kernel '6.1', not '6.2'"),
        ({}, {"cpu": "z"}, "cpu 'y', not 'z'"),
    ],
)
def test_another_plan_or_host_is_refused(
    begun: Path, plan: dict[str, Any], host: dict[str, Any], words: str
) -> None:
    """Two halves of one table are of the same sizes and of the same kernel; a date may differ."""
    with pytest.raises(ValueError, match=words) as caught:
        Recording.resume(begun, PLAN | plan, HOST | host)
    assert "name another file" in str(caught.value)
    Recording.resume(begun, PLAN, HOST | {"date": "tomorrow"}).close()


def _write(suffix: str, text: str) -> Callable[[Path], object]:
    return lambda path: path.with_suffix(suffix).write_text(text)


def _add(text: str) -> Callable[[Path], object]:
    """Add to the journal."""

    def add(path: Path) -> None:
        with path.with_suffix(".part").open("a") as journal:
            journal.write(text)

    return add


def _journal(number: int, **changed: object) -> Callable[[Path], object]:
    """Add a line to the journal: a repetition of cell 1, which has its warm-up and the first."""
    entry = {"cell": 1, "repetition": number, "elapsed_ms": 1.5} | changed
    return _add(json.dumps(entry) + "\n")


def _refused(begun: Path, words: str) -> None:
    """Going on with a table is refused in one line that has these words; no file is changed."""
    before = {path: path.read_bytes() for path in begun.parent.iterdir()}
    with pytest.raises(ValueError) as caught:
        Recording.resume(begun, PLAN, HOST)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in begun.parent.iterdir()} == before


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_write(".csv", "name,price\nbread,3\n"), "not a table of this kit"),
        (_write(".csv", ",".join(COLUMNS) + "\nprefault-kit/0\n"), "another version"),
        (_write(".host.json", "{}"), "not the host file of a table of this kit"),
        (_write(".host.json", json.dumps({"schema": "prefault-kit/0"})), "another version"),
        (_write(".host.json", json.dumps({"schema": SCHEMA})), "does not belong to a table"),
        (lambda path: path.with_suffix(".host.json").unlink(), "is missing"),
        (_write(".part", "dear diary\n"), "not a journal of this kit"),
        (_journal(2, elapsed_ms="x"), "damaged in line 3 (elapsed_ms is 'x')"),
        (_journal(2, elapsed_ms=-5), "damaged in line 3 (elapsed_ms is -5)"),
        (_journal(2, elapsed_ms=math.nan), "damaged in line 3 (NaN is not JSON)"),
        (_journal(2, cell=-1), "damaged in line 3 (cell is -1)"),
        (_journal(2, cell=True), "damaged in line 3 (cell is True)"),
        (_journal(2, repetition="2"), "damaged in line 3 (repetition is '2')"),
        (_journal(1), "damaged in line 3 (repetition 1 of a cell is there twice"),
        (_journal(0), "damaged in line 3 (repetition 0 of a cell is there twice"),
        (_journal(3), "damaged in line 3 (repetition 3 of a cell is there twice, or comes too"),
        (_add('{"elapsed_ms": 1.0}\n'), "damaged in line 3 (cell is None)"),
        (_add("[" * 100_000 + "\n"), "damaged in line 3 (it is nested too deeply)"),
        (_write(".host.json", '{"a":' * 100_000), "not the host file of a table of this kit"),
    ],
)
def test_files_that_are_not_ours_are_refused(
    begun: Path, spoil: Callable[[Path], object], words: str
) -> None:
    """Each of the three files is checked before any is changed."""
    spoil(begun)
    _refused(begun, words)


def test_a_table_is_a_csv_file_in_a_directory(tmp_path: Path) -> None:
    """Another ending, or a directory that is not there, is refused by name."""
    with pytest.raises(ValueError, match=r"is a \.csv file, not"):
        Recording.begin(tmp_path / "grid.json", PLAN, HOST)
    with pytest.raises(ValueError, match="is not a directory"):
        Recording.begin(tmp_path / "none" / "grid.csv", PLAN, HOST)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"method": "MLOCK"}, "is not in the plan"),
        ({"size_bytes": "4194304"}, "of 4194304 bytes is not in the plan"),
        ({"start": "cached"}, "has start 'cached', not 'empty' as planned"),
        ({"threads": "9"}, "has threads 9, not 1 as planned"),
        ({"repeats": "7777"}, "has repeats 7777, not 3 as planned"),
        ({"timings_ms": "1.0 1.5"}, "has 2 timings, not 3"),
        ({"timings_ms": ""}, "has 0 timings, not 3"),
        ({"best_ms": "0.5"}, "best_ms"),
        ({"best_ms": ""}, "best_ms"),
        ({"median_ms": "1.5"}, "median_ms"),
    ],
)
def test_a_row_that_contradicts_the_plan_or_itself_is_refused(
    begun: Path, changed: dict[str, str], words: str
) -> None:
    """Such a row was not written by this grid; no file is changed."""
    with begun.open(newline="") as lines:
        rows = [row | changed for row in csv.DictReader(lines)]
    with begun.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    _refused(begun, words)


def test_a_cell_that_failed_needs_no_timings(begun: Path) -> None:
    """Only a row with the outcome ok has all of its repetitions."""
    lacking = {"timings_ms": [], "best_ms": None, "median_ms": None}
    failed = result("Read", outcome="unavailable", **lacking)
    table_file.append(begun, [table_file.row(failed)])
    with Recording.resume(begun, PLAN, HOST) as recording:
        assert recording.results == [result(), failed]


def _empty_link(path: Path) -> None:
    target = path.with_name("empty")
    target.write_text("")
    path.symlink_to(target)


@pytest.mark.parametrize("suffix", [".csv", ".host.json", ".part"])
@pytest.mark.parametrize(
    "put",
    [
        os.mkfifo,
        os.mkdir,
        _empty_link,
        lambda path: path.symlink_to("/dev/full"),
        lambda path: path.symlink_to("nowhere"),
    ],
    ids=["pipe", "directory", "link to an empty file", "link to a device", "dangling link"],
)
def test_what_is_no_regular_file_is_left_alone(
    tmp_path: Path, suffix: str, put: Callable[[Path], None]
) -> None:
    """A pipe, a directory, a link: none of them is ours, and none is opened, emptied or removed."""
    path = tmp_path / "grid.csv"
    put(path.with_suffix(suffix))
    before = {each: each.lstat().st_mode for each in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=f"grid{suffix} is not a regular file"):
        Recording.resume(path, PLAN, HOST)
    with pytest.raises(ValueError, match=f"grid{suffix} exists already"):
        Recording.begin(path, PLAN, HOST)
    assert {each: each.lstat().st_mode for each in tmp_path.iterdir()} == before


def test_a_table_under_way_is_not_touched(tmp_path: Path) -> None:
    """The lock comes first: another process's files stay, even while they are empty."""
    path = tmp_path / "grid.csv"
    with Recording.begin(path, PLAN, HOST):
        path.with_suffix(".host.json").write_text("")
        path.write_text("")
        before = {each: each.stat().st_ino for each in tmp_path.iterdir()}
        with pytest.raises(ValueError, match="another process is recording"):
            Recording.resume(path, PLAN, HOST)
        assert {each: each.stat().st_ino for each in tmp_path.iterdir()} == before
        assert path.read_text() == ""


def test_a_table_that_takes_no_more_says_so(begun: Path) -> None:
    """An error of the table's own files can be told from any other, and has its errno."""
    with Recording.resume(begun, PLAN, HOST) as recording:
        begun.unlink()
        begun.symlink_to("/dev/full")
        with pytest.raises(NotRecordedError, match="No space left") as caught:
            recording.finish([ROW])
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(begun))


def test_a_grid_that_nobody_records_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished cells are told as a table would have them; repetitions are counted as ever."""
    monkeypatch.chdir(tmp_path)
    told: list[Result] = []
    kept = Unrecorded([result("Read")], told.append)
    kept.note(1, 9.0, warm_up=True)
    kept.note(1, 1.5)
    assert (kept.warmups_ms, kept.timings_ms) == ({1: 9.0}, {1: [1.5]})
    kept.finish([ROW])
    assert told == [table_file.result(ROW)]
    assert (kept.warmups_ms, kept.timings_ms) == ({}, {})
    assert [each.method for each in kept.results] == ["Read"]
    kept.complete()
    assert list(tmp_path.iterdir()) == []
