"""prefault_kit.show.review_export: both files or neither, and never over another."""

import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefault_kit.show import review_export
from prefault_kit.studies.review import Review, Weights
from prefault_kit.studies.review.trial import BINS
from tests.studies.review.made import candidate, review

WEIGHTS = Weights()


@pytest.fixture
def small() -> Review:
    """One that needs no measuring."""
    return review(candidate("nothing", 1.0, 2.0, first_touch_bins=[1] * BINS))


@pytest.mark.parametrize("taken", ["review.html", "review.md"])
def test_nothing_is_overwritten(small: Review, tmp_path: Path, taken: str) -> None:
    """Neither of the two, and the other is not begun; also where it leads nowhere."""
    (tmp_path / taken).write_text("mine")
    for attempt in (review_export.check, lambda path: review_export.save(small, WEIGHTS, path)):
        with pytest.raises(FileExistsError) as caught:
            attempt(tmp_path / "review.html")
        assert caught.value.filename == str(tmp_path / taken)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]
    (tmp_path / taken).unlink()
    (tmp_path / taken).symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        review_export.check(tmp_path / "review.html")


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    """Trying leaves nothing."""
    review_export.check(tmp_path / "review.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["none/review.html", "file/review.html", "x" * 256, "x" * 253])
def test_a_place_that_cannot_is_found_out(tmp_path: Path, name: str) -> None:
    """No directory, a file in its place, a name too long for the page or for the summary."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError) as caught:
        review_export.check(tmp_path / name)
    assert str(caught.value.filename).startswith(str(tmp_path / name))
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.fixture
def closed_directory() -> Iterator[Path]:
    """One that anybody may look into and only its owner may change."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o555)
        yield Path(name)
        os.chmod(name, 0o755)


def test_a_directory_that_is_not_writable_is_found_out(
    closed_directory: Path, ordinary_user: None
) -> None:
    """The error names the page, not what was tried."""
    with pytest.raises(PermissionError) as caught:
        review_export.check(closed_directory / "review.html")
    assert caught.value.filename == str(closed_directory / "review.html")


@pytest.mark.parametrize("path", ["review.md", "", "."])
def test_a_name_that_is_no_page_is_refused(path: str) -> None:
    """It says what to name."""
    with pytest.raises(ValueError, match=r"name the page, such as review\.html"):
        review_export.files(path)


def test_a_full_disk_leaves_neither_file(
    small: Review, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of the size of files stands for it; the next try is not in the way of this one."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # what is imported now would be cut too
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            review_export.save(small, WEIGHTS, tmp_path / "review.html")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / "review.html")
    assert list(tmp_path.iterdir()) == []
    review_export.save(small, WEIGHTS, tmp_path / "review.html")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["review.html", "review.md"]


def test_a_second_file_that_fails_takes_the_first_with_it(
    small: Review, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Someone makes a file of that name at the last moment."""
    link = os.link

    def racing(source: Path, target: Path) -> None:
        if target.suffix == ".md":
            target.write_text("theirs")
        link(source, target)

    monkeypatch.setattr(os, "link", racing)
    with pytest.raises(FileExistsError):
        review_export.save(small, WEIGHTS, tmp_path / "review.html")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"review.md": "theirs"}


def test_both_have_the_usual_permissions(small: Review, tmp_path: Path) -> None:
    """Those that the umask gives, for others are to read them."""
    before = os.umask(0o022)
    try:
        review_export.save(small, WEIGHTS, tmp_path / "review.html")
    finally:
        os.umask(before)
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o644}


def test_a_name_that_is_not_utf_8_is_shown_escaped(small: Review, tmp_path: Path) -> None:
    """The page is UTF-8 all the same."""
    odd = os.fsdecode(b"\xff")
    noted = Review(small.workload, "ok", candidates=small.candidates, notes=(f"of {odd}",))
    review_export.save(noted, WEIGHTS, tmp_path / "review.html")
    assert r"of \xff" in (tmp_path / "review.html").read_text(encoding="utf-8")
