"""What the charts have in common: colours, a bare figure, hovering, following the theme.

Colours of axes and text come from the page's CSS (``--bk-...`` variables), so they follow the
theme; in a page without them they are grey. The data colours are those of the palette that keep a
contrast of 3 to 1 on white and on black.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    CustomJS,
    FixedTicker,
    GlyphRenderer,
    HoverTool,
    Legend,
    LegendItem,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
)
from bokeh.plotting import figure

from prefault_kit.show.palette import BLUE, GREEN, GREY, PURPLE, VERMILLION

SHARE_COLORS = {
    "zero": GREY,
    "clean": BLUE,
    "dirty": VERMILLION,
    "anonymous": GREEN,
    "huge": PURPLE,
}
COUNT_COLORS = {
    "cached": GREY,
    "dirty": VERMILLION,
    "writeback": PURPLE,
    "minor_faults": BLUE,
}
HATCHED = ("zero", "writeback")
"""Shares and counts that a hatch distinguishes as well."""
HATCH = {
    "hatch_color": "#ffffff",
    "hatch_alpha": 0.55,
    "hatch_scale": 7,
    "hatch_weight": 1.2,
}

ROW_PX = 22
TALL_ROW_PX = 36
"""A row whose label has a second line."""
MARGIN_PX = 64
"""What a chart of rows needs besides its rows: the axis and its label."""
HEIGHT_PX = 250
COLUMN_PX = 150
"""A column of a legend."""

_TIP = '<div class="prefault-tip">@tip{safe}</div>'

_FOLLOW_THEME = """
    // once a figure, when it is laid out: repaint it when JupyterLab or the site changes its theme
    if (fig.tags.includes("follows-theme")) return
    fig.tags.push("follows-theme")
    const paint = () => {
        const ink = getComputedStyle(document.body).getPropertyValue("--jp-ui-font-color1").trim()
        for (const text of texts) text.text_color = {value: ink || grey}
        fig.properties.background_fill_color.change.emit()
        for (const renderer of fig.renderers) renderer.data_source.change.emit()
    }
    const observer = new MutationObserver(() => { paint(); setTimeout(paint, 500) })
    const attributes = ["data-jp-theme-light", "data-jp-theme-name", "data-theme"]
    observer.observe(document.body, {attributeFilter: attributes})
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint)
    paint()
"""
_FIT = """
    const columns = Math.max(1, Math.min(names.items.length, Math.floor(this.inner_width / width)))
    if (names.ncols !== columns) names.ncols = columns
"""


def bare(x: Range1d, y: Range1d, **options: Any) -> figure:
    """A figure without decoration that fills the width of its container."""
    fig = figure(
        x_range=x,
        y_range=y,
        height=HEIGHT_PX,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border_top=8,
        min_border_bottom=8,
        min_border_right=12,
        **options,
    )
    fig.axis.axis_line_color = GREY
    fig.axis.major_tick_line_color = None
    fig.axis.minor_tick_line_color = None
    fig.axis.major_label_text_color = GREY
    fig.axis.axis_label_text_color = GREY
    fig.axis.axis_label_text_font_style = "normal"
    fig.grid.grid_line_color = GREY
    fig.grid.grid_line_alpha = 0.2
    return fig


def in_plain_figures(axis: Any) -> None:
    """Label a logarithmic axis 0.01, 1, 1,000 and so on, as a table has them, without powers."""
    axis.formatter = NumeralTickFormatter(format="0,0.[000000]")


def follow_theme(fig: figure, *texts: Any) -> None:
    """Repaint the figure, and its text glyphs in the page's ink, when the theme changes."""
    code = CustomJS(args={"fig": fig, "texts": list(texts), "grey": GREY}, code=_FOLLOW_THEME)
    fig.js_on_change("inner_width", code)


def hover(fig: figure, *renderers: Any) -> None:
    """Show the column ``tip`` of the glyph under the mouse."""
    fig.add_tools(HoverTool(renderers=list(renderers), tooltips=_TIP, visible=False))


def legend(fig: figure, items: Mapping[str, Sequence[GlyphRenderer]]) -> dict[str, LegendItem]:
    """Names above a figure; a click on one hides what it names, and shows it again."""
    made = {name: LegendItem(label=name, renderers=list(each)) for name, each in items.items()}
    names = Legend(
        items=list(made.values()),
        orientation="horizontal",
        background_fill_alpha=0,
        border_line_color=None,
        inactive_fill_color=GREY,
        inactive_fill_alpha=0.3,
        label_text_color=GREY,
        label_text_font_size="11px",
        label_standoff=4,
        glyph_width=14,
        glyph_height=14,
        spacing=8,
        padding=0,
        click_policy="hide",
    )
    fig.add_layout(names, "above")
    # as many columns as there is room for
    fit = CustomJS(args={"names": names, "width": COLUMN_PX}, code=_FIT)
    fig.js_on_change("inner_width", fit)
    return made


def zoomable(fig: figure) -> None:
    """Add buttons that zoom by dragging and move back. None is active at first: a finger that
    scrolls the page moves no chart."""
    fig.add_tools(BoxZoomTool(), PanTool(), ResetTool())
    fig.toolbar.active_drag = None
    fig.toolbar.logo = None
    fig.toolbar_location = "above"


def source(*columns: str) -> ColumnDataSource:
    """An empty table with these columns."""
    return ColumnDataSource({column: [] for column in columns})


def fill(table: ColumnDataSource, **columns: list[Any]) -> None:
    """Replace the data of a table, unless it is the same."""
    if dict(table.data) != columns:
        table.data = columns


class NamedTicks:
    """Ticks of an axis at 0, 1, 2... that are labelled with names."""

    def __init__(self, axis: Any) -> None:
        self._axis = axis
        self._ticker = axis.ticker = FixedTicker(ticks=[])

    def name(self, labels: Sequence[str]) -> None:
        """Set the labels."""
        self._axis.major_label_overrides = dict(enumerate(labels))
        self._ticker.ticks = list(range(len(labels)))
