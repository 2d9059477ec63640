"""Pages that are exported: what each has of the one template."""

import re
from pathlib import Path

import pytest

from prefault_kit.show import page

PAGES = sorted(Path(page.__file__).parent.glob("*_page.html"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_is_of_the_one_template(path: Path) -> None:
    """Light, dark and narrow alike; a page writes blocks alone, and asks nobody for anything."""
    source = path.read_text(encoding="utf-8")
    assert source.startswith('{% extends "page.html" %}\n')
    assert "<head>" not in source
    assert not re.search(r"https?:|@import|<script|<link", source)


def test_what_is_quoted_is_escaped() -> None:
    """A title may hold anything."""
    made = page.render("page.html", title="<script>alert(1)</script>")
    assert "<title>&lt;script&gt;" in made
    assert "<script" not in made
    assert "color-scheme: light dark" in made


def test_a_page_on_paper_is_light_and_whole() -> None:
    """Whatever the reader's setting: nothing scrolls there, and no ink is on a dark ground."""
    text = (Path(page.__file__).parent / "page.html").read_text()
    paper = text.partition("@media print")[2]
    assert "color-scheme: light" in paper
    assert ".wide { overflow: visible" in paper
