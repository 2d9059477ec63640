"""prefault_kit.screens.playground.controls: which memory, which operations."""

from prefault_kit.screens.playground import Playground, PlaygroundView
from tests.screens.playground.hands import click


def test_what_a_click_does_can_be_chosen(model: Playground, shown: PlaygroundView) -> None:
    """It writes, or chooses alone."""
    shown.operations.click.buttons["write"].value = True
    click(shown, 3)
    shown.operations.click.buttons["choose"].value = True
    click(shown, 9)
    shown.operations.click.buttons["read"].value = True
    assert [(act.step.operation, act.step.first) for act in model.acts] == [("write", 3)]
    assert model.first == 9


def test_what_is_greyed_has_its_reason(shown: PlaygroundView) -> None:
    """On hovering, and below."""
    assert shown.operations.buttons.of["fallocate"].disabled
    assert "no file" in shown.operations.buttons.of["fallocate"].tooltip
    assert "fallocate" in shown.operations.buttons.refused.value
