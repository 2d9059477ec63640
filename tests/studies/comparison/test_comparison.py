"""prefault_kit.studies.comparison.comparison: runs of one kind, held against the first."""

import pytest

from prefault_kit.studies.comparison import Run, compare
from tests.studies.comparison.made import answer, grid, result, verdicts


def test_grids_and_verdicts_are_compared() -> None:
    """Differences first; of cells a summary for each run but the first."""
    a, b = grid("a", result(1.0)), grid("b", result(2.0), thp="always")
    found = compare([a, b])
    assert [each.fact for each in found.differences] == ["thp"]
    assert (len(found.cells), len(found.summaries), found.promises) == (1, 1, ())
    asked = compare([verdicts("a", answer()), verdicts("b", answer())])
    assert (asked.cells, asked.summaries, len(asked.promises)) == ((), (), 1)


def test_a_run_without_a_host_is_told() -> None:
    """What differs is then not known."""
    found = compare([grid("a", result(1.0)), Run("b", "grid", {}, (result(1.0),))])
    assert found.unknown == ("b",)


def test_only_chooses_cells_and_promises() -> None:
    """Summaries are of what was chosen."""
    a = grid("a", result(1.0), result(1.0, method="Write"))
    found = compare([a, a], only=["write", "nothing"])
    assert [each.method for each in found.cells] == ["Write"]
    assert found.summaries[0].compared == 1
    asked = verdicts("a", answer("one"), answer("two"))
    assert [each.id for each in compare([asked, asked], only=["t*"]).promises] == ["two"]


@pytest.mark.parametrize(
    ("runs", "only", "words"),
    [
        ([grid("a", result(1.0))], (), "two runs or more are compared, not 1"),
        ([], (), "not 0"),
        (
            [grid("a", result(1.0)), verdicts("b", answer())],
            (),
            "a has times of cells and b verdicts on promises",
        ),
        ([grid("a", result(1.0))] * 2, ("x", "y"), "'x' or 'y' names none of the 1 that there"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(
    runs: list[Run], only: tuple[str, ...], words: str
) -> None:
    """With what to do."""
    with pytest.raises(ValueError, match=words):
        compare(runs, only)
