"""prefault_kit.screens.playground.maps: what clicks, drags and keys do, and what is drawn."""

import pytest

from prefault_kit.screens.playground import Playground, PlaygroundView
from prefault_kit.screens.playground.maps import _folios
from prefault_kit.studies.playground import Strips
from tests.screens.playground.hands import click, drag, hidden, outlined, words


def test_a_click_reads_and_with_shift_writes(model: Playground, shown: PlaygroundView) -> None:
    """The cell says so, what changed is outlined, the sentence is there."""
    click(shown, 5)
    assert words(shown)[4:7] == ["not present", "zero page", "not present"]
    assert outlined(shown, "_changed") == {shown.maps.figures["parent"].place(0, 5)}
    assert "zero page" in shown.happened.value
    assert "prefault-kit check read-zero-page" in shown.happened.value
    click(shown, 5, shift=True)
    assert words(shown)[5] == "anonymous"
    assert [act.step.operation for act in model.acts] == ["read", "write"]


@pytest.mark.parametrize(
    ("sharing", "expected"),
    [
        ("shared", [("table", 2, 2), ("cache", 2, 2), ("table", 4, 3), ("cache", 4, 3)]),
        ("private", [("table", 2, 2), ("cache", 2, 2), ("table", 4, 3)]),
    ],
)
def test_a_folio_is_outlined_where_it_lies(
    sharing: str, expected: list[tuple[str, int, int]]
) -> None:
    """A file's in the page cache as well; a private huge page is the process's own."""
    seen = Strips(
        runs={
            "table": [(2, "not present"), (2, "of the file"), (3, "huge")],
            "cache": [(7, "cached")],
            "storage": None,
            "access": [(7, "rw")],
            "folio": [(2, ""), (2, "2"), (3, "4")],
        },
        bytes={},
    )
    assert _folios(seen, sharing) == expected
    assert _folios(None, sharing) == []


def test_a_drag_chooses_and_a_button_does(model: Playground, shown: PlaygroundView) -> None:
    """Backwards too; the numbers say the same."""
    drag(shown, 40, 35)
    assert (model.first, model.count) == (35, 6)
    assert (shown.operations.first.value, shown.operations.count.value) == (35, 6)
    shown.operations.buttons.of["MADV_POPULATE_WRITE"].click()
    assert words(shown)[34:42] == ["not present"] + ["anonymous"] * 6 + ["not present"]
    shown.operations.first.value, shown.operations.count.value = 2, 3
    assert model.step == (2, 3)
    assert outlined(shown, "_chosen") == {shown.maps.figures["parent"].place(0, 3)}  # its middle


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["ArrowRight", "ArrowRight"], (12, 1)),
        (["ArrowLeft"], (9, 1)),
        (["ArrowDown"], (42, 1)),
        (["ArrowDown", "ArrowUp"], (10, 1)),
        (["ArrowRight+shift", "ArrowRight+shift"], (10, 3)),
        (["ArrowDown+shift"], (10, 33)),
        (["ArrowRight+shift", "ArrowLeft+shift", "ArrowLeft+shift"], (10, 1)),
        (["End", "ArrowRight"], (63, 1)),
        (["Home", "ArrowLeft"], (0, 1)),
        (["Escape"], (10, 1)),
    ],
    ids=str,
)
def test_keys_move_and_choose(
    model: Playground, shown: PlaygroundView, keys: list[str], chosen: tuple[int, int]
) -> None:
    """In rows as they are drawn, and never beyond the pages."""
    model.choose(10, 1)
    for key in keys:
        shown.maps.press(key)
    assert model.step == chosen


def test_keys_that_come_together_are_heard_once_each(
    model: Playground, shown: PlaygroundView
) -> None:
    """The page sends the last ones again with each."""
    shown.maps.keys.value = "1000001:Home 1000002:ArrowRight"
    shown.maps.keys.value = "1000001:Home 1000002:ArrowRight 1000003:ArrowRight 1000004:w"
    shown.maps.keys.value = "odd : 5 x:r 1000004:w"
    assert [(act.step.operation, act.step.first) for act in model.acts] == [("write", 2)]


def test_keys_read_and_write(model: Playground, shown: PlaygroundView) -> None:
    """R and W; what was chosen is read aloud."""
    model.choose(7, 2)
    shown.maps.press("r")
    shown.maps.press("w")
    assert [act.step.operation for act in model.acts] == ["read", "write"]
    assert "Pages 7 to 8, the first: page table anonymous" in shown.maps.cursor.value


def test_a_file_has_three_strips(model: Playground, shown: PlaygroundView) -> None:
    """And a fourth where something may not be done as usual."""
    model.kind, model.sharing = "memfd", "shared"
    assert shown.maps.figures["parent"].names == ("table", "cache", "storage")
    model.do("write", 1)
    assert [words(shown)[at + 1] for at in (0, 64, 128)] == ["of the file", "cached", "data"]
    model.do("mprotect r", 0, 1)
    assert shown.maps.figures["parent"].names == ("table", "cache", "storage", "access")
    assert not hidden(shown.memory.content)


def test_a_child_s_map_is_beside(model: Playground, shown: PlaygroundView) -> None:
    """It is touched by a click on it."""
    model.do("write", 0, 2)
    model.do("fork")
    assert set(shown.maps.figures) == {"parent", "child"}
    assert not hidden(shown.operations.who)
    click(shown, 1, shift=True, process="child")
    assert model.acts[-1].step.process == "child"
    model.process = "parent"
    model.do("end child")
    assert set(shown.maps.figures) == {"parent"}
    assert hidden(shown.operations.who)
