"""prefault_kit.studies.review.running: a whole review in the worker."""

import json
import os
import shlex
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import worker
from prefault_kit.memory import small_tmpfs
from prefault_kit.show.review import as_dict
from prefault_kit.studies.review import ReviewProgress, Workload, own_file, running
from prefault_kit.studies.review.candidates import CANDIDATES
from prefault_kit.studies.review.result import FRACTIONS, SWEPT

SIZE = 256 * PAGE
CASE = Workload(Backing.anon(), "private", SIZE, write=0.25, repeats=2)


def test_every_candidate_has_its_trials_or_its_reason() -> None:
    """And the sweep has each of the two at each fraction, that of the case among them."""
    told: list[ReviewProgress] = []
    found = running.run(CASE, on_progress=told.append)
    assert found.outcome == "ok"
    assert [each.name for each in found.candidates] == list(CANDIDATES)
    for each in found.candidates:
        assert (each.outcome == "ok") == (len(each.trials) == 2) == (each.message is None)
    assert set(found.sweep) == {
        (name, fraction) for name in SWEPT for fraction in {*FRACTIONS, CASE.write}
    }
    parts = [each.part for each in told]
    assert parts == sorted(parts)
    assert parts[-1] == 1
    by_name = {each.name: each for each in found.candidates}
    assert by_name["nothing"].median("bytes_dirtied_by_program") == SIZE // 4
    assert by_name["POPULATE_WRITE"].median("minor_faults") == 0
    assert json.loads(json.dumps(as_dict(found)))["outcome"] == "ok"


def test_what_does_not_fit_is_unavailable() -> None:
    """Nothing is begun."""
    found = running.run(Workload(Backing.memfd(), size_bytes=1 << 42))
    assert (found.outcome, found.candidates) == ("unavailable", ())
    assert found.message


def test_a_death_is_told_and_the_next_one_works() -> None:
    """The worker is killed in the middle."""
    with worker.Worker() as mine:

        def kill(progress: ReviewProgress) -> None:
            if mine.pid:
                os.kill(mine.pid, signal.SIGKILL)

        found = running.run(CASE, worker=mine, on_progress=kill)
        assert found.outcome == "error"
        assert "SIGKILL" in (found.message or "")
        assert running.run(CASE, worker=mine, sweep=False).outcome == "ok"


def test_a_stop_ends_it() -> None:
    """The memory is released, and nothing hangs."""
    with worker.Worker() as mine, pytest.raises(worker.WorkerStopped):
        running.run(CASE, worker=mine, on_progress=lambda _: mine.stop())


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """No candidate writes it, no fraction is swept, and the command names it."""
    path = tmp_path / "my file"
    path.write_bytes(b"x" * SIZE)
    found = running.run(Workload.of_file(path, repeats=2))
    assert found.outcome == "ok"
    assert found.sweep == {}
    assert path.read_bytes() == b"x" * SIZE
    assert shlex.split(found.command)[2:4] == ["--existing-file", str(path)]


def test_who_only_writes_is_swept_from_the_first_page_on() -> None:
    """Neither reading nor writing is no case: that fraction is left out."""
    found = running.run(replace(CASE, read=0.0, write=1.0))
    assert found.outcome == "ok", found.message
    assert {fraction for _, fraction in found.sweep} == set(FRACTIONS) - {0.0}


def test_a_file_that_is_truncated_meanwhile_is_an_error(tmp_path: Path) -> None:
    """The outcome is no "ok" in which nothing ran, and the reason is the file."""
    path = tmp_path / "mine"
    path.write_bytes(b"x" * SIZE)
    found = running.run(
        Workload.of_file(path, repeats=3), on_progress=lambda _: os.truncate(path, PAGE)
    )
    assert found.outcome == "error"
    assert "the file has been truncated to" in (found.message or "")
    assert {each.outcome for each in found.candidates} == {"error", "not-applicable"}


@pytest.mark.needs("own_mounts")
def test_a_review_in_which_no_candidate_ran_is_an_error() -> None:
    """A tmpfs that is full for each of them: the first one's reason stands for all."""
    size = 64 * PAGE
    fd = small_tmpfs.file(size // 2, size)
    try:
        case = Workload(
            Backing.file("/"), existing_file=f"/proc/{os.getpid()}/fd/{fd}", size_bytes=size,
            content="as-is", repeats=2,
        )  # fmt: skip
        found = running.run(case, methods=["POPULATE_READ", "Read"])
    finally:
        os.close(fd)
    assert found.outcome == "error"
    assert "no candidate could be measured: POPULATE_READ: " in (found.message or "")
    assert "EFAULT" in (found.message or "")


def test_what_does_not_apply_is_no_review() -> None:
    """Asked for nothing else, it ends with that."""
    found = running.run(CASE, methods=["WILLNEED"], sweep=False)
    assert found.outcome == "error"
    assert "applies" in (found.message or "")


def test_the_part_of_a_large_file_is_noted(tmp_path: Path) -> None:
    """In the record, in the answer, in the JSON object; all of a file needs no word."""
    path = tmp_path / "mine"
    with path.open("wb") as file:
        file.truncate(2 * SIZE)
    part, all_ = (
        running.run(Workload.of_file(path, size_bytes=size, repeats=2), methods=["nothing"])
        for size in (SIZE, None)
    )
    assert part.notes == (own_file.part_of(path, SIZE),)
    assert as_dict(part)["notes"] == list(part.notes)
    assert all_.notes == ()


def test_each_fraction_has_its_own_trials() -> None:
    """What the program dirtied tells which fraction a trial was of."""
    found = running.run(CASE)
    for (_, fraction), trials in found.sweep.items():
        assert [each.bytes_dirtied_by_program for each in trials] == [
            round(fraction * SIZE / PAGE) * PAGE
        ] * CASE.repeats


def test_each_candidate_has_its_own_trials() -> None:
    """What it left tells which one a trial was of."""
    found = running.run(CASE, sweep=False)
    present = {
        each.name: {trial.pages_after_prefault for trial in each.trials}
        for each in found.candidates
        if each.outcome == "ok"
    }
    assert present["nothing"] == {0}
    assert present["POPULATE_READ"] == present["POPULATE_WRITE"] == {SIZE // PAGE}
    faults = {each.name: each.median("minor_faults") for each in found.candidates}
    assert (faults["POPULATE_WRITE"], faults["POPULATE_READ"]) == (0, SIZE // PAGE // 4)


def test_the_warm_up_is_no_trial() -> None:
    """As many trials as repetitions, and the first of a process that is new is none of them."""
    heard: list[ReviewProgress] = []
    found = running.run(CASE, sweep=False, on_progress=heard.append)
    cases = sum(each.outcome == "ok" for each in found.candidates)
    assert len(heard) == cases * (1 + CASE.repeats)
    assert heard[0].words == "nothing, repetition 0 of 2"
    assert {len(each.trials) for each in found.candidates if each.outcome == "ok"} == {2}
