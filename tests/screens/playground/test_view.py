"""prefault_kit.screens.playground.view: deaths, predictions, and what a notebook stores."""

from prefault_kit.screens.playground import Playground, PlaygroundView
from prefault_kit.screens.widgets.parts import Page
from tests.screens.playground.hands import click, drag, hidden, outlined, words


def test_a_death_is_marked_and_one_click_undoes_it(
    model: Playground, shown: PlaygroundView
) -> None:
    """A cross at the page, and a button that was not there."""
    assert hidden(shown.revive)
    model.do("mprotect none", 4, 1)
    click(shown, 4)
    assert outlined(shown, "_deadly") == {shown.maps.figures["parent"].place(0, 4)}
    assert "SIGSEGV at page 4" in shown.status.value
    assert not hidden(shown.revive)
    shown.revive.click()
    assert model.alive
    assert hidden(shown.revive)
    assert outlined(shown, "_deadly") == set()


def test_a_prediction_is_painted(model: Playground, shown: PlaygroundView) -> None:
    """A click paints while a step waits; what came otherwise is crossed."""
    shown.predict.value = True
    model.choose(0, 3)
    shown.operations.buttons.of["read"].click()
    assert not hidden(shown.waiting)
    shown.paint.buttons["zero page"].value = True
    drag(shown, 0, 1)
    shown.paint.buttons["anonymous"].value = True
    click(shown, 2)
    expected = ["zero page", "zero page", "anonymous", "not present"]
    assert shown.maps.figures["parent"].names == ("table", "expected")
    assert (words(shown)[:4], words(shown)[64:68]) == (["not present"] * 4, expected)
    assert model.acts == []
    shown.reveal.click()
    assert words(shown)[64:68] == expected
    assert words(shown)[:4] == ["zero page", "zero page", "zero page", "not present"]
    assert outlined(shown, "_wrong") == {shown.maps.figures["parent"].place(0, 2)}
    assert "1 page came otherwise" in shown.score.value
    assert hidden(shown.waiting)


def test_the_stored_text_is_always_the_same(widgets: PlaygroundView) -> None:
    """A notebook stores it."""
    assert isinstance(widgets.page, Page)
    assert widgets.page.idle.startswith("The playground runs in JupyterLab")
    assert repr(widgets.page) == ""
