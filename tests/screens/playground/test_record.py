"""prefault_kit.screens.playground.record: the history goes back, branches, and is shared."""

from prefault_kit.screens.playground import Playground, PlaygroundView
from tests.screens.playground.hands import words


def test_the_history_goes_back_and_branches(model: Playground, shown: PlaygroundView) -> None:
    """By the list, by Back, and by a branch."""
    for operation in ("read", "write", "MADV_DONTNEED"):
        model.do(operation)
    assert [label.split(":")[0] for label, _ in shown.record.steps.options][1:] == [
        "1. read",
        "2. write",
        "3. MADV_DONTNEED",
    ]
    shown.record.steps.value = 1
    assert [act.step.operation for act in model.acts] == ["read"]
    assert words(shown)[0] == "zero page"
    shown.record.branch.value = "branch 1"
    assert len(model.acts) == 3
    shown.back.click()
    assert len(model.acts) == 2
    shown.anew.click()
    assert shown.back.disabled


def test_a_long_history_is_listed_in_part(model: Playground, shown: PlaygroundView) -> None:
    """The newest steps, and the beginning; going back to one of them works."""
    model.do("read")
    for _ in range(149):
        model.do("MADV_NORMAL")
    assert len(shown.record.steps.options) == 101
    assert shown.record.steps.options[0] == ("0. fresh memory", 0)
    shown.record.steps.value = 120
    assert len(model.acts) == 120


def test_programs_and_links_are_shown(model: Playground, shown: PlaygroundView) -> None:
    """To be copied, escaped."""
    model.do("write", 2)
    shown.record.python.click()
    assert "m.touch_write(offset, length)" in shown.record.shown.value
    shown.record.c.click()
    assert "#include &lt;errno.h&gt;" in shown.record.shown.value
    shown.record.link.click()
    assert "prefault:" in shown.record.shown.value
    shown.record.path.value = model.history.link()
    model.begin()
    shown.record.open.click()
    assert [act.step.first for act in model.acts] == [2]
    shown.record.path.value = "playground.json"
