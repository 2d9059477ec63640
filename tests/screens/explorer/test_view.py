"""prefault_kit.screens.explorer.view: set a widget, look at the model; and the other way round."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.host import Unavailable
from prefault_kit.memory import methods
from prefault_kit.memory.backing import Backing
from prefault_kit.screens.explorer import Explorer, ExplorerView, view
from prefault_kit.screens.explorer.controls import METHOD_GROUPS
from prefault_kit.screens.explorer.dashboard import MOST_DRAWN
from prefault_kit.screens.explorer.form import CellForm

WAIT_S = 60


@pytest.fixture(scope="module")
def shown() -> Iterator[ExplorerView]:
    """The widgets, which take most of a test's time to make: the same ones for all tests."""
    made = Explorer(repeats=2)
    yield view(made)
    made.close()


@pytest.fixture
def model(shown: ExplorerView) -> Iterator[Explorer]:
    """Their model, with its controls as they were at first and nothing kept."""
    model = shown.dashboard.model
    first = asdict(model.form)
    yield model
    model.stop()
    finish(model)
    model.clear()
    for name, value in first.items():
        model.set_trait(name, value)
    assert asdict(model.form) == first


def finish(model: Explorer) -> None:
    assert model.wait(WAIT_S), model.status


def press(chips: Any, value: str) -> None:
    """What clicking one of the buttons does."""
    chips.buttons[value].value = True


def tap(chart: Any, y: float) -> None:
    """What the page sends after a click into a chart."""
    values = [["model", {"id": chart._model.id}], ["sx", 9], ["sy", 9], ["x", 1.0], ["y", y]]
    values.append(["modifiers", {"type": "map", "entries": []}])
    data = {"type": "event", "name": "tap", "values": {"type": "map", "entries": values}}
    message = {"event": "jsevent", "kind": "MessageSent", "msg_type": "bokeh_event"}
    chart._handle_custom_msg(message | {"msg_data": data}, [])


def test_controls_set_the_model(model: Explorer, shown: ExplorerView) -> None:
    """Each control is its trait."""
    press(shown.controls.backing, "memfd")
    press(shown.controls.sharing, "shared")
    press(shown.controls.start, "cached")
    press(shown.controls.method["Allocate"], "FALLOCATE+Write")
    shown.controls.size.value = "64 KiB"
    shown.controls.repeats.value = 7
    shown.controls.follow_up.value = False
    assert model.form == CellForm(
        backing="memfd",
        page_size=model.page_size,
        sharing="shared",
        method="FALLOCATE+Write",
        start="cached",
        size="64 KiB",
        repeats=7,
        follow_up=False,
    )


def test_the_model_sets_controls(model: Explorer, shown: ExplorerView) -> None:
    """A script's choice is pressed on the screen, and only that."""
    model.backing = "tmpfs"
    model.size = "8 MiB"
    assert shown.controls.backing.buttons["tmpfs"].value
    assert not shown.controls.backing.buttons["anon"].value
    assert shown.controls.size.value == "8 MiB"


def test_one_of_each_is_pressed(model: Explorer, shown: ExplorerView) -> None:
    """A press on the pressed one leaves it pressed; methods are one choice over all groups."""
    shown.controls.backing.buttons["anon"].value = False
    assert shown.controls.backing.buttons["anon"].value
    press(shown.controls.method["Touch"], "Write")
    pressed = [
        name
        for chips in shown.controls.method.values()
        for name, button in chips.buttons.items()
        if button.value
    ]
    assert pressed == ["Write"] == [model.method]


