"""prefault_kit.studies.comparison.cells: times beside each other, and their ratios."""

import pytest

from prefault_kit.studies.comparison import cells
from tests.studies.comparison.made import grid, result


def test_a_ratio_is_to_the_first_run() -> None:
    """Of medians and of minima; faster and slower where the interval leaves 1 out."""
    a = grid("a", result(1.0, 1.1, 1.2))
    others = (result(2.0, 2.2, 2.6), result(0.4, 0.5, 0.6), result(1.0, 1.1, 1.3))
    runs = [a, *(grid(str(at), each) for at, each in enumerate(others))]
    (cell,) = cells.cells(runs)
    first, *rest = cell.entries
    assert (first.ratio, first.low, first.verdict, first.median_ms) == (None, None, None, 1.1)
    assert [each.ratio for each in rest] == pytest.approx([2.0, 0.5 / 1.1, 1.0])
    assert rest[0].best_ratio == 2.0
    assert [each.verdict for each in rest] == ["slower", "faster", "within noise"]
    assert all(each.low <= each.ratio <= each.high for each in rest)


def test_without_repetitions_there_is_no_interval() -> None:
    """And without a time, or one that is 0, no ratio; what was not run is None."""
    a = grid("a", result(1.0, 2.0), result(method="Write"), result(1.0, method="POPULATE_READ"))
    b = grid("b", result(3.0, 3.0, 3.0, 3.0), result(0.0, method="POPULATE_READ"))
    read, write, populate = cells.cells([a, b])
    assert (read.entries[1].ratio, read.entries[1].low, read.entries[1].verdict) == (2, None, None)
    assert write.entries[1] is None
    assert write.entries[0].outcome == "unavailable"
    assert populate.entries[1].ratio is None


def test_base_pages_of_different_sizes_are_one_cell() -> None:
    """Huge pages are told apart by their size; so are base pages where all hosts have the same."""
    huge = result(1.0, method="Write", page_size_bytes=2 << 20)
    a = grid("a", result(1.0), huge)
    b = grid("b", result(1.0, page_size_bytes=65536), huge, page_size_bytes=65536)
    base, large = cells.cells([a, b])
    assert (base.page_size_bytes, large.page_size_bytes) == (None, 2 << 20)
    assert base.memory == "private anon base pages, 2 MiB"
    assert [each.page_size_bytes for each in cells.cells([a, a])] == [4096, 2 << 20]


def test_start_threads_and_size_are_part_of_a_cell() -> None:
    """Each another cell, in the order in which they come."""
    known = (result(1.0), result(1.0, start="cached"), result(1.0, threads=2))
    found = cells.cells([grid("a", *known), grid("b", result(1.0, size_bytes=4096))])
    assert [each.memory for each in found] == [
        "private anon 4 KiB, 2 MiB",
        "private anon 4 KiB, 2 MiB, cached",
        "private anon 4 KiB, 2 MiB, 2 threads",
        "private anon 4 KiB, 4 KiB",
    ]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("read", True),
        ("PRIVATE anon 4KiB 2 MiB empty", True),
        ("re*", True),
        ("*read", True),
        ("populate*", False),
        ("shared", False),
        ("4MiB", False),
        ("", False),
        (" ", False),
    ],
)
def test_cells_are_named_by_words(pattern: str, fits: bool) -> None:
    """Each has to be one of the cell's."""
    (cell,) = cells.cells([grid("a", result(1.0))])
    assert cell.is_named(pattern) is fits


def test_a_summary_counts_cells() -> None:
    """Those with a time in both are compared, those in one alone are told."""
    times = {"Read": 2.0, "Write": 4.0, "Read/Write": 1.0}
    a = grid("a", *(result(1.0, 1.0, 1.0, method=each) for each in (*times, "POPULATE_READ")))
    b = grid("b", *(result(*[time] * 3, method=each) for each, time in times.items()))
    found = cells.summary(cells.cells([a, b]), 1)
    assert found == cells.Summary(3, 0, 2, 1, pytest.approx(2.0), 1.0, 4.0, 1)
    other = grid("c", result(1.0, method="MLOCK"))
    assert cells.summary(cells.cells([b, other]), 1).ratio is None
