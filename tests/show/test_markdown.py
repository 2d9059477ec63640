"""prefault_kit.show.markdown: a table of text."""

import mistune
import pytest

from prefault_kit.show import markdown

ODD = (
    "<b>x</b> & c",
    "*x* _y_ `z`",
    "[a](b)",
    "``a` b",
    "a\\*b*",
    "~~a~~",
    "POPULATE_READ",
    "&lt;",
)


def test_a_table() -> None:
    """A line for the heads, one below them, one a row."""
    text = markdown.table(("way", "ms"), [("touch", "1.5"), ("populate", "1.0")])
    assert text == "| way | ms |\n|-|-|\n| touch | 1.5 |\n| populate | 1.0 |"


def test_a_table_without_rows() -> None:
    """Its heads alone."""
    assert markdown.table(("way",), []) == "| way |\n|-|"


def test_what_a_cell_holds_ends_neither_it_nor_its_row() -> None:
    """A bar is escaped, a line end is a blank."""
    assert markdown.table(("a\nb",), []) == "| a b |\n|-|"
    assert markdown.table(("a|b",), [("|",)]) == "| a\\|b |\n|-|\n| \\| |"


@pytest.mark.parametrize("text", ODD)
def test_escaped_text_is_rendered_as_it_stands(text: str) -> None:
    """No HTML, no emphasis, no link."""
    shown = mistune.escape(text).replace("&quot;", '"')
    assert mistune.html(markdown.escape(text)) == f"<p>{shown}</p>\n"


@pytest.mark.parametrize("text", [*ODD, "`", "``"])
def test_code_is_rendered_as_it_stands(text: str) -> None:
    """Backticks within it too."""
    shown = mistune.escape(text).replace("&quot;", '"')
    assert mistune.html(markdown.code(text)) == f"<p><code>{shown}</code></p>\n"
