"""prefault_kit.show.process_export: the page and its figures, both or neither, over none."""

import json
from pathlib import Path

import pytest

from prefault_kit.measure import saved
from prefault_kit.show import process_export
from tests.show.test_process import HOSTILE
from tests.studies.process.made import mapping, overview

pytest.importorskip("jinja2")
SEEN = overview(mapping(4, name=HOSTILE, present=2, cached=1), command=HOSTILE)


def test_both_are_written(tmp_path: Path) -> None:
    """And the page names the other."""
    process_export.save(tmp_path / "p.html", SEEN, [])
    assert "p.json, beside this page" in (tmp_path / "p.html").read_text()
    assert json.loads((tmp_path / "p.json").read_text())["mappings"][0]["name"] == HOSTILE


@pytest.mark.parametrize("taken", ["p.html", "p.json"])
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    """Neither of the two."""
    (tmp_path / taken).write_text("mine")
    for attempt in (process_export.check, lambda path: process_export.save(path, SEEN, [])):
        with pytest.raises(FileExistsError):
            attempt(tmp_path / "p.html")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]


def test_neither_where_the_second_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in between."""
    write = saved.write

    def fail(path: Path, text: str) -> None:
        if path.suffix == ".json":
            raise OSError(28, "no space left")
        write(path, text)

    monkeypatch.setattr(saved, "write", fail)
    with pytest.raises(OSError, match="no space left"):
        process_export.save(tmp_path / "p.html", SEEN, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "p.json"])
def test_a_name_that_would_be_the_figures(name: str) -> None:
    """Refused in a sentence."""
    with pytest.raises(ValueError, match="is no name of a page"):
        process_export.files(name)
