"""prefault_kit.show.markdown: a table of text."""

from prefault_kit.show import markdown


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
