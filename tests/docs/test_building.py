"""docs.extension.building: what Sphinx reads, and a build that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.extension import building


def test_the_source_is_what_is_written_and_what_is_made(tmp_path: Path) -> None:
    """And nothing of it is put into ``docs/``."""
    before = sorted(building.DOCS.rglob("*.md"))
    building.write(tmp_path)
    for name in ("index.md", "explorer.png", "_readme.md", "lessons/explorer.ipynb",
                 "promises/error-efault.md", "kernels/_truth.md"):  # fmt: skip
        assert (tmp_path / name).stat().st_size
    assert sorted(building.DOCS.rglob("*.md")) == before


def test_a_build_that_fails_leaves_the_site_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its status is that of Sphinx."""
    monkeypatch.setattr(building, "build_main", lambda _: 2)
    (site := tmp_path / "site").mkdir()
    (site / "index.html").write_text("before")
    assert building.build(tmp_path / "passing", site) == 2
    assert (site / "index.html").read_text() == "before"
