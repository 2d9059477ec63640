"""prefault_kit.studies.comparison.recorded: what a run says of itself."""

import pytest

from prefault_kit.studies.comparison import Answer, Run
from tests.studies.comparison.made import answer, grid, result, verdicts


@pytest.mark.parametrize(
    ("verdict", "reason", "outcome"),
    [
        ("holds", None, "holds"),
        ("differs", None, "differs"),
        ("differs", "since 6.4", "explained"),
        ("not-testable", "no swap", "not testable"),
    ],
)
def test_a_difference_with_a_reason_is_explained(
    verdict: str, reason: str | None, outcome: str
) -> None:
    """The others are as they were printed."""
    assert Answer(**answer(verdict=verdict, reason=reason)).outcome == outcome


def test_a_run_knows_its_places_and_repetitions() -> None:
    """File systems under files alone, of cells and of verdicts."""
    file = result(1.0, 2.0, backing="file", file_system="xfs", start="cold")
    run = grid("a", result(1.0), file, result(1.0, backing="tmpfs", file_system="tmpfs"))
    assert (run.file_systems, run.repeats, run.starts) == (("xfs",), (1, 2), ("cold", "empty"))
    on = ("shared file on ext4", "private anon", "private file on btrfs", "private file on ext4")
    asked = verdicts("b", *(answer(backing=each) for each in on))
    assert (asked.file_systems, asked.size) == (("ext4", "btrfs"), 4)


def test_the_base_page_is_the_hosts_or_the_smallest() -> None:
    """Huge pages alone tell nothing of it."""
    small, huge = result(1.0, page_size_bytes=16384), result(1.0, page_size_bytes=2 << 20)
    assert grid("a", small, page_size_bytes=4096).page_size_bytes == 4096
    assert Run("a", "grid", {}, (huge, small)).page_size_bytes == 16384
    assert Run("a", "grid", {}, (huge,)).page_size_bytes is None
