"""prefault_kit.screens.truth_table: what is chosen, and what recorded kernels answer to it."""

from pathlib import Path
from typing import Any

import pytest
import traitlets

from prefault_kit.screens import truth_table
from prefault_kit.screens.truth_table import ALL, CHOSEN, DISAGREE, TruthTable, TruthTableView
from prefault_kit.studies.kernels.record import Record, load_all, usual
from prefault_kit.studies.kernels.reliance import RELIANCES

RECORDED = load_all(Path(__file__).parents[2] / "data" / "kernels")


@pytest.fixture
def view() -> TruthTableView:
    """Of the kernels that are recorded."""
    return TruthTableView(TruthTable(RECORDED))


def test_a_press_chooses_what_one_relies_on(view: TruthTableView) -> None:
    """The sentence, the table and the figure follow; another press takes it back."""
    for each in view.relied.values():
        each.value = False
    assert "Choose what" in view.verdict.value
    view.relied["whole folios"].value = True
    assert view.model.relied == ("whole folios",)
    assert "holds on Linux 6.18" in view.verdict.value
    assert "READ of one page of a large folio" in view.table.value
    assert view.model.promises() == ["folio-maps-whole"]
    assert len(view.figure.cells.data["tip"]) == len(RECORDED)
    view.relied["special mappings"].value = True
    assert "Not on every recent kernel: special mappings" in view.verdict.value


def test_the_sentence_names_the_newest_that_is_needed() -> None:
    """Of several things; and the kernels that could not show one."""
    model = TruthTable(usual(RECORDED))
    model.relied = ("populating", "whole folios")
    assert "holds on Linux 6.18" in model.verdict()
    hung = Record("9.9", "x86_64", "tcg", ["ext4"], {}, [], "it hung")
    model = TruthTable([*usual(RECORDED), hung])
    assert model.verdict().endswith("as far as it could be shown: not on 9.9.")


def test_a_script_chooses_as_well(view: TruthTableView) -> None:
    """The buttons follow; what is not known is refused by name."""
    view.model.relied = ("poison", "no EINTR")
    assert [name for name, each in view.relied.items() if each.value] == ["poison", "no EINTR"]
    with pytest.raises(traitlets.TraitError, match="nothing is called 'luck'; choose from "):
        view.model.relied = ("luck",)


def test_a_file_system_is_chosen(view: TruthTableView) -> None:
    """btrfs keeps large folios later than others."""
    view.model.relied = ("whole folios",)
    view.file_system.buttons["btrfs"].value = True
    assert "holds on Linux 7.2" in view.verdict.value
    assert view.model.file_systems == ["any", "btrfs", "ext4", "xfs"]
    with pytest.raises(traitlets.TraitError, match="no kernel was asked on zfs, but on any, btrfs"):
        view.model.file_system = "zfs"


def test_the_figure_shows_more(view: TruthTableView) -> None:
    """Where kernels disagree, and all; each row has its label and each cell what it is."""
    counts = []
    for name in (CHOSEN, DISAGREE, ALL):
        view.shows.buttons[name].value = True
        rows = view.model.promises()
        counts.append(len(rows))
        data = view.figure.cells.data
        assert set(data["y"]) == set(range(len(rows)))
        assert {len(column) for column in data.values()} == {len(data["x"])}
        assert view.figure.figure.yaxis[0].ticker.ticks == list(range(len(rows)))
    assert counts[0] < counts[1] < counts[2]
    at = data["tip"][data["y"].index(rows.index("permission-vvar"))]
    assert "permission-vvar" in at


def test_an_unexplained_difference_is_seen() -> None:
    """In a colour of its own, and in the words of its cell."""
    verdict: dict[str, Any] = {
        "id": "error-efault", "claim": "<c>", "backing": "shared memfd", "verdict": "differs",
        "expected": "EFAULT", "observed": "EINVAL", "reason": None,
    }  # fmt: skip
    made = Record("9.9", "x86_64", "tcg", ["ext4"], {"page_size_bytes": 4096}, [verdict])
    view = TruthTableView(TruthTable([made]))
    data = view.figure.cells.data
    assert data["color"] == [truth_table.VERMILLION]
    assert "EINVAL, expected EFAULT: unexplained" in data["tip"][0]
    assert "&lt;c&gt;" in data["tip"][0]


def test_without_records_it_says_what_to_run() -> None:
    """In a sentence."""
    with pytest.raises(ValueError, match="prefault-kit kernels run"):
        TruthTable([])


def test_each_choice_has_its_words() -> None:
    """As a tip of its button."""
    view = TruthTableView(TruthTable(RECORDED))
    assert {name: each.tooltip for name, each in view.relied.items()} == {
        name: each.text for name, each in RELIANCES.items()
    }
