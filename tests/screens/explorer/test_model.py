"""prefault_kit.screens.explorer.model: choosing, running, stopping, keeping, saving; no browser."""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.host import Unavailable
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.result import Result
from prefault_kit.measure.worker import Worker
from prefault_kit.screens.explorer import job as runs
from prefault_kit.screens.explorer.form import CellForm
from prefault_kit.screens.explorer.model import Explorer
from prefault_kit.screens.model import UPDATE_S

LONG = 10_000
"""Repetitions that no test waits for."""
WAIT_S = 60


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One process for all tests, but where it is ended."""
    with Worker() as made:
        yield made


@pytest.fixture
def model(worker: Worker) -> Iterator[Explorer]:
    """A model of its own; nothing of it runs afterwards."""
    made = Explorer(worker, repeats=3)
    yield made
    made.stop()
    finish(made)


def finish(model: Explorer) -> None:
    assert model.wait(WAIT_S), model.status


def until_live(model: Explorer) -> None:
    """Wait until the job has reported a repetition."""
    seen = threading.Event()

    def look(change: Any) -> None:
        if change["new"] and change["new"].results[0].timings_ms:
            seen.set()

    model.observe(look, "live")
    assert seen.wait(WAIT_S), model.status


def test_the_first_run_shows_the_zero_page(model: Explorer) -> None:
    """One press with the defaults: every page is present, all are the zero page; three timings."""
    model.run()
    finish(model)
    assert model.result is not None
    assert model.result.outcome == "ok"
    assert len(model.result.timings_ms) == 3
    assert model.result.pages is not None
    assert model.result.pages["present"] == model.result.size_bytes // model.result.page_size_bytes
    assert model.result.pages["zero"] in (model.result.pages["present"], None)
    assert not model.failed
    assert model.status.startswith("Done in")
    assert "are present" in model.summary


def test_run_returns_at_once_and_runs_once(model: Explorer) -> None:
    """The caller goes on while it runs; pressing again changes nothing."""
    model.repeats = LONG
    model.run()
    assert model.running
    model.run()
    model.compare()
    until_live(model)
    assert model.live is not None
    assert len(model.live.results) == 1
    model.stop()
    finish(model)


def test_the_views_are_live_after_the_warm_up(model: Explorer) -> None:
    """Resident memory can be drawn long before the last repetition."""
    model.repeats = LONG
    model.run()
    until_live(model)
    assert model.live is not None
    (result,) = model.live.results
    assert isinstance(result, Result)
    assert result.outcome == "running"
    assert result.pages is not None
    assert result.pages["present"] == result.size_bytes // PAGE_SIZE_BYTES
    assert result.timings_ms
    assert result.best_ms == min(result.timings_ms)
    model.stop()
    finish(model)
    assert model.kept == ()


def test_stop_ends_the_worker_and_the_next_run_works(model: Explorer) -> None:
    """The process is gone and with it its memory, nothing is kept, and the next run works."""
    model.repeats = LONG
    model.run()
    until_live(model)
    pid = model.worker_pid
    assert pid is not None
    model.stop()
    finish(model)
    assert not os.path.exists(f"/proc/{pid}")
    assert model.status.startswith("Stopped after")
    assert (model.kept, model.live, model.running) == ((), None, False)
    model.repeats = 2
    model.run()
    finish(model)
    assert len(model.kept) == 1


def test_stop_before_the_worker_is_there(model: Explorer) -> None:
    """A stop that comes at once is not lost."""
    model.repeats = LONG
    model.run()
    model.stop()
    finish(model)
    assert not model.running
    assert model.kept == ()


def test_stop_without_a_run_does_nothing(model: Explorer) -> None:
    """The status stays as it was."""
    before = model.status
    model.stop()
    assert model.status == before


def test_compare_runs_every_method_on_offer(model: Explorer) -> None:
    """One result each, in the order of the offer; the chosen one is looked at."""
    model.backing, model.sharing, model.method = "memfd", "shared", "FALLOCATE+Read"
    offered = [option.value for option in model.offer["method"] if not option.reason]
    model.compare()
    finish(model)
    assert [result.method for result in model.kept] == offered
    assert model.result is not None
    assert model.result.method == "FALLOCATE+Read"
    assert all(len(result.phases) == 3 for result in model.kept if result.outcome == "ok")


def test_host_facts_are_collected_once_a_run(
    model: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take milliseconds: once for what is drawn meanwhile, once for the results."""
    asked: list[int] = []
    facts = runs.host.facts

    def counted() -> dict[str, object]:
        asked.append(1)
        return facts()

    monkeypatch.setattr(runs.host, "facts", counted)
    model.repeats = 200
    model.size = "64 KiB"
    model.compare()
    finish(model)
    assert len(model.kept) > 5
    assert model.changed > 1
    assert len(asked) == 2


