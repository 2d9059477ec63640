"""prefault_kit.show.comparison_page: a page that may quote anything, and loads nothing."""

import pytest

from prefault_kit.show.comparison_page import page
from prefault_kit.studies.comparison import Run, compare
from tests.studies.comparison.made import answer, grid, result, verdicts

pytest.importorskip("jinja2")
MARKUP = "<script>alert(1)</script>"


def loads_nothing(text: str) -> bool:
    """Whether a page refers to nothing else, and has no script."""
    return not any(each in text for each in ("src=", "href=", "@import", "url(", "<script", "http"))


def test_a_page_of_two_grids_has_the_intervals() -> None:
    """And says before what differs; a difference is not told by colour alone."""
    a, b = grid("a", result(1.0, 1.0, 1.0)), grid("b", result(2.0, 2.0, 2.0), thp="never")
    text = page(compare([a, b]))
    assert loads_nothing(text)
    assert '<td class="slower">\N{BLACK UP-POINTING TRIANGLE} 2.00 (2.00 to 2.00)</td>' in text
    assert text.index("unknown (A); never (B)") < text.index("2.00 (2.00 to 2.00)")
    assert "prefers-color-scheme: dark" in text


def test_of_many_grids_a_cell_has_the_ratio() -> None:
    """The rest is its tip; a summary stands above."""
    runs = [grid(str(at), result(*[1.0 + at] * 3)) for at in range(8)]
    text = page(compare(runs))
    tip = 'title="median 8.00 ms, best 8.00 ms of 3; 8.00 (8.00 to 8.00)"'
    assert f'class="slower" {tip}>\N{BLACK UP-POINTING TRIANGLE} 8.00</td>' in text
    assert "<th>within noise</th>" in text


def test_whatever_a_file_says_is_escaped() -> None:
    """Its name, and what was seen."""
    a = verdicts(MARKUP, answer(claim=MARKUP))
    b = verdicts("b", answer(claim=MARKUP, observed=MARKUP, verdict="differs"))
    text = page(compare([a, b]))
    assert loads_nothing(text)
    assert text.count("&lt;script&gt;") >= 3
    silent = Run(MARKUP, "grid", {}, (result(1.0),))
    assert loads_nothing(page(compare([silent, grid("b", result(1.0))])))
