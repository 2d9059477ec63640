"""docs.extension.times: the best times of one machine, by memory and method."""

from __future__ import annotations

from docs.extension import times


def test_every_kind_of_memory_has_its_times() -> None:
    """No method of the published grid is missing, and each time has its unit."""
    rows = times.rows()
    assert len(rows) == 13
    for row in rows:
        assert len(row) == 1 + len(times.METHODS)
        assert all(cell.endswith((" ms", " s")) for cell in row[1:]), row


def test_the_page_includes_the_table() -> None:
    """Under the name that docs/measured/index.md has for it."""
    [(name, text)] = times.pages().items()
    assert name == "measured/_times.md"
    assert text.startswith("| memory of 4 GiB | Read | POPULATE_READ | Write | POPULATE_WRITE |")
