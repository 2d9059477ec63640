"""prefault_kit.show.plot: what the charts have in common."""

from bokeh.models import Range1d

from prefault_kit.show import plot


def test_a_bare_figure_is_as_wide_as_its_place() -> None:
    """No tools, no background: it follows the page."""
    fig = plot.bare(Range1d(0, 1), Range1d(0, 1))
    assert fig.sizing_mode == "stretch_width"
    assert fig.toolbar_location is None
    assert fig.background_fill_alpha == 0


def test_a_table_is_replaced_only_if_it_changes() -> None:
    """The page is sent nothing for the same data."""
    table = plot.source("x")
    plot.fill(table, x=[1])
    before = table.data
    plot.fill(table, x=[1])
    assert table.data is before


def test_a_name_hides_what_it_names() -> None:
    """All of it, by a click; and there are as many names as there were items."""
    fig = plot.bare(Range1d(0, 1), Range1d(0, 1))
    drawn = [fig.line([0, 1], [0, 1]), fig.scatter([0, 1], [0, 1])]
    made = plot.legend(fig, {"both": drawn})
    [legend] = fig.legend
    assert legend.click_policy == "hide"
    assert legend.items == [made["both"]]
    assert made["both"].renderers == drawn


def test_a_chart_that_zooms_lets_a_page_scroll() -> None:
    """A drag over it moves nothing until a button says so, and what shows on hovering has none."""
    fig = plot.bare(Range1d(0, 1), Range1d(0, 1))
    plot.hover(fig, fig.line([0, 1], [0, 1]))
    plot.zoomable(fig)
    assert fig.toolbar.active_drag is None
    assert [tool.visible for tool in fig.tools] == [False, True, True, True]
