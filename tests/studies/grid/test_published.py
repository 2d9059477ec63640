"""prefault_kit.studies.grid.published: the figures of 2021."""

import csv
import importlib.resources
from dataclasses import replace
from pathlib import Path

from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.memory.backing import Backing
from prefault_kit.studies.grid import published

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
    packaged = importlib.resources.files("prefault_kit.studies.grid") / "published_timings.csv"
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
