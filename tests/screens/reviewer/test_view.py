"""prefault_kit.screens.reviewer.view: set a widget, look at the model; and the other way round."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.screens.reviewer import Reviewer, ReviewerView, view
from prefault_kit.screens.reviewer.form import OWN_FILE

WAIT_S = 60


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Reviewer, ReviewerView]]:
    """A small workload and its widgets, which take most of a test's time to make."""
    model = Reviewer(size=f"{64 * PAGE}", write=0.25, repeats=2, sweep=False)
    yield model, view(model)
    model.close()


@pytest.fixture
def model(
    made: tuple[Reviewer, ReviewerView], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reviewer]:
    """The model in an empty directory, as it was at first and with no review."""
    monkeypatch.chdir(tmp_path)
    model = made[0]
    first = asdict(model.form) | asdict(model.weights)
    yield model
    assert model.wait(WAIT_S)
    for name, value in first.items():
        model.set_trait(name, value)
    assert asdict(model.form) | asdict(model.weights) == first
    model.review = None
    model.changed += 1


@pytest.fixture
def shown(made: tuple[Reviewer, ReviewerView], model: Reviewer) -> ReviewerView:
    """Its widgets."""
    return made[1]


def press(chips: Any, value: str) -> None:
    """What clicking one of the buttons does."""
    chips.buttons[value].value = True


def hidden(widget: Any) -> bool:
    """Whether it is out of the page."""
    return bool(widget.layout.display == "none")


def test_controls_set_the_model(model: Reviewer, shown: ReviewerView) -> None:
    """Each control is its trait; percentages become fractions."""
    controls = shown.controls
    press(controls.chosen["backing"], "memfd")
    press(controls.chosen["content"], "fallocated")
    press(controls.chosen["pattern"], "hotspot")
    press(controls.chosen["afterwards"], "nothing")
    controls.read.value, controls.write.value = 40, 5
    controls.threads.value, controls.repeats.value = 2, 3
    form = model.form
    assert (form.backing, form.content, form.pattern) == ("memfd", "fallocated", "hotspot")
    assert (form.afterwards, form.read, form.write) == ("nothing", 0.4, 0.05)
    assert (form.threads, form.repeats) == (2, 3)
    assert hidden(controls.directory)


def test_a_preset_moves_the_controls(model: Reviewer, shown: ReviewerView) -> None:
    """And its title says what it is; a moved control releases it."""
    press(shown.controls.preset, "buffer-pool")
    assert shown.controls.chosen["pattern"].value == "hotspot"
    assert shown.controls.weights["tail"].value == 0.1
    assert "database" in shown.controls.about.value
    shown.controls.threads.value = 1
    assert model.preset == ""
    assert not any(each.value for each in shown.controls.preset.buttons.values())


def test_what_is_not_testable_is_greyed_out(shown: ReviewerView) -> None:
    """With its reason on the page."""
    assert shown.controls.preset.buttons["dax"].disabled
    assert "persistent memory" in shown.controls.refused.value


def test_a_file_of_ones_own(model: Reviewer, shown: ReviewerView, tmp_path: Path) -> None:
    """Its path is asked for, its size is not, and it cannot be written."""
    press(shown.controls.chosen["backing"], OWN_FILE)
    assert not hidden(shown.controls.existing_file)
    assert shown.controls.write.disabled
    assert "Enter the path of the file" in shown.controls.problem.value
    (tmp_path / "mine").write_bytes(b"x" * PAGE)
    shown.controls.existing_file.value = "mine"
    assert model.problem is None


def test_a_finer_fraction_than_percent_is_kept(model: Reviewer, shown: ReviewerView) -> None:
    """The slider rounds what it shows, not what the model has."""
    model.write = 0.004
    assert shown.controls.write.value == 0
    assert model.write == 0.004


def test_run_fills_answer_table_and_charts(model: Reviewer, shown: ReviewerView) -> None:
    """Before it there is none of them; afterwards the recommended ones are marked."""
    assert hidden(shown.controls.weighing)
    assert shown.export.disabled
    assert all(hidden(card) for card in shown.cards.cards.values())
    shown.run.click()
    assert model.wait(WAIT_S)
    assert not model.failed, model.status
    assert "Recommended" in shown.answer.value
    assert "prefault-shown" in shown.ranking.value
    visible = [title for title, card in shown.cards.cards.items() if not hidden(card)]
    assert visible == [
        "Where the time goes",
        "Dirty pages and write-back",
        "Latency of first accesses",
    ]
    assert not shown.export.disabled


def test_a_weight_that_is_moved_ranks_again(model: Reviewer, shown: ReviewerView) -> None:
    """The same charts, the same measurement."""
    shown.run.click()
    assert model.wait(WAIT_S)
    review, figures = model.review, [chart._model for chart in shown.cards.charts.values()]
    shown.controls.weights["tail"].value = 100
    assert model.tail == 100
    assert model.review is review
    assert [chart._model for chart in shown.cards.charts.values()] == figures
    order = shown.charts["Where the time goes"].figure.y_range.factors[::-1]
    ranking = shown.ranking.value.replace("<wbr>", "")
    assert ranking.index(f">{order[0]}<") < ranking.index(f">{order[1]}<")


def test_a_weight_between_the_stops_becomes_one(model: Reviewer, shown: ReviewerView) -> None:
    """A script may set any."""
    model.written = 0.37
    assert shown.controls.weights["written"].value == 0.37


def test_export_writes_and_names_the_next(
    model: Reviewer, shown: ReviewerView, tmp_path: Path
) -> None:
    """Into the current directory; the next name is free."""
    shown.run.click()
    assert model.wait(WAIT_S)
    assert shown.path.value == "review.html"
    shown.export.click()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["review.html", "review.md"]
    assert shown.path.value == "review-2.html"


def test_the_stored_text_is_always_the_same(shown: ReviewerView) -> None:
    """A notebook keeps the page's text, so it has no id and no host in it."""
    assert shown.page.idle == "The review runs in JupyterLab: choose Run > Run All Cells."
