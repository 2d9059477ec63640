"""prefault_kit.screens.widgets.chart: how Bokeh gets into the page."""

from bokeh.plotting import figure

from prefault_kit.screens.widgets import chart


def test_one_loader_for_all_cells() -> None:
    """It holds 1.3 MB; a closed one is replaced."""
    first = chart.loader()
    assert chart.loader() is first
    first.close()
    assert chart.loader() is not first


def test_a_notebook_stores_nothing_of_it() -> None:
    """The script is in the widget alone, and it is no larger than charts need."""
    loader = chart.loader()
    assert repr(loader) == ""
    [output] = loader.outputs
    script = output["data"]["application/javascript"]
    assert 1_000_000 < len(script) < 2_000_000


def test_a_closed_chart_may_be_closed_again() -> None:
    """As it is when it is collected: without a complaint."""
    made = chart.Chart(figure())
    made.close()
    made.close()
    assert made.comm is None
