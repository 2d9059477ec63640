"""prefault_kit.studies.review.result: medians of trials, and the command that repeats a review."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review import CandidateResult, Workload
from tests.studies.review.made import candidate, review, trial


def test_medians_of_counts_are_counts_and_none_is_left_out() -> None:
    """The lower middle one of an even number, so that it was seen; None where nothing was."""
    trials = tuple(trial(minor_faults=faults, access_ms=ms) for faults, ms in ((1, 1.0), (4, 2.0)))
    made = CandidateResult("nothing", "ok", None, trials)
    assert (made.median("minor_faults"), made.median("access_ms")) == (1, 1.5)
    assert made.median("sync_ms") is None


def test_amplification_is_of_what_the_program_dirtied() -> None:
    """None where it dirtied nothing, or where nothing is known of what was written."""
    wrote = {"bytes_written_back": 8 * PAGE}
    assert (
        candidate("nothing", 1.0, bytes_dirtied_by_program=2 * PAGE, **wrote).write_amplification
        == 4
    )
    assert candidate("nothing", 1.0, **wrote).write_amplification is None
    unknown = {"bytes_dirtied_by_program": PAGE, "bytes_written_back": None}
    assert candidate("nothing", 1.0, **unknown).write_amplification is None


def test_why_there_is_no_figure_is_one_sentence() -> None:
    """The candidate's name stands in it once."""
    assert candidate("nothing", 1.0).sentence == ""
    failed = CandidateResult("POPULATE_WRITE", "error", "Cannot allocate memory (ENOMEM)")
    assert failed.sentence == "POPULATE_WRITE: Cannot allocate memory (ENOMEM)"
    named = CandidateResult("WILLNEED", "not-applicable", "WILLNEED reads ahead from a disk")
    assert named.sentence == "WILLNEED reads ahead from a disk"


def test_a_candidate_is_found_by_its_name() -> None:
    """The one that was asked for."""
    made = review(candidate("nothing", 1.0), candidate("Read", 2.0))
    assert made.candidate("Read") is made.candidates[1]
    with pytest.raises(StopIteration):
        made.candidate("Write")


def test_the_command_repeats_the_case(tmp_path: Path) -> None:
    """With the size, also for a part of one's own file."""
    path = tmp_path / "my file"
    path.write_bytes(bytes(4 * PAGE))
    made = replace(review(), workload=Workload.of_file(path, size_bytes=2 * PAGE))
    words = shlex.split(made.command)
    assert words[2:6] == ["--existing-file", str(path), "--size", str(2 * PAGE)]
    own = replace(review(), workload=Workload(Backing.file(tmp_path), size_bytes=PAGE))
    assert f"--backing file --dir {tmp_path} --size {PAGE}" in own.command
