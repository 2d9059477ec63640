"""prefault_kit.show.review_page and figures: what one attaches to a review."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.show import review_charts, review_page
from prefault_kit.studies.review import Review, Weights, Workload, measured
from tests.studies.review.made import candidate, review

WEIGHTS = Weights(tail=1.0)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Review:
    """A review of a file on disk, its directory with a name that needs care."""
    directory = tmp_path_factory.mktemp("a <b> & c")
    case = Workload(
        Backing.file(directory), size_bytes=256 * PAGE, write=0.25, afterwards="sync", repeats=2
    )
    return measured.run(case)


def test_the_page_holds_everything_and_loads_nothing(real: Review) -> None:
    """Inputs, host, every candidate, the command; not one address."""
    text = review_page.page(real, WEIGHTS)
    for each in real.candidates:
        assert each.name in text
    assert "a &lt;b&gt; &amp; c" in text
    assert "a <b> & c" not in re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert "tail=1" in text
    assert str(real.host["kernel"]) in text
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", text)


@pytest.mark.needs("chromium")
def test_the_page_opens_offline_with_its_charts(real: Review, tmp_path: Path) -> None:
    """Four charts are drawn, nothing is asked of a network, nothing complains."""
    review_page.save(real, WEIGHTS, tmp_path / "review.html")
    asked: list[str] = []
    complaints: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(offline=True, viewport={"width": 600, "height": 900})
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((tmp_path / "review.html").as_uri())
        page.wait_for_function(
            "() => window.Bokeh && Object.keys(window.Bokeh.index.roots || window.Bokeh.index)"
            ".length >= 4"
        )
        page.locator("canvas").nth(3).wait_for(state="attached")
        wide = page.evaluate("review_page.documentElement.scrollWidth")
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert complaints == []
    assert wide <= 600


def test_the_summary_is_markdown_beside_it(real: Review, tmp_path: Path) -> None:
    """With the recommendation, a row a candidate, and the command."""
    review_page.save(real, WEIGHTS, tmp_path / "review.html")
    text = (tmp_path / "review.md").read_text()
    assert text.startswith("# READ or WRITE: shared file")
    assert text.count("\n| ") >= len(review_page.rows(real, WEIGHTS))
    assert "prefault-kit review" in text


@pytest.mark.parametrize("taken", ["review.html", "review.md"])
def test_nothing_is_overwritten(real: Review, tmp_path: Path, taken: str) -> None:
    """Neither of the two, and the other is not begun."""
    (tmp_path / taken).write_text("mine")
    with pytest.raises(FileExistsError):
        review_page.save(real, WEIGHTS, tmp_path / "review.html")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]


def test_the_charts_show_what_there_is(real: Review) -> None:
    """Rows in the order of the ranking; without a sweep or a disk, no chart of either."""
    times, costs, written = review_charts.Times(), review_charts.Costs(), review_charts.Written()
    assert times.update(real, WEIGHTS)
    names = times.figure.y_range.factors[::-1]
    assert names == [row[0] for row in review_page.rows(real, WEIGHTS)]
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
