"""prefault_kit.show.trial_export: the page and the summary, both or neither, over none."""

from pathlib import Path

import pytest

from prefault_kit.measure import saved
from prefault_kit.show import trial_export
from tests.show.test_trial_page import FOUND

pytest.importorskip("jinja2")


def test_both_are_written(tmp_path: Path) -> None:
    """Beside each other, and nothing else; also a name that is no UTF-8."""
    trial_export.save(FOUND, tmp_path / "t.html")
    assert {each.name for each in tmp_path.iterdir()} == {"t.html", "t.md"}
    assert (tmp_path / "t.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "t.md").read_text().startswith("# Which advice helps python3?")


@pytest.mark.parametrize("taken", ["t.html", "t.md"])
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    """Neither of the two."""
    (tmp_path / taken).write_text("mine")
    for attempt in (trial_export.check, lambda path: trial_export.save(FOUND, path)):
        with pytest.raises(FileExistsError):
            attempt(tmp_path / "t.html")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]


def test_neither_where_the_second_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in between."""
    write = saved.write

    def fail(path: Path, text: str) -> None:
        if path.suffix == ".md":
            raise OSError(28, "no space left")
        write(path, text)

    monkeypatch.setattr(saved, "write", fail)
    with pytest.raises(OSError, match="no space left"):
        trial_export.save(FOUND, tmp_path / "t.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "t.md"])
def test_a_name_that_would_be_the_summary(name: str) -> None:
    """Refused in a sentence."""
    with pytest.raises(ValueError, match="is no name of a page"):
        trial_export.files(name)
