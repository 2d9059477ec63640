"""Previous and next of the promises, which are too many for the tree of pages.

Every page has the whole tree beside it: with each promise in it the site would take twice as long
to build.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from prefault_kit.studies.promises import PROMISES

INDEX = "promises/index"


def pair(name: str) -> tuple[str | None, str | None]:
    """The pages before and after a promise's page; None for a page that is none."""
    order = [INDEX, *(f"promises/{each}" for each in PROMISES), None]
    if name not in order[1:-1]:
        return None, None
    here = order.index(name)
    return order[here - 1], order[here + 1]


def add(app: Sphinx, name: str, _: str, context: dict[str, Any], __: object) -> None:
    """Give a promise's page its neighbours; what Sphinx calls for each page."""
    for side, page in zip(("prev", "next"), pair(name), strict=True):
        if page:
            link = app.builder.get_relative_uri(name, page)
            context[side] = {"link": link, "title": app.env.titles[page].astext()}
