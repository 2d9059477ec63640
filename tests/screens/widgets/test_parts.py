"""prefault_kit.screens.widgets.parts: charts under their titles, the status of a bench."""

import pytest
from bokeh.models import Range1d

from prefault_kit.screens.model import Bench
from prefault_kit.screens.widgets import parts
from prefault_kit.show import plot


def test_the_status_is_the_bench_s() -> None:
    """Live: text, what would help, how far it is."""
    bench = Bench()
    said = parts.status(bench)
    assert "Ready." in said.value
    bench.running, bench.fraction, bench.status = True, 0.25, "Measuring"
    assert "Measuring" in said.value
    assert "25.0%" in said.value
    bench.running, bench.failed, bench.command = False, True, "sudo true"
    assert "prefault-failed" in said.value
    assert "sudo true" in said.value


def test_charts_are_attached_anew() -> None:
    """The page asks for it when a chart came before Bokeh; the charts are the same."""
    cards = parts.Cards({"one": plot.bare(Range1d(0, 1), Range1d(0, 1))})
    chart = cards.charts["one"]
    assert cards.cards["one"].children == (cards.heads["one"], chart)
    states = []
    cards.cards["one"].observe(lambda change: states.append(change["new"]), "children")
    cards.again.click()
    assert states == [(cards.heads["one"],), (cards.heads["one"], chart)]


def test_one_of_run_and_stop_can_be_pressed() -> None:
    """Whatever the bench does; each does what it says."""
    pressed: list[str] = []

    class Told(Bench):
        def run(self) -> None:
            pressed.append("run")

        def stop(self) -> None:
            pressed.append("stop")

    bench = Told()
    run, stop = parts.run_and_stop(bench, "begin it", "end it")
    assert (run.disabled, stop.disabled) == (False, True)
    bench.running = True
    assert (run.disabled, stop.disabled) == (True, False)
    run.click()
    stop.click()
    assert pressed == ["run", "stop"]


def test_bokeh_is_on_its_way_before_the_screen_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made before, executing the first notebook stalls until its time limit."""
    seen: list[str] = []
    monkeypatch.setattr(parts, "loader", lambda: "Bokeh")
    monkeypatch.setattr(parts, "display", lambda shown: seen.append(str(shown)))

    def make() -> parts.Page:
        seen.append("made")
        return parts.Page("bench")

    parts.show(make)
    assert seen[:2] == ["Bokeh", "made"]
    assert "bench is live" in seen[2]
