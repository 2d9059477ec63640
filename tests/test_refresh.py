"""tests.refresh: what is stored when notebooks are executed."""

from nbformat import NotebookNode, v4

from tests.refresh import kept

TABLE = """| promise | memory | expected | observed | verdict |
|-|-|-|-|-|
| `a` | private anon | 1 | {anon} |
| `a` | private hugetlb | 1 | {huge} |"""
LACKING = "not testable here: no huge page is free | not-testable"


def table(anon: str, huge: str) -> list[NotebookNode]:
    text = TABLE.format(anon=anon, huge=huge)
    return [v4.new_output("execute_result", {"text/plain": text, "text/markdown": text})]


def stream(text: str) -> list[NotebookNode]:
    return [v4.new_output("stream", name="stdout", text=text)]


def test_a_row_that_this_host_cannot_show_stays_as_stored() -> None:
    """The other rows are new, in every kind of text."""
    found = kept(table("2 | differs", LACKING), table("1 | holds", "1 | holds"))
    assert found == table("2 | differs", "1 | holds")


def test_a_row_that_was_never_shown_says_so() -> None:
    """A new row has nothing to keep."""
    stored = table("1 | holds", "1 | holds")
    for kind, text in stored[0].data.items():
        stored[0].data[kind] = text.replace("`a`", "`b`")
    fresh = table("1 | holds", LACKING)
    assert kept(fresh, stored) == table("1 | holds", LACKING)


def test_a_cell_that_this_host_cannot_run_stays_as_stored() -> None:
    """%%needs printed a reason: what an able host printed is kept."""
    lacking = stream("not testable here: no huge page is free\n")
    assert kept(lacking, stream("0 2\n")) == stream("0 2\n")
    assert kept(lacking, []) == lacking
    assert kept(stream("0 3\n"), stream("0 2\n")) == stream("0 3\n")
    assert kept(stream("0 2\n"), lacking) == stream("0 2\n")
