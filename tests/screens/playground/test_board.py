"""prefault_kit.screens.playground.board: ways back."""

from prefault_kit.screens.playground import Playground, PlaygroundView


def test_back_undoes_the_last_step_and_begin_anew_all(
    model: Playground, shown: PlaygroundView
) -> None:
    """By doing the others once more."""
    assert shown.back.disabled
    model.do("read", 0, 2)
    model.do("write", 4, 1)
    shown.back.click()
    assert [act.step.operation for act in model.acts] == ["read"]
    assert "read: pages 0 to 1" in shown.happened.value
    shown.anew.click()
    assert model.acts == []
    assert shown.back.disabled
    assert model.history.branches == {}
