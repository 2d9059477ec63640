"""What a person does to a playground, and what they see of it."""

from typing import Any

from prefault_kit.screens.playground import PlaygroundView


def hidden(widget: Any) -> bool:
    """Whether it is out of the page."""
    return bool(widget.layout.display == "none")


def words(shown: PlaygroundView, process: str = "parent") -> list[str]:
    """What the figure's cells say."""
    return list(shown.maps.figures[process]._cells.data["word"])


def outlined(shown: PlaygroundView, name: str) -> set[tuple[float, float]]:
    """The places of some marks of the parent's figure."""
    data = getattr(shown.maps.figures["parent"], name).data
    return set(zip(data["x"], data["y"], strict=True))


def click(
    shown: PlaygroundView, page: int, *, shift: bool = False, process: str = "parent"
) -> None:
    """What the page sends of a click on a page."""
    figure = shown.maps.figures[process]
    x, y = figure.place(0, page)
    modifiers = {"shift": shift, "ctrl": False, "alt": False}
    figure._tapped(type("Event", (), {"x": x + 0.3, "y": y - 0.3, "modifiers": modifiers}))


def drag(shown: PlaygroundView, first: int, last: int) -> None:
    """What the page sends of a drag."""
    figure = shown.maps.figures["parent"]
    (x, y), (to_x, to_y) = figure.place(0, first), figure.place(0, last)
    figure._began(type("Event", (), {"x": x, "y": y}))
    figure._dragged(type("Event", (), {"x": to_x, "y": to_y}))
    figure._ended(type("Event", (), {"x": to_x, "y": to_y}))
