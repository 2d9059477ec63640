"""tests.conftest: what this host cannot do is skipped, with the reason."""

from unittest.mock import Mock

import pytest

from tests import conftest


def test_every_name_that_a_test_needs_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the second one of a marker."""
    monkeypatch.setitem(conftest.NEEDS, "one", (lambda: True, "one thing"))
    monkeypatch.setitem(conftest.NEEDS, "another", (lambda: False, "another thing"))
    needs = pytest.mark.needs("one", "another").mark
    item = Mock(spec=pytest.Item)
    item.iter_markers.side_effect = {"needs": [needs], "browser": []}.__getitem__
    conftest.pytest_collection_modifyitems([item])
    ((skipped,), _) = item.add_marker.call_args
    assert skipped.kwargs == {"reason": "needs another thing"}
