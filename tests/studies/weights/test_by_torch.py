"""prefault_kit.studies.weights.by_torch: torch's mapping is memory like any other."""

import os
from pathlib import Path

import pytest

from prefault_kit.studies.weights import by_torch


def test_what_torch_maps_can_be_populated(disk_directory: Path) -> None:
    """Private, the file's until it is written; populated, its use takes no fault."""
    if missing := by_torch.why_not():
        pytest.skip(missing.reason)
    found = by_torch.look(str(disk_directory))
    assert found.permissions == "rw-p"
    assert found.lazy_faults > 0
    assert found.populated_faults == 0
    assert (found.own_pages, found.own_pages_written) == (0, 1)
    assert os.listdir(disk_directory) == []


def test_without_torch_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that brings it."""
    monkeypatch.setattr(by_torch.importlib.util, "find_spec", lambda name: None)
    missing = by_torch.why_not()
    assert missing is not None
    assert missing.command == "pip install torch"
