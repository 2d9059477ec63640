"""A Bokeh figure as a widget, and how Bokeh gets into the page without a network."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
from bokeh.events import DocumentReady
from bokeh.io import output_notebook
from bokeh.models import LayoutDOM
from bokeh.resources import INLINE
from jupyter_bokeh import BokehModel


class Chart(BokehModel):
    """A figure that shows what it holds, whenever and wherever it appears.

    BokehModel describes its figure to the page when it is made, and sends only changes afterwards.
    A view that appears later (the page is reloaded, the widget displayed once more, or just slow)
    would show the figure of that first moment. So a view that says that it is ready is given the
    figure anew if there have been changes. And BokehModel's text holds an id that is new in each
    run, which a notebook must not store.
    """

    def __init__(self, figure: LayoutDOM) -> None:
        self._patches = self._described = 0
        super().__init__(figure)
        self._document.on_event(DocumentReady, self._ready)

    def _document_patched(self, event: Any) -> None:
        self._patches += 1
        super()._document_patched(event)

    def _describe(self) -> None:
        self._described = self._patches
        self.render_bundle = self._model_to_traits(self._model)

    def _ready(self, _: Any) -> None:
        if self._described != self._patches:
            self._describe()

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """The widget's state; the whole of it, as a new page asks for it, is brought up to date."""
        if key is None and self.comm is not None:
            self._describe()
        return super().get_state(key, drop_defaults)

    def __repr__(self) -> str:
        return "Chart()"


def loader() -> widgets.Output:
    """Bring Bokeh into the page; show it before the first :class:`Chart`.

    Scripts printed in a cell would be stored with the notebook, 8 MB of them; those in an Output
    widget are not.
    """
    place = widgets.Output()
    with place:
        output_notebook(resources=INLINE, hide_banner=True)
    return place
