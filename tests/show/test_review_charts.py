"""prefault_kit.show.review_charts: a review as four charts."""

from dataclasses import replace

import pytest

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.show import review_charts
from prefault_kit.show.review import rows
from prefault_kit.studies.review import Review, Weights, Workload
from tests.studies.review.made import candidate, review

WEIGHTS = Weights(tail=1.0)


def test_the_charts_show_what_there_is(real: Review) -> None:
    """Rows in the order of the ranking; without a sweep or a disk, no chart of either."""
    times, costs, written = review_charts.Times(), review_charts.Costs(), review_charts.Written()
    assert times.update(real, WEIGHTS)
    names = times.figure.y_range.factors[::-1]
    assert names == [row[0] for row in rows(real, WEIGHTS)]
    assert costs.update(real, WEIGHTS)
    assert all(len(data.data["x"]) >= 6 for data in costs.curves.values())
    assert written.update(real, WEIGHTS)
    small = review(candidate("nothing", 1.0, 2.0, bytes_written_back=None))
    assert not costs.update(small, WEIGHTS)
    assert not any(data.data["x"] for data in costs.curves.values())
    assert not written.update(small, WEIGHTS)


def test_other_weights_move_the_rows() -> None:
    """The same figure, its rows in another order: nothing is measured for that."""
    slow_start = candidate("POPULATE_WRITE", 1.0, 1.0, prefault_ms=9.0)
    made = review(slow_start, candidate("nothing", 5.0, 5.0, prefault_ms=0.0))
    times = review_charts.Times()
    times.update(made, Weights())
    assert times.figure.y_range.factors == ["POPULATE_WRITE", "nothing"]
    times.update(made, Weights(startup=0.1))
    assert times.figure.y_range.factors == ["nothing", "POPULATE_WRITE"]
    assert times.bars["access_ms"].data["name"] == ["POPULATE_WRITE", "nothing"]


def test_the_latencies_fall_from_all_to_the_last_one() -> None:
    """Each curve begins at 1 and ends at the slowest access."""
    bins = [0] * 80
    bins[10], bins[20] = 999, 1
    chart = review_charts.Latencies()
    assert chart.update(review(candidate("nothing", 1.0, first_touch_bins=bins)), WEIGHTS)
    ys = list(chart.lines["nothing"].data["y"])
    assert ys[0] == 1
    assert ys == sorted(ys, reverse=True)
    assert ys[-1] == pytest.approx(0.001)


def test_dirty_pages_are_of_the_page_cache_whatever_the_backing() -> None:
    """cachestat counts small pages, of a file of huge pages too."""
    made = candidate("nothing", 1.0, 1.0, dirty_pages_after_prefault=(1 << 20) // PAGE)
    huge = Workload(Backing("hugetlbfs", 512 * PAGE, "/nowhere"), size_bytes=512 * PAGE)
    written = review_charts.Written()
    assert written.update(replace(review(made), workload=huge), WEIGHTS)
    assert written.bars["dirty after prefaulting"].data["right"] == [1.0]


def test_logarithmic_axes_have_figures_as_tables_have_them() -> None:
    """No powers of ten, on either axis."""
    chart = review_charts.Latencies()
    formats = {axis.formatter.format for axis in chart.figure.axis}
    assert formats == {"0,0.[000000]"}
