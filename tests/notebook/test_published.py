"""prefault_kit.notebook.published: the cells of the notebook on the published table."""

from pathlib import Path

import pytest

from prefault_kit import PAGE_SIZE_BYTES
from prefault_kit.kernel import hugepages
from prefault_kit.measure.result import Result
from prefault_kit.notebook import published
from prefault_kit.notebook.published import BY_ID, LARGE, SMALL, best_ms, claim, count, grid
from prefault_kit.studies.grid import table_file

RUN = Path(__file__).parents[2] / "data" / "runs" / "linux-6.18-amd-epyc-2cpu.csv"


@pytest.fixture(scope="module")
def recorded() -> list[Result]:
    return table_file.read(RUN)


def test_a_claim_has_a_column_a_grid_and_a_size(recorded: list[Result]) -> None:
    """Both published sizes unless told."""
    head = repr(claim("populate-read", recorded=recorded)).splitlines()[2]
    assert (
        head == "| memory | published 2 MiB | recorded 2 MiB | published 4 GiB | recorded 4 GiB |"
    )
    assert "4 GiB" not in repr(claim("populate-read", sizes=[SMALL], recorded=recorded))


@pytest.mark.parametrize("name", BY_ID)
def test_every_memory_of_a_claim_has_one_verdict(name: str, recorded: list[Result]) -> None:
    """The counts of the verdicts add up to the kinds of memory."""
    verdicts = ("agrees", "disagrees", "within noise")
    for size in (SMALL, LARGE):
        counts = [count(name, each, size, recorded) for each in verdicts]
        assert sum(counts) == len(BY_ID[name].memories)
        assert f"{count(name, 'agrees', size, [])}" == "0"


def test_best_times_in_the_order_asked_for(recorded: list[Result]) -> None:
    """A method that did not run is left out."""
    found = best_ms("shared", "file", ("Write", "Read/Write", "no such"), LARGE, recorded)
    assert list(found) == ["Write", "Read/Write"]
    assert found["Write"] < found["Read/Write"]


def test_a_warm_grid_is_of_private_memory_with_a_file() -> None:
    """Of the machine's own pages, started cached."""
    found = grid(64 * PAGE_SIZE_BYTES, warm=True, repeats=1)
    assert {(each.sharing, each.backing) for each in found} == {
        ("private", kind) for kind in ("memfd", "tmpfs", "file")
    }
    assert {each.start for each in found} == {"cached"}
    assert {each.page_size_bytes for each in found} == {PAGE_SIZE_BYTES}


def test_huge_pages_that_are_too_large_are_left_out() -> None:
    """A size that is no multiple of the huge page is run on the machine's own pages alone."""
    huge = hugepages.default_size_bytes()
    size = (huge or 64 * PAGE_SIZE_BYTES) // 2
    found = grid(size, repeats=1)
    assert {each.page_size_bytes for each in found} == {PAGE_SIZE_BYTES}
    assert {each.sharing for each in found} == {"private", "shared"}


def test_huge_pages_that_fit_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the published size every cell is asked for."""
    asked = []
    monkeypatch.setattr(published.matrix, "run", lambda chosen, table: asked.append(chosen) or [])
    monkeypatch.setattr(published.hugepages, "default_size_bytes", lambda: 2 << 20)
    grid(SMALL)
    assert [(each.sizes_bytes, each.only, each.start) for each in asked] == [
        ((SMALL,), (), "empty")
    ]
