"""prefault_kit.show.trace_export: the page and its figures, both or neither, over none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefault_kit.measure import saved
from prefault_kit.show import trace_export
from tests.show.test_trace import SEEN

pytest.importorskip("jinja2")


def test_an_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files or neither, over none."""
    trace_export.save(tmp_path / "t.html", SEEN)
    found = json.loads((tmp_path / "t.json").read_text())
    assert (found["faults"], len(found["mappings"])) == (5, 2)
    assert found["mappings"][0]["number"] == 1
    with pytest.raises(FileExistsError):
        trace_export.check(tmp_path / "t.html")
    with pytest.raises(ValueError, match="no name of a page"):
        trace_export.check(tmp_path / "t.json")
    write = saved.write

    def fail(path: Path, text: str) -> None:
        if path.suffix == ".json":
            raise OSError(28, "no space left")
        write(path, text)

    monkeypatch.setattr(saved, "write", fail)
    with pytest.raises(OSError, match="no space left"):
        trace_export.save(tmp_path / "u.html", SEEN)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["t.html", "t.json"]
