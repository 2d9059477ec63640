"""prefault_kit.show.review_page: what one attaches to a review."""

import re
from pathlib import Path
from typing import Any

import mistune
import pytest

from prefault_kit.show import review_export, review_page
from prefault_kit.show.review import rows
from prefault_kit.studies.review import Review, Weights

WEIGHTS = Weights(tail=1.0)


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


@pytest.mark.browser
def test_the_page_opens_offline_with_its_charts(
    real: Review, tmp_path: Path, chromium: Any
) -> None:
    """Four charts are drawn, nothing is asked of a network, nothing complains."""
    review_export.save(real, WEIGHTS, tmp_path / "review.html")
    asked: list[str] = []
    complaints: list[str] = []
    context = chromium.new_context(offline=True, viewport={"width": 600, "height": 900})
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "review.html").as_uri())
    page.wait_for_function(
        "() => window.Bokeh && Object.keys(window.Bokeh.index.roots || window.Bokeh.index)"
        ".length >= 4"
    )
    page.locator("canvas").nth(3).wait_for(state="attached")
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert complaints == []
    assert wide <= 600


def test_the_summary_is_markdown_beside_it(real: Review, tmp_path: Path) -> None:
    """With the recommendation, a row a candidate, and the command."""
    review_export.save(real, WEIGHTS, tmp_path / "review.html")
    text = (tmp_path / "review.md").read_text()
    assert text.startswith("# READ or WRITE: shared file")
    assert text.count("\n| ") >= len(rows(real, WEIGHTS))
    assert "prefault-kit review" in text


def test_a_directory_s_name_is_text_in_the_summary(real: Review) -> None:
    """Rendered, there is no element of that name, and the command is there to copy."""
    text = review_page.markdown(real, WEIGHTS)
    rendered = mistune.create_markdown(plugins=["table"], escape=False)(text)
    assert isinstance(rendered, str)
    assert "<b>" not in rendered
    assert "a &lt;b&gt; &amp; c" in rendered
    assert "a <b> & c" in text
