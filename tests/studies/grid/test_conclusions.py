"""prefault_kit.studies.grid.conclusions: what the cover letter concludes, held against figures."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.measure import intervals
from prefault_kit.measure.result import Result
from prefault_kit.memory import methods
from prefault_kit.studies.grid import conclusions, table_file
from prefault_kit.studies.grid.conclusions import (
    AGREES,
    CLAIMS,
    DISAGREES,
    NOISE,
    SMALL,
    Claim,
    judge,
    measured,
    published,
)
from prefault_kit.studies.grid.published import HUGE_BYTES
from tests.studies.grid.made import result

ANON = ("private", "anon", SMALL)
SIZE = 2 << 20
RUN = Path(__file__).parents[3] / "data" / "runs" / "linux-6.18-amd-epyc-2cpu.csv"
FASTER = Claim("id", "V", "text", "POPULATE_READ", "Read", (ANON,))


def row(method: str, timings_ms: list[float], **other: Any) -> Result:
    return result(method, timings_ms=timings_ms, **other)


def test_every_claim_has_published_figures() -> None:
    """Each compares methods that there are, on memories that the table of 2021 has."""
    for claim in CLAIMS:
        assert {claim.method, claim.other} <= set(methods.METHODS)
        assert claim.memories
        for memory in claim.memories:
            for size in (2 << 20, 4 << 30):
                assert published(claim, memory, size) is not None, (claim.id, memory)


def test_a_published_ratio() -> None:
    """POPULATE_READ 0.060 ms over Read 0.119 ms, of private anonymous memory of 2 MiB."""
    judged = published(FASTER, ANON, SIZE)
    assert judged is not None
    assert judged.ratio == pytest.approx(0.060 / 0.119)
    assert judged.verdict == AGREES


def test_a_clear_win_and_a_clear_loss() -> None:
    """Where the interval lies on one side of 1 the verdict is clear."""
    fast, slow = [1.0, 1.1, 1.05, 1.02, 1.08], [2.0, 2.1, 2.2, 2.05, 2.1]
    won = measured(FASTER, ANON, SIZE, [row("POPULATE_READ", fast), row("Read", slow)])
    lost = measured(FASTER, ANON, SIZE, [row("POPULATE_READ", slow), row("Read", fast)])
    assert won is not None
    assert lost is not None
    assert (won.verdict, lost.verdict) == (AGREES, DISAGREES)
    assert won.low <= won.ratio <= won.high < 1 < lost.low


def test_the_same_twice_is_no_difference() -> None:
    """A against A is never a win: an interval that contains 1 says nothing."""
    noisy = [1.0, 1.4, 0.9, 1.2, 1.1, 1.3]
    same = measured(
        FASTER, ANON, SIZE, [row("POPULATE_READ", noisy), row("Read", noisy[3:] + noisy[:3])]
    )
    assert same is not None
    assert same.low < 1 < same.high
    assert same.verdict == NOISE


def test_the_interval_is_the_same_again() -> None:
    """The seed is fixed: what is stored in a notebook can be compared."""
    rows = [row("POPULATE_READ", [1.0, 1.3, 1.2]), row("Read", [1.1, 1.0, 1.5])]
    first = measured(FASTER, ANON, SIZE, rows)
    intervals.of_medians.cache_clear()
    assert measured(FASTER, ANON, SIZE, rows) == first


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.45, 0.55, AGREES),
        (0.70, 0.90, DISAGREES),
        (0.55, 0.65, NOISE),
        (0.10, 0.20, DISAGREES),
    ],
)
def test_about_half(low: float, high: float, verdict: str) -> None:
    """A claim may expect a range; outside of it disagrees, across its border says nothing."""
    half = dataclasses.replace(FASTER, **conclusions.ABOUT_HALF)
    assert half.verdict(low, high) == verdict


def test_a_cell_that_did_not_run_has_no_ratio() -> None:
    """Without both methods there is nothing to judge."""
    lacking = [row("POPULATE_READ", [1.0]), row("Read", [], outcome="unavailable")]
    assert measured(FASTER, ANON, SIZE, lacking) is None


def test_the_recorded_run_judges_every_claim() -> None:
    """The committed run has every cell that the claims want, at both sizes."""
    recorded = table_file.read(RUN)
    for claim in CLAIMS:
        found = judge(claim, [2 << 20, 4 << 30], {"recorded": recorded})
        assert list(found.columns) == [
            "published 2 MiB", "recorded 2 MiB", "published 4 GiB", "recorded 4 GiB",
        ]  # fmt: skip
        for column in found.columns.values():
            assert set(column) == set(claim.memories)
            assert all(each is not None for each in column.values()), claim.id


def test_the_page_sizes_are_the_published() -> None:
    """The names of the published cells are of 4 KiB and 2 MiB pages."""
    assert (conclusions.SMALL, conclusions.HUGE) == (4096, HUGE_BYTES)


@pytest.mark.parametrize("page", [16384, 65536])
def test_a_machine_s_own_pages_stand_beside_the_published(page: int) -> None:
    """A ratio of two methods compares, whatever the page size; huge pages stay what they are."""
    rows = [
        row("POPULATE_READ", [1.0, 1.1], page_size_bytes=page),
        row("Read", [2.0, 2.1], page_size_bytes=page),
        row("Read", [9.0, 9.1], page_size_bytes=32 << 20),
    ]
    found = judge(FASTER, [SIZE], {"here": rows})
    judged = found.columns["here 2 MiB"][ANON]
    assert judged is not None
    assert judged.verdict == AGREES
    assert found.page_sizes == {"here": page}


def test_huge_pages_alone_are_not_taken_for_the_machine_s_own() -> None:
    """A grid of huge pages has none of the small ones to compare."""
    huge = [row(method, [1.0], page_size_bytes=2 << 20) for method in ("POPULATE_READ", "Read")]
    assert conclusions.base_page_bytes(huge) is None
    assert measured(FASTER, ANON, SIZE, huge) is None
    assert conclusions.base_page_bytes([]) is None
