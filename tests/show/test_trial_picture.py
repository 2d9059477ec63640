"""prefault_kit.show.trial_picture: each run of each row, in the ink of the page."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from prefault_kit.show.trial_picture import MOST_POINTS, Picture, lines, svg
from prefault_kit.studies.trial import Row, Trial
from prefault_kit.studies.trial.result import Again
from tests.studies.trial.made import FAST, PLAIN, SLOW, row, runs, trial

FOUND = trial(
    *PLAIN,
    row("POPULATE_WRITE", *FAST),
    row("HUGEPAGE", *(2 * each for each in SLOW)),
    row("flag", *SLOW),
    Row("WILLNEED", "not-applicable", "it is for files alone"),
    again=[Again("POPULATE_WRITE", runs(FAST), runs(SLOW))],
)
SVG = "{http://www.w3.org/2000/svg}"


def parsed(found: Trial) -> ElementTree.Element:
    """The picture as XML, which it has to be."""
    return ElementTree.fromstring(svg(found))


def test_every_run_is_a_point_and_every_row_has_its_median() -> None:
    """In the order of the table; what did not run is left out; what was run again follows."""
    drawn = parsed(FOUND)
    assert len(drawn.findall(f".//{SVG}circle")) == 6 * 5
    names = [each.text for each in drawn.findall(f"{SVG}g/{SVG}text")]
    assert names == [
        "nothing", "traced", "POPULATE_WRITE", "flag", "HUGEPAGE", "POPULATE_WRITE, again",
    ]  # fmt: skip
    medians = [
        (each.text or "").rpartition(": ")[2] for each in drawn.findall(f"{SVG}g/{SVG}title")
    ]
    assert medians == ["100 ms", "100 ms", "50.0 ms", "100 ms", "200 ms", "50.0 ms"]


def test_colours_say_what_the_intervals_say() -> None:
    """Faster, slower, noise, and the program as it is, four different ones."""
    colours = {each.label: each.colour for each in lines(FOUND)}
    four = [colours[name] for name in ("nothing", "POPULATE_WRITE", "HUGEPAGE", "flag")]
    assert len(set(four)) == 4
    assert colours["traced"] == colours["nothing"]
    assert colours["POPULATE_WRITE, again"] == colours["POPULATE_WRITE"]


def test_an_interval_is_of_the_median() -> None:
    """By the ratio to the base; of few runs, which have none, there is no bar."""
    by = {each.label: each for each in lines(FOUND)}
    assert by["nothing"].interval is None
    low, high = by["POPULATE_WRITE"].interval or (0, 0)
    assert low <= by["POPULATE_WRITE"].median <= high
    few = trial(*(row(each.name, 3.0, 4.0) for each in PLAIN), row("HUGEPAGE", 1.0, 2.0))
    assert {each.interval for each in lines(few)} == {None}


def test_a_row_has_points_without_end_and_the_picture_has_not() -> None:
    """Some of them stand for all."""
    many = trial(row("nothing", *SLOW * 1000), row("traced", *SLOW))
    assert len(parsed(many).findall(f".//{SVG}circle")) <= MOST_POINTS + 5


@pytest.mark.parametrize(
    "found",
    [
        trial(),
        trial(Row("nothing", "error", "it failed")),
        trial(*PLAIN, measure="ready_ms"),
    ],
    ids=["no rows", "all failed", "no such time"],
)
def test_no_times_no_picture(found: Trial) -> None:
    """And a notebook shows nothing."""
    assert svg(found) == ""
    assert Picture(found)._repr_svg_() is None


def test_a_notebook_that_was_not_run_has_an_image_or_a_text() -> None:
    """JupyterLab shows no SVG element of such a notebook, but the words in it as a heap."""
    shown = Picture(FOUND)
    assert not hasattr(shown, "_repr_html_")
    assert "currentColor" not in (shown._repr_svg_() or "currentColor")
    head, *rest = repr(shown).splitlines()
    assert head == "wall time, median"
    assert [each.partition(":")[0] for each in rest] == [each.label for each in lines(FOUND)]


def test_times_of_nothing() -> None:
    """All at 0: a picture all the same."""
    assert parsed(trial(row("nothing", 0.0, 0.0), row("traced", 0.0, 0.0))).findall(f"{SVG}g")


def test_names_are_harmless() -> None:
    """Markup, control characters and a name without end."""
    name = "<script>alert(1)</script>\x1b]0;" + "x" * 10_000
    drawn = svg(trial(*PLAIN, row(name, *SLOW)))
    assert "<script" not in drawn and "\x1b" not in drawn and len(drawn) < 20_000
    ElementTree.fromstring(drawn)


def test_it_takes_the_ink_of_its_page() -> None:
    """No black and no white of its own: right in light and in dark."""
    assert not re.search(r"#000|#fff|black|white", svg(FOUND))
    assert "currentColor" in svg(FOUND)
