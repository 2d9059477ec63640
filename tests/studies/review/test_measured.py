"""prefault_kit.studies.review.measured: a whole review in the worker."""

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
from prefault_kit.show.review import as_dict
from prefault_kit.studies.review import Workload, measured
from prefault_kit.studies.review.candidates import CANDIDATES
from prefault_kit.studies.review.measured import FRACTIONS, SWEPT, Progress

SIZE = 256 * PAGE
CASE = Workload(Backing.anon(), "private", SIZE, write=0.25, repeats=2)


def test_every_candidate_has_its_trials_or_its_reason() -> None:
    """And the sweep has each of the two at each fraction, that of the case among them."""
    told: list[Progress] = []
    found = measured.run(CASE, on_progress=told.append)
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
    found = measured.run(Workload(Backing.memfd(), size_bytes=1 << 50))
    assert (found.outcome, found.candidates) == ("unavailable", ())
    assert found.message


def test_a_death_is_told_and_the_next_one_works() -> None:
    """The worker is killed in the middle."""
    with worker.Worker() as mine:

        def kill(progress: Progress) -> None:
            if mine.pid:
                os.kill(mine.pid, signal.SIGKILL)

        found = measured.run(CASE, worker=mine, on_progress=kill)
        assert found.outcome == "error"
        assert "SIGKILL" in (found.message or "")
        assert measured.run(CASE, worker=mine, sweep=False).outcome == "ok"


def test_a_stop_ends_it() -> None:
    """The memory is released, and nothing hangs."""
    with worker.Worker() as mine, pytest.raises(worker.WorkerStopped):
        measured.run(CASE, worker=mine, on_progress=lambda _: mine.stop())


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """No candidate writes it, no fraction is swept, and the command names it."""
    path = tmp_path / "my file"
    path.write_bytes(b"x" * SIZE)
    found = measured.run(Workload.of_file(path, repeats=2))
    assert found.outcome == "ok"
    assert found.sweep == {}
    assert path.read_bytes() == b"x" * SIZE
    assert shlex.split(found.command)[2:4] == ["--existing-file", str(path)]


def test_who_only_writes_is_swept_from_the_first_page_on() -> None:
    """Neither reading nor writing is no case: that fraction is left out."""
    found = measured.run(replace(CASE, read=0.0, write=1.0))
    assert found.outcome == "ok", found.message
    assert {fraction for _, fraction in found.sweep} == set(FRACTIONS) - {0.0}


def test_why_there_is_no_figure_is_one_sentence() -> None:
    """The candidate's name stands in it once."""
    ran = {each.name: each for each in measured.run(CASE, sweep=False).candidates}
    assert ran["WILLNEED"].sentence.count("WILLNEED") == 1
    assert ran["nothing"].sentence == ""
    failed = measured.Candidate("POPULATE_WRITE", "error", "Cannot allocate memory (ENOMEM)")
    assert failed.sentence == "POPULATE_WRITE: Cannot allocate memory (ENOMEM)"
