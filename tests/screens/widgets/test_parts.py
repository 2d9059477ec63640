"""prefault_kit.screens.widgets.parts: charts under their titles, the status of a model."""

from typing import Any

import ipywidgets as widgets
import pytest
from bokeh.models import Range1d

from prefault_kit.screens.job import Job
from prefault_kit.screens.model import ScreenModel
from prefault_kit.screens.widgets import parts
from prefault_kit.show import plot


def test_the_status_is_the_model_s() -> None:
    """Live: text, command, progress."""
    model: ScreenModel[Job[Any]] = ScreenModel()
    said = parts.status(model)
    assert "Ready." in said.value
    model.running, model.fraction, model.status = True, 0.25, "Measuring"
    assert "Measuring" in said.value
    assert "25.0%" in said.value
    model.running, model.failed, model.command = False, True, "sudo true"
    assert "prefault-failed" in said.value
    assert "sudo true" in said.value


def test_charts_are_attached_again() -> None:
    """The page asks for it when a chart came before Bokeh; the charts are the same."""
    cards = parts.Cards({"one": plot.bare(Range1d(0, 1), Range1d(0, 1))})
    chart = cards.charts["one"]
    assert cards.cards["one"].children == (cards.heads["one"], chart)
    states = []
    cards.cards["one"].observe(lambda change: states.append(change["new"]), "children")
    cards.redraw.click()
    assert states == [(cards.heads["one"],), (cards.heads["one"], chart)]


def test_one_of_run_and_stop_can_be_pressed() -> None:
    """One of them is enabled; each does what it says."""
    pressed: list[str] = []

    class Told(ScreenModel[Job[Any]]):
        def run(self) -> None:
            pressed.append("run")

        def stop(self) -> None:
            pressed.append("stop")

    model = Told()
    run, stop = parts.run_and_stop(model, "begin it", "end it")
    assert (run.disabled, stop.disabled) == (False, True)
    model.running = True
    assert (run.disabled, stop.disabled) == (True, False)
    run.click()
    stop.click()
    assert pressed == ["run", "stop"]


def test_bokeh_is_on_its_way_before_the_screen_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made before, executing the first notebook stalls until its time limit."""
    seen: list[str] = []
    monkeypatch.setattr(parts, "loader", lambda: "Bokeh")
    monkeypatch.setattr(parts, "display", lambda shown, **_: seen.append(str(shown)))

    def make() -> parts.Page:
        seen.append("made")
        return parts.Page("screen")

    parts.show(make)
    assert seen[:2] == ["Bokeh", "made"]
    assert "screen runs in JupyterLab" in seen[2]


def test_what_is_idle_is_text_and_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question may have any character; a notebook stores the text with the page."""
    shown: list[object] = []
    monkeypatch.setattr(parts, "display", lambda each, **_: shown.append(each))
    page = parts.Page("scene", "Is 1 < 2?")
    page.show()
    idle, live = shown
    assert isinstance(idle, dict)
    assert idle["text/plain"] == page.idle
    assert "Is 1 &lt; 2? The scene runs in JupyterLab" in idle["text/html"]
    assert live is page


def test_a_cell_that_runs_again_closes_what_it_showed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that it was made of; what another cell shows stays."""
    monkeypatch.setattr(parts, "loader", lambda: "Bokeh")
    monkeypatch.setattr(parts, "display", lambda *_, **__: None)
    monkeypatch.setattr(parts, "_shown", {})
    made: list[widgets.Widget] = []

    def show(cell: str | None) -> tuple[parts.Page, widgets.Button]:
        monkeypatch.setattr(parts, "_cell", lambda: cell)
        page, inner = parts.Page("screen"), widgets.Button()
        page.children = [widgets.HBox([inner])]
        parts.show(lambda: page)
        made.extend((page, inner, inner.layout))
        return page, inner

    show("a")
    show("b")
    show(None)
    assert all(each.comm is not None for each in made)
    show("a")
    assert [each.comm is None for each in made] == [True] * 3 + [False] * 9
