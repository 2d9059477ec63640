"""prefault_kit.screens.explorer.rows: runs as the charts see them."""

from dataclasses import replace
from typing import Any

import pytest

from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.memory.backing import Backing
from prefault_kit.screens.explorer import rows

PAGE = Backing.anon().page_size_bytes
SIZE = 512 * PAGE


def result(**known: Any) -> Result:
    """A result of 512 pages."""
    values: dict[str, Any] = {
        "backing": "memfd",
        "page_size_bytes": PAGE,
        "sharing": "shared",
        "method": "Read",
        "size_bytes": SIZE,
        "start": "empty",
        "threads": 1,
        "repeats": 3,
        "outcome": "ok",
        "timings_ms": [3.0, 1.0, 2.0],
        "best_ms": 1.0,
        "median_ms": 2.0,
        "pages": {"present": 512, "zero": 0, "huge": 0, "swapped": 0},
        "usage": {},
    }
    return Result(**(values | known))


def test_a_row_has_minimum_and_median_of_what_is_there() -> None:
    """Also while the run is under way, and before its first repetition."""
    cell = Experiment(Backing.anon(), "private", "Read", SIZE, repeats=3)
    row = rows.of_experiment(cell, ())
    assert (row.best_ms, row.median_ms) == (None, None)
    row = rows.further(row, [4.0, 2.0], None)
    assert (row.best_ms, row.median_ms) == (2.0, 3.0)
    assert (row.memory, row.size) == (Backing.anon().label, "2 MiB" if PAGE == 4096 else row.size)


@pytest.mark.skipif(PAGE != 4096, reason="the published table is of 4 KiB pages")
def test_a_row_knows_its_published_time() -> None:
    """The table of 2021: Anon 4 KiB, private, 2 MiB, POPULATE_READ took 0.060 ms at best."""
    cell = Experiment(Backing.anon(), "private", "POPULATE_READ", 2 << 20)
    assert rows.of_experiment(cell, ()).published_ms == 0.060
    odd = Experiment(Backing.anon(), "private", "POPULATE_READ", 3 << 20)
    assert rows.of_experiment(odd, ()).published_ms is None


def test_labels_name_the_method_and_what_differs() -> None:
    """What all rows share is said once, above."""
    read, write = rows.of_result(result()), rows.of_result(result(method="Write"))
    assert rows.labels([read, write]) == ["Read", "Write"]
    assert rows.common([read, write]) == ", ".join(read.traits)
    cached = rows.of_result(result(start="cached"))
    assert rows.labels([read, cached]) == ["Read\nempty start", "Read\ncached start"]
    assert "empty" not in rows.common([read, cached])


def test_labels_are_unique() -> None:
    """The same cell run twice is numbered."""
    row = rows.of_result(result())
    assert rows.labels([row, row]) == ["Read #1", "Read #2"]
    assert rows.labels([]) == []
    assert rows.common([]) == ""


@pytest.mark.parametrize(
    ("usage", "zero", "shares"),
    [
        ({}, 512, {"zero": SIZE}),
        ({"private_dirty": SIZE, "anonymous": SIZE}, 0, {"anonymous": SIZE}),
        ({"private_dirty": SIZE, "anonymous": SIZE, "anon_huge": SIZE}, 0, {"huge": SIZE}),
        ({"private_clean": SIZE}, 0, {"clean": SIZE}),
        ({"shared_dirty": PAGE, "private_clean": SIZE - PAGE}, 0,
         {"dirty": PAGE, "clean": SIZE - PAGE}),
        ({"shared_hugetlb": SIZE}, 0, {"huge": SIZE}),
        ({"private_hugetlb": SIZE}, 0, {"huge": SIZE}),
        ({"private_dirty": PAGE, "anonymous": PAGE, "private_clean": SIZE - PAGE}, 0,
         {"anonymous": PAGE, "clean": SIZE - PAGE}),
        ({"anonymous": SIZE, "private_clean": SIZE}, 0, {"anonymous": SIZE}),
        ({"private_dirty": None, "anon_huge": None}, 0, {}),
    ],
)  # fmt: skip
def test_every_resident_byte_is_in_one_share(
    usage: dict[str, int | None], zero: int, shares: dict[str, int]
) -> None:
    """The split adds up to what is resident; a figure the kernel lacks counts as nothing."""
    pages = {"present": 512, "zero": zero, "huge": 0, "swapped": 0}
    split = rows.shares_bytes(result(usage=usage, pages=pages))
    assert {name: size for name, size in split.items() if size} == shares
    assert tuple(split) == rows.SHARES


def test_phases_without_a_follow_up_are_the_method_alone() -> None:
    """The third chart always has something to draw after a run that went well."""
    file = {"cached": 512, "dirty": 3, "writeback": 0, "allocated_bytes": 0}
    plain = result(file=file, faults={"minor": 32, "major": 0})
    assert rows.phases(plain) == [{"phase": "method", **file, "minor_faults": 32}]
    assert rows.phases(replace(plain, outcome="error")) == []
    followed = replace(plain, phases=[{"phase": "method"}, {"phase": "write"}])
    assert rows.phases(followed) == followed.phases
