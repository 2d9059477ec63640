"""A Bokeh figure as a widget, and how Bokeh gets into the page without a network."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from typing import Any

import bokeh
import ipywidgets as widgets
from bokeh.events import DocumentReady
from bokeh.models import LayoutDOM
from bokeh.protocol import Protocol
from bokeh.resources import Resources
from jupyter_bokeh import BokehModel


class Chart(BokehModel):
    """A figure that shows what it holds, whenever and wherever it appears.

    BokehModel describes its figure to the page when it is made, and sends only changes afterwards.
    A view that appears later (the page is reloaded or slow, or the widget is displayed again)
    would show the figure as it was then. So a view that reports that it is ready gets a new
    description if there have been changes.

    The page echoes every change that it is sent, so an old one may come back after a newer one
    was made here. Only events (clicks) are taken from the page.
    """

    def __init__(self, figure: LayoutDOM) -> None:
        self._changes = self._described = 0
        self._held: list[Any] | None = None
        super().__init__(figure)
        self._document.on_event(DocumentReady, self._ready)

    def close(self) -> None:
        """Close it; once more, as when what was closed is collected, does nothing."""
        if self.comm is not None:
            super().close()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Send the changes made within as one message: a page handles 1000 a second at most."""
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            if held:
                self._send_changes(held)

    def _document_patched(self, event: Any) -> None:
        self._changes += 1
        if self._held is None:
            self._send_changes([event])
        else:
            self._held.append(event)

    def _send_changes(self, events: list[Any]) -> None:
        message = Protocol().create("PATCH-DOC", events)
        for payload in (message.header_json, message.metadata_json, message.content_json):
            self.send({"msg": "patch", "payload": payload})
        for buffer in message.buffers:
            self.send({"msg": "patch", "payload": json.dumps(buffer.ref)})
            self.send({"msg": "patch"}, [buffer.to_bytes()])

    def _sync_model(self, model: Any, content: dict[str, Any], buffers: list[Any]) -> None:
        if content.get("kind") == "MessageSent":
            super()._sync_model(model, content, buffers)

    def _describe(self) -> None:
        self._described = self._changes
        self.render_bundle = self._model_to_traits(self._model)

    def _ready(self, _: Any) -> None:
        if self._described != self._changes:
            self._describe()

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """The widget's state; brought up to date if all of it is asked for, as by a new page."""
        if key is None and self.comm is not None:
            self._describe()
        return super().get_state(key, drop_defaults)

    def __repr__(self) -> str:
        return "Chart()"  # BokehModel's has an id that differs from run to run


def loader() -> Loader:
    """Load Bokeh into the page; display it before the first :class:`Chart`.

    A script in a cell's output would be stored with the notebook, 1.3 MB of it; one in an Output
    widget is not. There is one for all cells: a page that is reloaded asks for every widget of the
    kernel, and gives all of them up if the answer takes long.
    """
    place = _loader()
    if place.comm is None:  # of a Widget.close_all()
        _loader.cache_clear()
        place = _loader()
    return place


class Loader(widgets.Output):
    """A script that the page runs when it appears."""

    def __init__(self, script: str) -> None:
        shown = {"application/javascript": script}
        super().__init__(outputs=({"output_type": "display_data", "data": shown, "metadata": {}},))
        self.add_class("prefault-loader")

    def __repr__(self) -> str:
        return ""  # what a notebook stores


@functools.cache
def _loader() -> Loader:
    scripts = "\n".join(_BOKEH.js_raw)
    return Loader(_LOAD.replace("VERSION", bokeh.__version__).replace("SCRIPTS", scripts))


_BOKEH = Resources(mode="inline", components=["bokeh"])
"""What a chart needs of Bokeh: no controls, tables and formulas, which are most of its 4 MB."""
_LOAD = """
if (window.Bokeh?.version !== "VERSION") (function () { SCRIPTS }).call(window)
{
    // A chart that reaches the page before Bokeh shows an error message. The order of the two is
    // not defined, so ask for those charts again once Bokeh is loaded.
    // Keys over a page map go to its playground, through a text box that nobody sees: the last
    // ones with their numbers, since of several changes at once only the last one is sent.
    if (!window.prefaultKeys) {
        window.prefaultKeys = true
        const known = ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End", "r", "w"]
        const pressed = []
        let number = 0
        document.addEventListener("keydown", (event) => {
            const map = event.target.closest?.(".prefault-keys")
            if (!map) return
            const held = event.ctrlKey || event.metaKey || event.altKey
            let key = event.key.length === 1 ? event.key.toLowerCase() : event.key
            if (key === "a" && held) key = "all"
            else if (!known.includes(key) || held) {
                // a plain letter would be a command to JupyterLab, such as to cut the cell
                if (event.key.length === 1 && !held) event.stopPropagation()
                return
            }
            event.preventDefault()
            event.stopPropagation()
            const box = map.closest(".prefault").querySelector(".prefault-keys-in input")
            pressed.push(`${++number}:${key}${event.shiftKey ? "+shift" : ""}`)
            box.value = pressed.slice(-32).join(" ")
            box.dispatchEvent(new Event("input", {bubbles: true}))
        }, true)
    }
    // A click on a map gives the keys to it; with Shift it is no choice of the notebook's cells.
    if (!window.prefaultClicks) {
        window.prefaultClicks = true
        document.addEventListener("mousedown", (event) => {
            if (!event.shiftKey || !event.target.closest?.(".prefault-maps")) return
            event.preventDefault()
            event.stopPropagation()
        }, true)
        document.addEventListener("click", (event) => {
            const page = event.target.closest?.(".prefault-maps")?.closest(".prefault")
            const keys = page?.querySelector(".prefault-keys")
            if (keys) setTimeout(() => keys.focus({preventScroll: true}), 0)
        }, true)
        // A figure that goes leaves behind what it showed under the mouse.
        document.addEventListener("pointermove", (event) => {
            const tips = [...document.querySelectorAll("body > .bk-Tooltip")].filter(
                (tip) => tip.shadowRoot?.querySelector(".prefault-tip"))
            if (event.target.closest?.(".prefault-maps")) tips.pop()
            tips.forEach((tip) => tip.remove())
        }, true)
    }
    const began = Date.now()
    const timer = setInterval(() => {
        if (Date.now() - began > 60000) clearInterval(timer)
        if (!window.Bokeh) return
        for (const page of document.querySelectorAll(".prefault"))
            if (page.querySelector(".prefault-card .jupyter-widgets-error-widget"))
                page.querySelector(".prefault-redraw").click()
    }, 500)
}
"""
