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
