"""prefault_kit.measure.table_file: rows in a CSV file that may have been cut short."""

import csv
from pathlib import Path

import pytest

from prefault_kit.kernel import smaps
from prefault_kit.measure import table_file
from prefault_kit.measure.result import Result
from prefault_kit.measure.table_file import COLUMNS
from prefault_kit.studies.grid.table_file import row
from tests.studies.grid.made import result


def table(path: Path, *results: Result) -> Path:
    table_file.create(path)
    table_file.append(path, map(row, results))
    return path


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    """Numbers, lists of times, text with commas and quotes, and what has no figure."""
    written = result(
        timings_ms=[0.1, 1 / 3],
        best_ms=0.1,
        message='it said "no", twice',
        usage=dict.fromkeys(smaps.NAMES) | {"rss": 0},
    )
    noted = result("Read", notes=["Übrigens."])
    path = table(tmp_path / "a.csv", written, noted)
    assert table_file.read(path) == [written, noted]


def test_each_row_is_one_line(tmp_path: Path) -> None:
    """A line break in a text becomes a blank, so that a cut-off line is always a cut-off row."""
    path = table(tmp_path / "a.csv", result(message="one\ntwo"))
    assert len(path.read_text().splitlines()) == 2
    assert table_file.read(path)[0].message == "one two"


def test_a_row_cut_short_is_left_out(tmp_path: Path) -> None:
    """What a killed writer left behind its last line's end is no row."""
    path = table(tmp_path / "a.csv", result(), result("Read"))
    path.write_bytes(path.read_bytes()[:-20])
    assert table_file.read(path) == [result()]


def test_a_table_is_never_begun_twice(tmp_path: Path) -> None:
    """create() leaves a file that is there as it is."""
    path = table(tmp_path / "a.csv", result())
    with pytest.raises(FileExistsError):
        table_file.create(path)
    assert table_file.read(path) == [result()]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a table of this kit"),
        (b"name,price\nbread,3\n", "not a table of this kit"),
        (b"\x00\xff\xfe\n", "not a table of this kit"),
        (b"schema,backing\nprefault-kit/1,anon\n", "another version"),
        ((",".join(COLUMNS) + "\nprefault-kit/0" + "," * 20 + "\n").encode(), "prefault-kit/0"),
        ((",".join(COLUMNS) + "\nprefault-kit/1,anon\n").encode(), "damaged in line 2"),
    ],
)
def test_what_is_not_ours_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Not a table, another version, damaged: one sentence with the file's name and advice."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        table_file.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("column", "text", "words"),
    [
        ("timings_ms", "x", "timings_ms is 'x', not numbers with a blank between them"),
        ("timings_ms", "0.5 nan", "timings_ms is '0.5 nan', not numbers"),
        ("timings_ms", "0.5  0.7", "timings_ms is '0.5  0.7', not numbers"),
        ("timings_ms", "0.5\u00a00.7", "not numbers with a blank between them"),
        ("best_ms", "inf", "best_ms is 'inf', not a number"),
        ("best_ms", "1e999", "best_ms is inf"),
        ("best_ms", "0_0.5", "best_ms is '0_0.5', not a number"),
        ("best_ms", " 0.5", "best_ms is ' 0.5', not a number"),
        ("size_bytes", "2_097_152", "size_bytes is '2_097_152', not a whole number"),
        ("size_bytes", "2097152 ", "size_bytes is '2097152 ', not a whole number"),
        ("size_bytes", "\u0662", "size_bytes is '\u0662', not a whole number"),
        ("size_bytes", "1" * 5000, f"size_bytes is '{'1' * 40}...', not a whole number"),
        ("notes", "one,more", f"it has {len(COLUMNS) + 1} columns, not {len(COLUMNS)}"),
        ("best_ms", "-5", "best_ms is -5.0"),
        ("size_bytes", "-4096", "size_bytes is -4096"),
        ("repeats", "", "repeats is missing"),
        ("outcome", "splendid", "outcome is 'splendid'"),
        ("backing", "paper", "backing is 'paper'"),
        ("method", "POPULATE", "method is 'POPULATE'"),
        ("faults_minor", "-1", "faults is {'minor': -1"),
        ("usage_rss", str(1 << 70), "usage is {'rss'"),
    ],
)
def test_a_row_that_was_changed_is_told(tmp_path: Path, column: str, text: str, words: str) -> None:
    """Which line, and what of it is no figure of a result."""
    whole = result(timings_ms=[0.5], best_ms=0.5, faults={"minor": 512, "major": 0})
    path = table(tmp_path / "a.csv", result("Read"), whole)
    header, first, last = csv.reader(path.read_text().splitlines())
    last[COLUMNS.index(column)] = text
    path.write_text("\n".join(map(",".join, (header, first, last))) + "\n")
    with pytest.raises(ValueError) as caught:
        table_file.read(path)
    assert f"{path} is damaged in line 3 (" in str(caught.value)
    assert words in str(caught.value)
    assert str(caught.value).endswith("): delete that line")


def test_a_cell_that_is_there_twice_is_told(tmp_path: Path) -> None:
    """Two rows of one cell: which counts is not ours to say."""
    path = table(tmp_path / "a.csv", result(), result("Read"), result())
    with pytest.raises(ValueError, match="has the cell of line 4 twice: delete one"):
        table_file.read(path)
