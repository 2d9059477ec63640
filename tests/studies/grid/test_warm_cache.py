"""prefault_kit.studies.grid.warm_cache: which published rows met a warm page cache."""

from pathlib import Path

from prefault_kit.measure.result import Result
from prefault_kit.studies.grid import table_file, warm_cache
from prefault_kit.studies.grid.conclusions import SMALL
from prefault_kit.studies.grid.warm_cache import Fit, fits
from tests.studies.grid.made import result

RUNS = Path(__file__).parents[3] / "data" / "runs"
SIZE = 2 << 20


def row(backing: str, method: str, best_ms: float) -> Result:
    return result(method, backing, best_ms=best_ms)


def test_the_nearer_state_is_taken() -> None:
    """By ratio: 0.15 is nearer to 0.2 than to 2."""
    fit = Fit(("private", "memfd", SMALL), "Read", SIZE, published=0.15, empty=2.0, cached=0.2)
    assert fit.state == "cached"
    assert Fit(fit.memory, "Read", SIZE, published=1.5, empty=2.0, cached=0.2).state == "empty"


def test_what_is_as_near_to_both_is_not_decided() -> None:
    """Halfway between the two, or far beyond two that are alike, neither fits."""
    for published in (1.18, 1.0 * 1.4**0.5):
        fit = Fit(("private", "file", SMALL), "Write", SIZE, published, empty=1.4, cached=1.0)
        assert fit.state == "either"
    far = Fit(("private", "file", SMALL), "Write", SIZE, published=3.0, empty=1.2, cached=1.0)
    assert far.state == "either"


def test_figures_are_in_units_of_their_machine() -> None:
    """Each figure is divided by what writing private anonymous memory took on its machine."""
    empty = [row("anon", "Write", 4.0), row("memfd", "Read", 8.0)]
    (fit,) = fits(SIZE, empty, [row("memfd", "Read", 1.0)])
    assert (fit.empty, fit.cached) == (2.0, 0.25)
    assert fit.published == 0.034 / 0.222  # data/published_timings.csv


def test_figures_of_other_page_sizes_compare() -> None:
    """In units of their machine; without the unit there is nothing to compare."""
    empty = [
        result("Write", "anon", best_ms=4.0, page_size_bytes=16384),
        result("Read", "memfd", best_ms=8.0, page_size_bytes=16384),
    ]
    cached = [result("Read", "memfd", best_ms=1.0, page_size_bytes=16384)]
    (fit,) = fits(SIZE, empty, cached)
    assert (fit.memory, fit.empty, fit.cached) == (("private", "memfd", SMALL), 2.0, 0.25)
    assert list(fits(SIZE, empty[1:], cached)) == []


def test_a_private_read_of_an_empty_file_costs_what_a_shared_one_does() -> None:
    """The published one took a quarter at most: data/published_timings.csv."""
    found = warm_cache.private_over_shared(SIZE)
    assert found["memfd", "Read"] == 0.034 / 0.412
    assert max(found.values()) < 0.25


def test_what_is_not_published_is_left_out() -> None:
    """A cell without a published figure, or without its empty twin, has no fit."""
    empty = [row("anon", "Write", 4.0), row("memfd", "MLOCK", 8.0)]
    cached = [row("memfd", "MLOCK", 1.0), row("memfd", "Read", 1.0)]
    assert list(fits(SIZE, empty, cached)) == []


def test_the_recorded_runs_solve_the_puzzle() -> None:
    """The published private read of a file of 2 MiB fits a warm cache, on every such memory."""
    empty = table_file.read(RUNS / "linux-6.18-amd-epyc-2cpu.csv")
    cached = table_file.read(RUNS / "linux-6.18-amd-epyc-2cpu-cached.csv")
    found = list(fits(SIZE, empty, cached))
    assert {fit.memory for fit in found} == {
        ("private", kind, warm_cache.SMALL) for kind in ("memfd", "tmpfs", "file")
    }
    states = {(fit.memory[1], fit.method): fit.state for fit in found}
    assert len(states) == 15
    assert {state for (kind, _), state in states.items() if kind != "file"} == {"cached"}
    assert states["file", "Read"] == states["file", "POPULATE_READ"] == "cached"
    assert "empty" not in states.values()
