"""prefault_kit.screens.widgets.text: what screens say, escaped."""

from prefault_kit.screens.options import Option, Problem
from prefault_kit.screens.widgets import text

EVIL = "<i>&"


def test_nothing_is_taken_for_html() -> None:
    """Messages have paths and names in them."""
    for said in (
        text.status(EVIL, EVIL, running=True, failed=False, fraction=0.5),
        text.problem(Problem(EVIL, EVIL)),
        text.refused({"backing": [Option(EVIL, EVIL, EVIL)]}),
        text.card(EVIL, EVIL),
        text.note(EVIL),
        text.heading(EVIL),
    ):
        assert EVIL not in said
        assert "&lt;i&gt;&amp;" in said.lower()


def test_a_bar_while_something_runs() -> None:
    """And none afterwards."""
    running = text.status("Running.", "", running=True, failed=False, fraction=0.5)
    assert "width:50.0%" in running
    assert "bar" not in text.status("Done.", "", running=False, failed=False, fraction=1.0)


def test_one_reason_is_said_once() -> None:
    """For all that it greys out; nothing is said where nothing is."""
    said = text.refused(
        {"backing": [Option("a", "none"), Option("b", "none"), Option("c")]}, {"backing": " files"}
    )
    assert said.count("None.") == 1
    assert "a files, b files" in said
    assert text.refused({"backing": [Option("c")]}) == ""
    assert text.problem(None) == ""
