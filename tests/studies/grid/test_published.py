"""prefault_kit.studies.grid.published: published figures, rows, and saved runs."""

import csv
import importlib.resources
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.measure import saved
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import run
from prefault_kit.measure.saved import SCHEMA
from prefault_kit.memory.backing import Backing
from prefault_kit.studies.grid import published, table_file
from prefault_kit.studies.grid.table_file import COLUMNS

ROOT = Path(__file__).parents[3]
MIB = 1 << 20
PUBLISHED = Result(
    backing="memfd",
    page_size_bytes=4096,
    sharing="shared",
    method="POPULATE_WRITE",
    size_bytes=2 * MIB,
    start="empty",
    threads=1,
    repeats=2,
    outcome="ok",
    timings_ms=[0.5, 0.7],
    best_ms=0.5,
    median_ms=0.6,
)


def test_the_package_reads_the_file_in_data() -> None:
    """The package's table is the one in data/, not a copy that may drift."""
    packaged = importlib.resources.files("prefault_kit") / "published_timings.csv"
    assert packaged.read_bytes() == (ROOT / "data" / "published_timings.csv").read_bytes()


def test_every_published_figure_is_found() -> None:
    """All 190 lines answer to the kit's own words for them."""
    words = {"tmpfs": ("tmpfs", 4096), "file": ("file", 4096), "hugetlbfs": ("hugetlbfs", 2 * MIB)}
    words |= {"Anon 4 KiB": ("anon", 4096), "Anon 2 MiB": ("anon", 2 * MIB)}
    words |= {"Memfd 4 KiB": ("memfd", 4096), "Memfd 2 MiB": ("memfd", 2 * MIB)}
    with (ROOT / "data" / "published_timings.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 190
    for row in rows:
        size_bytes = int(row["size_mib"]) * MIB
        found = published.published_ms(
            *words[row["backing"]], row["sharing"], row["method"], size_bytes
        )
        assert found == float(row["min_of_10_ms"])


def test_published_figure_of_an_experiment_and_its_result() -> None:
    """Both find the same figure; other sizes, page sizes and thread counts have none."""
    cell = Experiment(Backing("memfd", 4096), "shared", "POPULATE_WRITE", 2 * MIB)
    assert published.published(cell) == published.published(PUBLISHED) == 0.288
    assert published.published(replace(PUBLISHED, size_bytes=3 * MIB)) is None
    assert published.published(replace(PUBLISHED, page_size_bytes=65536)) is None
    assert published.published(replace(PUBLISHED, method="MLOCK")) is None
    assert published.published(replace(PUBLISHED, threads=2)) is None


def test_the_puzzle_of_the_published_table_is_told() -> None:
    """Private memfd, tmpfs and file cells that start empty are not compared without a word."""
    private = replace(PUBLISHED, sharing="private")
    assert "start cached" in (published.published_note(private) or "")
    assert published.published_note(replace(private, start="cached")) is None
    assert published.published_note(replace(private, page_size_bytes=2 * MIB)) is None
    assert published.published_note(replace(private, backing="anon")) is None
    assert published.published_note(PUBLISHED) is None


@pytest.mark.parametrize(
    ("method", "touch"),
    [
        ("POPULATE_READ", "Read"),
        ("POPULATE_WRITE", "Write"),
        ("FALLOCATE+POPULATE_READ", "FALLOCATE+Read"),
        ("FALLOCATE+POPULATE_WRITE", "FALLOCATE+Write"),
        ("Read/Write", None),
        ("FALLOCATE", None),
        ("MAP_POPULATE", None),
    ],
)
def test_what_populating_is_compared_with(method: str, touch: str | None) -> None:
    """POPULATE_READ against Read, POPULATE_WRITE against Write; the others against nothing."""
    assert table_file.touch_of(method) == touch


def test_a_row_has_every_column_and_the_ratios() -> None:
    """0.5 ms over 1 ms of touching is 0.5; published, 0.288 over 0.372."""
    touch = table_file.row(replace(PUBLISHED, method="Write", best_ms=1.0))
    row = table_file.row(PUBLISHED, touch)
    assert tuple(row) == COLUMNS
    assert row["schema"] == SCHEMA
    assert row["size_mib"] == 2
    assert row["ratio_populate_to_touch"] == 0.5
    assert row["published_ratio_populate_to_touch"] == round(0.288 / 0.372, 4)
    assert touch["ratio_populate_to_touch"] is None
    assert table_file.row(PUBLISHED)["ratio_populate_to_touch"] is None


def test_a_row_has_the_views_of_a_real_run() -> None:
    """What smaps, page tables and page cache said stands in columns of its own."""
    result = run(Experiment(Backing.memfd(), "shared", "POPULATE_WRITE", 2 * MIB, repeats=1))
    row = table_file.row(result)
    assert result.usage is not None
    assert result.pages is not None
    assert row["usage_rss"] == result.usage["rss"] == 2 * MIB
    assert row["pages_present"] == result.pages["present"]
    assert row["file_allocated_bytes"] == 2 * MIB
    assert row["faults_major"] == 0


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
        PUBLISHED, outcome="unavailable", message="/home/ann is full", command="mkdir -p /home/ann"
    )
    saved.save([PUBLISHED, refused], path)
    clean = replace(refused, message="DIR is full", command="mkdir -p DIR")
    assert saved.load(path) == [PUBLISHED, clean]
    assert [each.name for each in tmp_path.iterdir()] == ["runs.json"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o111 == 0


def test_saving_replaces_only_when_asked(tmp_path: Path) -> None:
    """A file that is there stays, unless overwrite is given."""
    path = tmp_path / "runs.json"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        saved.save([PUBLISHED], path)
    assert path.read_text() == "mine"
    saved.save([PUBLISHED], path, overwrite=True)
    assert saved.load(path) == [PUBLISHED]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not a file of saved results"),
        ("[1, 2]", "is not a file of saved results"),
        ('{"schema": "prefault-kit/9"}', "another version"),
        (json.dumps({"schema": SCHEMA, "results": 3}), "is not a file of saved results"),
        (json.dumps({"schema": SCHEMA, "results": [{"backing": "anon"}]}), "damaged"),
    ],
)
def test_loading_what_is_not_ours_is_refused(tmp_path: Path, content: str, words: str) -> None:
    """Not a file of ours, another version, damaged: one sentence."""
    path = tmp_path / "runs.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=words):
        saved.load(path)
