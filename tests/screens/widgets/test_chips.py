"""prefault_kit.screens.widgets.chips: one of several buttons is pressed."""

from prefault_kit.screens.options import Option
from prefault_kit.screens.widgets.chips import Chips


def pressed(chips: Chips) -> list[str]:
    return [value for value, button in chips.buttons.items() if button.value]


def test_one_is_pressed_at_a_time() -> None:
    """Pressing another releases the first; pressing it again does not release it."""
    chips = Chips()
    chips.offer([Option("a"), Option("b")])
    chips.buttons["a"].value = True
    chips.buttons["b"].value = True
    assert (chips.value, pressed(chips)) == ("b", ["b"])
    chips.buttons["b"].value = False
    assert (chips.value, pressed(chips)) == ("b", ["b"])


def test_what_cannot_run_is_greyed_out_with_its_reason() -> None:
    """And named when the mouse is on it."""
    chips = Chips(names={"b": "B"}, tips=lambda value: f"about {value}")
    chips.offer([Option("a"), Option("b", "there is none")])
    assert not chips.buttons["a"].disabled
    assert chips.buttons["b"].disabled
    assert chips.buttons["b"].description == "B"
    assert chips.buttons["b"].tooltip == "about b. there is none"


def test_an_offer_takes_options_away_and_brings_them_back() -> None:
    """The buttons are kept."""
    chips = Chips()
    chips.offer([Option("a"), Option("b")])
    kept = chips.buttons["a"]
    chips.offer([Option("b")])
    assert chips.children == (chips.buttons["b"],)
    chips.offer([Option("a"), Option("b")])
    assert chips.children[0] is kept