def test_runs_are_kept_until_cleared(model: Explorer) -> None:
    """Looking at an earlier one changes the summary; clearing forgets all."""
    model.run()
    finish(model)
    model.method = "POPULATE_WRITE"
    model.run()
    finish(model)
    assert [result.method for result in model.kept] == ["POPULATE_READ", "POPULATE_WRITE"]
    assert "POPULATE_WRITE" in model.summary
    model.look_at(0)
    assert "POPULATE_READ" in model.summary
    model.look_at(7)
    assert model.shown == 0
    model.clear()
    assert (model.kept, model.shown, model.summary) == ((), -1, "")


def test_the_choice_narrows_the_methods(model: Explorer) -> None:
    """Private after FALLOCATE+POPULATE_WRITE leaves POPULATE_WRITE."""
    model.backing, model.sharing = "memfd", "shared"
    model.method = "FALLOCATE+POPULATE_WRITE"
    model.sharing = "private"
    assert model.method == "POPULATE_WRITE"
    assert "FALLOCATE" not in [option.value for option in model.offer["method"]]


@pytest.mark.parametrize("size", ["0", "-1", "lots", "4097", "9000 GiB"])
def test_a_bad_size_is_reported_before_and_at_run(model: Explorer, size: str) -> None:
    """The problem is there as soon as it is typed; Run does not crash and keeps saying it."""
    model.size = size
    assert model.problem is not None
    model.run()
    finish(model)
    assert model.failed
    assert model.status.endswith(".")
    assert "Traceback" not in model.status
    assert not model.running
    model.size = "2 MiB"
    assert model.problem is None


def test_what_the_host_cannot_run_comes_with_a_command(
    model: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is the status; the command is beside it."""
    refusal = Unavailable("no huge pages are free", "make some")
    monkeypatch.setattr("prefault_kit.measure.experiment.host.why_not", lambda **_: refusal)
    model.run()
    finish(model)
    assert (model.status, model.command) == ("No huge pages are free.", "make some")
    assert model.failed


def test_a_worker_that_is_killed_is_an_error_in_words(model: Explorer) -> None:
    """A kill from outside: the run is kept as an error, the next one works."""
    model.repeats = LONG
    model.run()
    until_live(model)
    assert model.worker_pid is not None
    os.kill(model.worker_pid, 9)
    finish(model)
    assert model.failed
    assert "SIGKILL" in model.status
    model.repeats = 2
    model.run()
    finish(model)
    assert not model.failed


def test_updates_are_few(model: Explorer) -> None:
    """However fast repetitions come, updates keep their distance."""
    began_s = time.monotonic()
    model.repeats = 500
    model.run()
    finish(model)
    most = 3 + (time.monotonic() - began_s) / UPDATE_S
    assert 1 <= model.changed <= most


def test_saved_runs_are_read_back(model: Explorer, tmp_path: Path) -> None:
    """The file is JSON; an existing one is replaced only on request."""
    path = tmp_path / "runs.json"
    assert not model.save(str(path))
    assert "no run to save" in model.status
    model.run()
    finish(model)
    assert model.save(str(path))
    assert str(path) in model.status
    before = path.read_bytes()
    json.loads(before)
    assert not model.save(str(path))
    assert "exists already" in model.status
    assert path.read_bytes() == before
    assert model.save(str(path), overwrite=True)
    assert "Replaced" in model.status


@pytest.mark.parametrize("path", ["/nowhere/at/all.json", "/proc/new.json", ""])
def test_a_path_that_cannot_be_written_is_reported(model: Explorer, path: str) -> None:
    """One sentence, no traceback, and the runs are still there."""
    model.run()
    finish(model)
    assert not model.save(path)
    assert model.failed
    assert model.status.endswith(".")
    assert len(model.kept) == 1


def test_results_are_results(model: Explorer) -> None:
    """What is kept is what the kit's other parts take."""
    model.run()
    finish(model)
    assert all(isinstance(result, Result) for result in model.kept)


@pytest.mark.parametrize("size", ["4 MiB", "a lot"])
def test_a_control_may_change_while_another_is_settled(
    model: Explorer, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    """JupyterLab handles messages of widgets in several threads: none may undo another's."""
    settled, others = CellForm.settled, []

    def meanwhile(form: CellForm) -> CellForm:
        if not others:
            others.append(threading.Thread(target=model.set_trait, args=("size", size)))
            others[0].start()
            deadline = time.monotonic() + WAIT_S
            while model.size != size and time.monotonic() < deadline:
                time.sleep(0.001)
        return settled(form)

    monkeypatch.setattr(CellForm, "settled", meanwhile)
    model.backing = "memfd"
    others[0].join(WAIT_S)
    assert not others[0].is_alive()
    assert (model.backing, model.size) == ("memfd", size)
    assert (model.problem is None) == (size == "4 MiB")
