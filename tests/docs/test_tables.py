"""docs.extension.tables: the page of a kernel, the word for a verdict, lists on a telephone."""

from __future__ import annotations

from docutils import nodes
from docutils.core import publish_doctree

from docs.extension.tables import address, mark, name_cells
from prefault_kit.studies.kernels.recorded import find, of_the_kit


def test_a_kernel_keeps_its_page() -> None:
    """It is that of the series, of whatever is recorded of it, and of the processor."""
    records = of_the_kit()
    assert address(find(records, "6.1")) == "kernels/6.1"
    assert address(find(records, "6.12-16k")) == "kernels/6.12-16k-aarch64"


def test_a_list_names_its_cells() -> None:
    """Those that have something in them, and of tables of this kind alone."""
    document = publish_doctree(
        ".. container:: stacked\n\n   == ==\n   a  b\n   == ==\n   1\n   2  3\n   == ==\n"
        "\n== ==\nc  d\n== ==\n4  5\n== ==\n"
    )
    name_cells(None, document, "")
    cells = [cell.astext() for row in document.findall(nodes.row) for cell in row]
    assert cells == ["a", "b", "a: 1", "", "a: 2", "b: 3", "c", "d", "4", "5"]


def test_a_verdict_has_its_class() -> None:
    """Which is one word."""
    assert mark("not testable", "-") == "[-]{.not-testable}"
