"""prefault_kit.screens.latency.model and view: a probe from a script, and by pressing buttons."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.screens.latency.model import LatencyScreen
from prefault_kit.screens.latency.view import view
from prefault_kit.studies.latency.events import EVENTS
from prefault_kit.studies.latency.preparations import PREPARATIONS

WAIT_S = 60


@pytest.fixture
def model() -> Iterator[LatencyScreen]:
    """A probe of one second; its worker is ended afterwards."""
    made = LatencyScreen(seconds=1, event="nothing")
    yield made
    made.close()


def test_charts_grow_while_it_runs(model: LatencyScreen) -> None:
    """The table has every preparation in the end."""
    made = view(model)
    seen: list[int] = []
    model.observe(
        lambda _: seen.append(len(model.latencies.samples["nothing"].waits_ns)), "changed"
    )
    made.run.click()
    assert model.wait(WAIT_S)
    assert not model.failed, model.status
    assert len(set(seen)) > 2
    assert seen[-1] == 250
    shown = model.latencies
    said = made.table.value.replace("<wbr>", "")
    assert all(name in said for name in (*shown.samples, *shown.refused))
    for chart in made.charts.values():
        assert {name for name, line in chart.lines.items() if len(line.data["x"])} == set(
            shown.samples
        )
    assert {card.layout.display for card in made.cards.cards.values()} == {None}


def test_stop_keeps_what_was_measured(model: LatencyScreen) -> None:
    """It ends the worker and releases its memory."""
    model.seconds = 60
    model.event = "fork"

    def stop(change: Any) -> None:
        if model.latencies:
            model.stop()

    model.observe(stop, "changed")
    model.run()
    assert model.wait(WAIT_S)
    assert model.status.startswith("Stopped after")
    assert model.latencies is not None
    assert 0 < len(model.latencies.samples["nothing"].waits_ns) < 15000
    assert not Path(f"/proc/{model.worker_pid}").exists()


def test_only_what_makes_sense_is_offered(model: LatencyScreen) -> None:
    """An event that makes no sense for the memory is greyed out, and not kept."""
    made = view(model)
    made.memory.value = "file"
    made.event.value = "sync"
    assert (model.memory, model.event) == ("file", "sync")
    assert made.event.buttons["collapse"].disabled
    assert made.directory.layout.display is None
    made.memory.value = "anon"
    assert model.event == "nothing"
    assert made.event.buttons["sync"].disabled
    assert made.directory.layout.display == "none"
    assert set(made.event.buttons) == set(EVENTS)
    made.seconds.value = "2"
    assert model.seconds == 2


def test_what_cannot_run_is_reported(model: LatencyScreen) -> None:
    """In words, and nothing starts."""
    model.directory = "/nowhere"
    model.memory = "file"
    model.run()
    assert model.failed
    assert "/nowhere" in model.status
    assert not model.running
    model.set_trait("seconds", 0.0)
    model.run()
    assert "1 to 3600 seconds" in model.status


def test_every_preparation_has_a_line() -> None:
    """In the legend, told apart by colour or dash."""
    model = LatencyScreen()
    made = view(model)
    for head in made.cards.heads.values():
        assert all(name in head.value for name in PREPARATIONS)
    model.close()


def test_the_page_says_what_happens_halfway(model: LatencyScreen) -> None:
    """The chosen event, why others are greyed out, and afterwards in the heads of the table."""
    made = view(model)
    made.event.value = "fork"
    assert "Halfway through, the program forks" in made.about.value
    assert "<b>sync</b>: Only a file on disk is written back" in made.about.value
    model.event = "rain"
    assert model.problem is not None
    assert "event is one of" in model.problem.reason
    model.event = "fork"
    model.run()
    assert model.wait(WAIT_S)
    assert ">before the fork<" in made.table.value
    titles = [head.value for head in made.cards.heads.values()]
    assert "Waits of first touches before the fork" in titles[1]
