"""prefault_kit.screens.playground.figure: where each page is, and what is sent."""

from typing import Any

import pytest
from bokeh.events import DoubleTap, Pan, PanEnd, PanStart, Press, PressUp, Tap

from prefault_kit.screens.playground import Playground, PlaygroundView
from prefault_kit.screens.playground.figure import StripsFigure
from tests.screens.playground.hands import click, words


@pytest.mark.parametrize("pages", [1, 64, 512, 1000, 4096])
def test_a_place_is_a_page(pages: int) -> None:
    """Of every strip; between the strips, and beyond the last page, there is none."""
    figure = StripsFigure(pages, ("table", "cache"), lambda *_: None, lambda *_: None)
    for strip in (0, 1):
        for page in {0, 1, pages // 2, pages - 1} & set(range(pages)):
            x, y = figure.place(strip, page)
            assert figure.page_at(x, y) == figure.page_at(x + 0.4, y - 0.4) == page
    x, y = figure.place(1, 0)
    assert figure.page_at(x, y - 1) is None
    assert figure.page_at(figure.columns, y) is None
    assert figure.page_at(x, y + figure.rows) is None


def test_whatever_the_browser_calls_a_click_is_one() -> None:
    """A tap, the second of two quick ones, and one that is held; with Shift or not."""
    heard: list[object] = []
    figure = StripsFigure(
        64,
        ("table",),
        lambda page, shift: heard.append((page, shift)),
        lambda first, last, end: heard.append((first, last, end)),
    )

    def send(kind: type[Any], page: int | None, *, shift: bool = False) -> None:
        x, y = (None, None) if page is None else figure.place(0, page)
        known = {"shift": shift, "ctrl": False, "alt": False}
        figure.figure._trigger_event(kind(figure.figure, x=x, y=y, modifiers=known))

    for kind in (Tap, DoubleTap):
        send(kind, 3)
        send(kind, 4, shift=True)
        send(kind, None)
    assert heard == [(3, False), (4, True)] * 2
    heard.clear()
    send(Press, 5)
    send(PressUp, 5)
    send(PressUp, 5)
    assert heard == [(5, False)]
    heard.clear()
    send(Press, 9)
    send(PressUp, 6)
    assert heard == [(6, 9, True)]
    heard.clear()
    for kind, page in ((PanStart, 9), (Pan, 12), (Pan, None), (PanEnd, 14), (PanEnd, 20)):
        send(kind, page)
    assert heard == [(9, 12, False), (9, 14, True)]


@pytest.mark.parametrize("pages", [64, 512, 1000, 4096])
def test_the_chosen_pages_are_outlined_as_a_whole(pages: int) -> None:
    """By three blocks at most in each strip; they cover these pages and no other."""
    figure = StripsFigure(pages, ("table", "cache"), lambda *_: None, lambda *_: None)
    for first in {0, 1, 31, 32, 100, pages - 1}:
        for count in {1, 2, 31, 32, 64, 65, 200, pages - first}:
            if first + count > pages:
                continue
            figure.mark(chosen=(first, count))
            data = figure._chosen.data
            blocks = list(zip(data["x"], data["y"], data["width"], data["height"], strict=True))
            assert len(blocks) <= 6
            covered = [
                figure.page_at(x - (width - 1) / 2 + column, y - (height - 1) / 2 + row)
                for x, y, width, height in blocks
                for row in range(int(height))
                for column in range(int(width))
            ]
            assert covered == [*range(first, first + count)] * 2


def test_many_pages_are_drawn_and_only_changes_are_sent(
    model: Playground, shown: PlaygroundView
) -> None:
    """4096 pages; a click changes one cell."""
    model.pages = 4096
    sent: list[Any] = []
    figure = shown.maps.figures["parent"]
    figure._cells.document.on_change(sent.append)  # type: ignore[union-attr]
    click(shown, 4095)
    assert words(shown)[4095] == "zero page"
    patches = [event.patches for event in sent if hasattr(event, "patches")]
    assert [patch["word"] for patch in patches] == [[(slice(4095, 4096), ["zero page"])]]
