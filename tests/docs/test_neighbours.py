"""docs.extension.neighbours: previous and next of a promise's page."""

from __future__ import annotations

from docs.extension.neighbours import INDEX, pair
from prefault_kit.studies.promises import PROMISES

FIRST, SECOND, *_, LAST = PROMISES


def test_promises_stand_in_their_order() -> None:
    """The list comes before the first, nothing after the last, and other pages have their own."""
    assert pair(f"promises/{FIRST}") == (INDEX, f"promises/{SECOND}")
    assert pair(f"promises/{LAST}")[1] is None
    assert pair(INDEX) == pair("lessons/index") == (None, None)
