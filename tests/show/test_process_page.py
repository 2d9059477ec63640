"""prefault_kit.show.process_page: a page that loads nothing, and where no name does anything."""

import re
from html.parser import HTMLParser

import pytest

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.studies.process import Diagnosis
from tests.show.test_process import HOSTILE, faults, page_map
from tests.studies.process.made import mapping, overview

pytest.importorskip("jinja2")
from prefault_kit.show.process_page import page


class Tags(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep them."""
        self.open.append(tag)
        self.attributes += attrs


def test_no_name_does_anything() -> None:
    """Of a process, a file, a place: no tag, no script, no template of theirs."""
    seen = overview(
        mapping(4, name=HOSTILE, present=2, cached=1),
        command="</title><script>alert(1)</script>",
        command_line='<img src=x onerror="1">',
        missing=(Unavailable("<b>not</b>", "<i>"),),
    )
    told = [Diagnosis("rule", "problem", f"in {HOSTILE}", {}, f"do {HOSTILE}", 1)]
    text = page(seen, told, page_map=page_map(), seen_faults=faults(), beside='"><script>.json')
    tags = Tags(text)
    assert not {"script", "img", "b", "i", "link", "iframe"} & set(tags.open)
    assert not any(name.startswith("on") or name in ("src", "href") for name, _ in tags.attributes)
    assert "{{ 7*7 }}" in text
    assert "\x1b" not in text
    text.encode()  # no surrogate is left


def test_it_loads_nothing() -> None:
    """Opens offline."""
    text = page(overview(mapping(4, present=2)), [])
    assert not re.search(r"https?://|url\(|@import", text)
    assert "Nothing is amiss, as far as is known." in text


def test_bars_are_to_scale() -> None:
    """Of the largest one, its own memory and that of files."""
    seen = overview(
        mapping(8, present=8, counts={"file": 4}), mapping(8, address=1 << 41, present=2)
    )
    widths = re.findall(r'class="(own|file)"[^>]*width: ([\d.]+)%', page(seen, []))
    assert widths == [("own", "50.00"), ("file", "50.00"), ("own", "25.00"), ("file", "0.00")]