def test_every_method_is_in_one_group() -> None:
    """A method added to the kit is on the screen."""
    grouped = [name for names in METHOD_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(methods.METHODS)


def test_methods_that_do_not_apply_are_not_there(model: Explorer, shown: ExplorerView) -> None:
    """No FALLOCATE line for anonymous memory; there it is for a shared memfd."""
    allocate = shown.controls.method["Allocate"]
    assert allocate.children == ()
    model.backing, model.sharing = "memfd", "shared"
    assert len(allocate.children) == 6


def test_preset_sizes_are_one_press(model: Explorer, shown: ExplorerView) -> None:
    """The published sizes are among them."""
    by_name = {button.description: button for button in shown.controls.sizes}
    assert {"2 MiB", "4 GiB"} <= set(by_name)
    by_name["64 MiB"].click()
    assert model.size == "64 MiB"


def test_what_cannot_run_is_grey_and_says_why(
    monkeypatch: pytest.MonkeyPatch, model: Explorer
) -> None:
    """Disabled, with reason and command as text; Check again enables it once it can run."""

    def why_not(*, backing: Backing, **_: Any) -> Unavailable | None:
        return Unavailable("no huge pages are free", "make <some>") if backing.is_hugetlb else None

    with monkeypatch.context() as patch:
        patch.setattr("prefault_kit.measure.experiment.host.why_not", why_not)
        model.check()
        shown = view(model)
        button = shown.controls.backing.buttons["hugetlbfs"]
        assert button.disabled
        assert "no huge pages are free" in button.tooltip
        assert "No huge pages are free." in shown.controls.refused.value
        assert "<code>make &lt;some&gt;</code>" in shown.controls.refused.value
        assert shown.controls.check.layout.display is None
        assert not shown.controls.backing.buttons["memfd"].disabled
    monkeypatch.setattr("prefault_kit.measure.experiment.host.why_not", lambda **_: None)
    shown.controls.check.click()
    assert not button.disabled


def test_a_directory_is_asked_for_where_one_is_used(model: Explorer, shown: ExplorerView) -> None:
    """Not for anonymous memory; for a file it says what an empty one means."""
    assert shown.controls.directory.layout.display == "none"
    model.backing = "file"
    assert shown.controls.directory.layout.display is None
    assert shown.controls.directory.placeholder == "the current directory"


def test_bad_input_is_reported_in_the_page(model: Explorer, shown: ExplorerView) -> None:
    """One sentence, escaped; Run says it in the status instead."""
    shown.controls.size.value = "<b>much"
    assert "&lt;b&gt;much" in shown.controls.problem.value
    shown.run.click()
    assert "is not a size" in shown.status.value
    assert "prefault-failed" in shown.status.value
    assert shown.controls.problem.value == ""


def test_run_fills_the_charts(model: Explorer, shown: ExplorerView) -> None:
    """One press: points, bars, words, numbers."""
    assert shown.stop.disabled
    assert shown.clear.disabled
    shown.run.click()
    finish(model)
    dashboard = shown.dashboard
    assert len(dashboard.times.points.data["y"]) == 2
    assert dashboard.compared_times.times.data["y"] == [0]
    assert dashboard.follow_up.bars.data["top"]
    assert "POPULATE_READ" in dashboard.numbers.value
    assert "pages are present" in shown.summary.value
    assert "Done in" in shown.status.value
    assert (shown.run.disabled, shown.stop.disabled, shown.clear.disabled) == (False, True, False)


def test_compare_puts_runs_side_by_side(model: Explorer, shown: ExplorerView) -> None:
    """A line for each method on offer, the same lines in both charts; a click looks at one."""
    model.size = "256 KiB"
    shown.compare.click()
    finish(model)
    labels = shown.dashboard.compared_times.figure.yaxis[0].major_label_overrides
    assert list(labels.values()) == [result.method for result in model.kept]
    assert labels == shown.dashboard.resident.figure.yaxis[0].major_label_overrides
    tap(shown.dashboard.cards.charts["compared_times"], y=1.2)
    assert model.shown == 1
    assert f"<b>{model.method}</b>" in shown.controls.about.value
    shown.dashboard.look_at.value = 0
    assert model.shown == 0
    assert model.kept[0].method in shown.summary.value


def test_a_comparison_is_drawn_whole() -> None:
    """All methods together fit into the charts, or the first ones would be missing meanwhile."""
    assert len(methods.METHODS) <= MOST_DRAWN


def test_stop_is_there_while_it_runs(model: Explorer, shown: ExplorerView) -> None:
    """Run is off and Stop on; afterwards the other way round."""
    model.repeats = 10_000
    shown.run.click()
    assert (shown.run.disabled, shown.stop.disabled) == (True, False)
    assert "progressbar" in shown.status.value
    shown.stop.click()
    finish(model)
    assert "Stopped after" in shown.status.value
    assert (shown.run.disabled, shown.stop.disabled) == (False, True)


def test_clear_empties_the_charts(model: Explorer, shown: ExplorerView) -> None:
    """As at the beginning."""
    shown.run.click()
    finish(model)
    shown.clear.click()
    assert not any(shown.dashboard.times.points.data.values())
    assert shown.dashboard.look_at.options == ()
    assert "Press <b>Run</b>" in shown.summary.value


def test_saving_over_a_file_takes_a_second_press(
    model: Explorer, shown: ExplorerView, tmp_path: Path
) -> None:
    """Save refuses and offers to replace."""
    path = tmp_path / "runs.json"
    path.write_text("mine")
    shown.run.click()
    finish(model)
    shown.path.value = str(path)
    shown.save.click()
    assert "exists already" in shown.status.value
    assert path.read_text() == "mine"
    assert shown.replace.layout.display is None
    shown.replace.click()
    assert "Replaced" in shown.status.value
    assert path.read_text() != "mine"
    assert shown.replace.layout.display == "none"


def test_figures_stay_the_same(model: Explorer, shown: ExplorerView) -> None:
    """Runs replace data; no figure is made again."""
    before = [chart._model for chart in shown.dashboard.cards.charts.values()]
    shown.run.click()
    finish(model)
    shown.run.click()
    finish(model)
    assert [chart._model for chart in shown.dashboard.cards.charts.values()] == before


def test_a_new_page_gets_the_figure_as_it_is(model: Explorer, shown: ExplorerView) -> None:
    """The state that a reloaded page asks for has the data of the last run."""
    chart = shown.dashboard.cards.charts["times"]
    before = str(chart.get_state("render_bundle"))
    shown.run.click()
    finish(model)
    chart.get_state()
    assert str(chart.render_bundle) != before


def test_the_page_cannot_set_back_what_was_drawn(model: Explorer, shown: ExplorerView) -> None:
    """The page repeats each change it is sent; a late echo changes nothing here."""
    chart = shown.dashboard.cards.charts["times"]
    old = {"type": "map", "entries": [["x", [1]], ["y", [1.0]], ["tip", ["old"]]]}
    echo = {"event": "jsevent", "kind": "ModelChanged", "attr": "data", "new": old}
    chart._handle_custom_msg(echo | {"model": {"id": shown.dashboard.times.points.id}}, [])
    assert shown.dashboard.times.points.data["tip"] == []


def test_an_update_is_a_few_messages(
    monkeypatch: pytest.MonkeyPatch, model: Explorer, shown: ExplorerView
) -> None:
    """However many properties change, each chart sends one patch, in three messages."""
    sent: list[Any] = []
    for chart in shown.dashboard.cards.charts.values():
        monkeypatch.setattr(chart, "send", lambda *message: sent.append(message))
    model.run()
    finish(model)
    assert model.changed
    assert 0 < len(sent) <= 3 * len(shown.dashboard.cards.charts) * model.changed


def test_the_stored_text_is_always_the_same(shown: ExplorerView) -> None:
    """A notebook keeps the page's text, so it has no id and no host in it."""
    assert shown.page.idle == "The explorer runs in JupyterLab: choose Run > Run All Cells."
    assert repr(shown.page) == ""
    assert all(repr(chart) == "Chart()" for chart in shown.dashboard.cards.charts.values())
