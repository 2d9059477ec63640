"""prefault_kit.screens.explorer.dashboard: the charts show the result that is looked at."""

from collections.abc import Iterator

import pytest

from prefault_kit.measure.result import Result
from prefault_kit.screens.explorer.dashboard import MOST_DRAWN, Dashboard
from prefault_kit.screens.explorer.job import LiveResults
from prefault_kit.screens.explorer.model import Explorer
from tests.show.made import result


@pytest.fixture
def model() -> Iterator[Explorer]:
    """A model of its own; its worker is ended afterwards."""
    made = Explorer()
    yield made
    made.close()


def numbered(count: int, first: int = 0) -> tuple[Result, ...]:
    """Results of methods M0, M1... that took 1 ms, 2 ms..."""
    return tuple(
        result(
            method=f"M{number}",
            timings_ms=[number + 1.0],
            best_ms=number + 1.0,
            median_ms=number + 1.0,
        )
        for number in range(first, first + count)
    )


def keep(model: Explorer, kept: tuple[Result, ...], shown: int) -> Dashboard:
    model.kept, model.shown = kept, shown
    return Dashboard(model)


def test_nothing_is_drawn_before_there_is_a_run(model: Explorer) -> None:
    """As on the other screens: no empty axes with figures of nothing."""
    dashboard = Dashboard(model)
    assert {each.layout.display for each in dashboard.cards.cards.values()} == {"none"}
    model.kept, model.shown = numbered(1), 0
    dashboard.draw()
    assert {each.layout.display for each in dashboard.cards.cards.values()} == {None}


@pytest.mark.parametrize("shown", [0, 1, 2])
def test_every_part_shows_the_same_result(model: Explorer, shown: int) -> None:
    """Points, titles, the marked line and the chooser."""
    dashboard = keep(model, numbered(3), shown)
    assert dashboard.times.points.data["y"] == [shown + 1.0]
    assert f"M{shown}<" in dashboard.cards.heads["follow_up"].value
    assert f"M{shown}<" in dashboard.cards.heads["times"].value
    assert dashboard.compared_times.marked.data["y0"] == [shown - 0.5]
    assert dashboard.resident.marked.data["y0"] == [shown - 0.5]
    assert dashboard.look_at.label == f"{shown + 1}. M{shown}"
    marked = dashboard.numbers.value.split("class=prefault-shown>")[1]
    assert marked.startswith(f"<td>M{shown}</td>")


def test_of_many_results_the_newest_are_drawn(model: Explorer) -> None:
    """A click on a line is a click on that result; an older one can still be chosen."""
    kept = numbered(MOST_DRAWN + 5)
    dashboard = keep(model, kept, len(kept) - 1)
    labels = dashboard.compared_times.figure.yaxis[0].major_label_overrides
    assert list(labels.values()) == [each.method for each in kept[5:]]
    assert "5 older ones not drawn" in dashboard.cards.heads["compared_times"].value

    class Tapped:
        y = 2.2

    dashboard._tapped(Tapped())
    assert model.shown == 7
    assert dashboard.times.points.data["y"] == [8.0]
    dashboard.look_at.value = 0
    assert dashboard.times.points.data["y"] == [1.0]
    assert dashboard.compared_times.marked.data["y0"] == []


def test_a_running_cell_is_looked_at_while_it_runs(model: Explorer) -> None:
    """The one in focus, below those that are kept; the chooser waits for the end."""
    dashboard = keep(model, numbered(2), 0)
    model.live = LiveResults(numbered(3, first=10), 1)
    model.changed += 1
    assert dashboard.times.points.data["y"] == [12.0]
    assert dashboard.compared_times.marked.data["y0"] == [2.5]
    assert len(dashboard.look_at.options) == 2
    model.live = None
    model.changed += 1
    assert dashboard.times.points.data["y"] == [1.0]
