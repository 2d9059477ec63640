"""prefault_kit.show.trace_page: a page that may quote anything."""

from __future__ import annotations

import pytest

from prefault_kit.show import trace_page
from prefault_kit.studies.trace.comparison import compare
from tests.show.test_trace import SEEN
from tests.studies.trace.made import trace

pytest.importorskip("jinja2")


def test_a_page_escapes_whatever_it_quotes() -> None:
    """And loads nothing."""
    found = trace_page.page(SEEN, compare(SEEN, SEEN), beside="a.json")
    assert "<script" not in found
    assert "a.json, beside this page" in found
    for words in ("src=", "href=", "@import", "url("):
        assert words not in found
    assert "files: 100% of what was touched now" in found
    assert trace_page.page(trace()).count("<svg") == 0
