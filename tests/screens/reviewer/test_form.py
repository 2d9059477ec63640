"""prefault_kit.screens.reviewer.form: what is on offer, and what stops a workload."""

from pathlib import Path

import pytest

from prefault_kit.screens.reviewer.form import OWN_FILE, WorkloadForm


@pytest.mark.parametrize(
    ("backing", "contents", "endings"),
    [
        ("anon", ("hole",), ("nothing", "sync")),
        ("memfd", ("hole", "fallocated", "large-chunks", "small-chunks"), ("nothing", "sync")),
        ("hugetlbfs", ("hole",), ("nothing", "sync")),
        (
            "file",
            ("hole", "fallocated", "large-chunks", "small-chunks", "cold"),
            ("nothing", "sync", "evict"),
        ),
        (OWN_FILE, ("cold", "as-is"), ("nothing", "evict")),
    ],
)
def test_what_makes_no_sense_is_not_on_offer(
    backing: str, contents: tuple[str, ...], endings: tuple[str, ...]
) -> None:
    """Only a disk file can be cold or evicted; the user's file is neither filled nor synced."""
    form = WorkloadForm(backing=backing)
    assert (form.contents(), form.endings()) == (contents, endings)


def test_a_choice_that_went_away_is_replaced() -> None:
    """Cold data of a file, then anonymous memory: a hole."""
    settled = WorkloadForm(backing="anon", content="cold", afterwards="evict").settled()
    assert (settled.content, settled.afterwards) == ("hole", "nothing")
    assert WorkloadForm(backing=OWN_FILE, content="hole").settled().content == "as-is"


def test_a_file_of_ones_own_is_never_written(tmp_path: Path) -> None:
    """Whatever was to be written before; its size is the file's, in whole pages."""
    own = tmp_path / "mine"
    own.write_bytes(b"x" * 5000)
    form = WorkloadForm(backing=OWN_FILE, existing_file=str(own), read=0.0, write=1.0).settled()
    load = form.workload()
    assert (load.read, load.write, load.size_bytes) == (1.0, 0.0, 8192)
    assert form.problem() is None


def test_problems_are_sentences(tmp_path: Path) -> None:
    """No file, no size, no room: a sentence each."""
    unnamed = WorkloadForm(backing=OWN_FILE).settled().problem()
    assert unnamed is not None
    assert "enter the path of the file" in unnamed.reason
    nowhere = str(tmp_path / "None")
    missing = WorkloadForm(backing=OWN_FILE, existing_file=nowhere).settled().problem()
    assert missing is not None
    assert f"cannot read {nowhere}: no such file" in missing.reason
    wrong = WorkloadForm(size="a lot", directory=str(tmp_path)).problem()
    assert wrong is not None
    assert "is not a size" in wrong.reason
    much = WorkloadForm(size="900000 GiB", directory=str(tmp_path)).problem()
    assert much is not None


def test_each_backing_is_judged_at_one_page() -> None:
    """A size that is too large refuses the workload, not every backing."""
    offered = {
        each.value: each.reason for each in WorkloadForm(size="900000 GiB").offer()["backing"]
    }
    assert offered["anon"] is None
    assert offered[OWN_FILE] is None
