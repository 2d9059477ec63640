"""prefault_kit.screens.widgets.chart: how Bokeh gets into the page."""

from prefault_kit.screens.widgets import chart


def test_one_loader_for_all_cells() -> None:
    """It holds 8 MB; a closed one is replaced."""
    first = chart.loader()
    assert chart.loader() is first
    first.close()
    assert chart.loader() is not first
