"""prefault_kit.screens.latency.model and view: a watch from a script, and by pressing buttons."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.screens.latency.model import Watcher
from prefault_kit.screens.latency.view import view
from prefault_kit.studies.latency.ways import EVENTS, WAYS

WAIT_S = 60


@pytest.fixture
def model() -> Iterator[Watcher]:
    """A watch of a second; its worker is ended afterwards."""
    made = Watcher(seconds=1, event="nothing")
    yield made
    made.close()


def test_charts_grow_while_it_runs(model: Watcher) -> None:
    """And the table has every way in the end."""
    made = view(model)
    seen: list[int] = []
    model.observe(lambda _: seen.append(len(model.latencies.ways["nothing"].waits_ns)), "changed")
    made.run.click()
    assert model.wait(WAIT_S)
    assert not model.failed, model.status
    assert len(set(seen)) > 2
    assert seen[-1] == 250
    shown = model.latencies
    said = made.table.value.replace("<wbr>", "")
    assert all(way in said for way in (*shown.ways, *shown.refused))
    for chart in made.charts.values():
        assert {way for way, line in chart.lines.items() if len(line.data["x"])} == set(shown.ways)
    assert {card.layout.display for card in made.cards.cards.values()} == {None}


def test_stop_keeps_what_came(model: Watcher) -> None:
    """And ends the worker with its memory."""
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
    assert 0 < len(model.latencies.ways["nothing"].waits_ns) < 15000
    assert not Path(f"/proc/{model.worker_pid}").exists()


def test_only_what_makes_sense_is_offered(model: Watcher) -> None:
    """An event that the memory cannot meet is greyed out, and not kept."""
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


def test_what_cannot_run_is_said(model: Watcher) -> None:
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


def test_every_way_has_a_line() -> None:
    """In the legend, told apart by colour or dash."""
    model = Watcher()
    made = view(model)
    for head in made.cards.heads.values():
        assert all(way in head.value for way in WAYS)
    model.close()
