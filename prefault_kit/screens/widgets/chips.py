"""A row of buttons of which one is pressed; an option that cannot run here is greyed out.

The choosers of ipywidgets can only be disabled as a whole, not option by option.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import ipywidgets as widgets
import traitlets

from prefault_kit.screens.options import Option


class Chips(widgets.HBox):
    """Choose one of ``options`` (set them with :meth:`offer`); ``value`` is the chosen one."""

    value = traitlets.Unicode()

    def __init__(
        self,
        *,
        names: Mapping[str, str] | None = None,
        tips: Callable[[str], str] = lambda value: value,
    ) -> None:
        """``names`` are labels other than the values; ``tips`` are shown on hovering."""
        self._names = names or {}
        self._tips = tips
        self._syncing = False
        self.buttons: dict[str, widgets.ToggleButton] = {}
        super().__init__()
        self.add_class("prefault-chips")

    def offer(self, options: Sequence[Option]) -> None:
        """Show these options, reusing the buttons that are there."""
        for option in options:
            button = self.buttons.get(option.value) or self._make(option.value)
            button.disabled = option.reason is not None
            button.tooltip = ". ".join(filter(None, (self._tips(option.value), option.reason)))
        self.children = tuple(self.buttons[option.value] for option in options)

    def _make(self, value: str) -> widgets.ToggleButton:
        button = widgets.ToggleButton(
            description=self._names.get(value, value), value=value == self.value
        )
        button.observe(lambda _: self._pressed(value), names="value")
        self.buttons[value] = button
        return button

    def _pressed(self, value: str) -> None:
        if self._syncing:
            return
        self.value = value
        self._show()  # a press on the pressed one must not release it

    @traitlets.observe("value")
    def _show(self, _: object = None) -> None:
        self._syncing = True
        try:
            for value, button in self.buttons.items():
                button.value = value == self.value
        finally:
            self._syncing = False
