"""prefault_kit.screens.reviewer.model: a review from a script."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.worker import Worker
from prefault_kit.screens.reviewer import Reviewer
from prefault_kit.screens.reviewer.form import OWN_FILE, WorkloadForm
from prefault_kit.studies.review.presets import PRESETS

WAIT_S = 60


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One process for all tests, but where it is ended."""
    with Worker() as made:
        yield made


@pytest.fixture
def model(worker: Worker, tmp_path: Path) -> Iterator[Reviewer]:
    """A small workload on a file; nothing of it runs afterwards."""
    made = Reviewer(
        worker,
        directory=str(tmp_path),
        size=f"{256 * PAGE}",
        content="small-chunks",
        write=0.25,
        repeats=2,
        sweep=False,
    )
    yield made
    made.stop()
    assert made.wait(WAIT_S), made.status


@pytest.fixture
def done(model: Reviewer) -> Reviewer:
    """The same, measured."""
    model.run()
    assert model.wait(WAIT_S)
    assert not model.failed, model.status
    return model


@pytest.mark.parametrize("name", [each.id for each in PRESETS.values() if not each.not_testable])
def test_a_preset_sets_case_and_weights(name: str, tmp_path: Path) -> None:
    """And it is no longer that preset when one of them is moved."""
    model = Reviewer(directory=str(tmp_path))
    model.preset = name
    found = PRESETS[name].workload(str(tmp_path))
    assert model.form.workload() == found
    assert model.weights == PRESETS[name].weights
    assert model.preset == name
    model.repeats += 1
    assert model.preset == ""
    model.preset = name
    model.tail += 1
    assert model.preset == ""


def test_a_preset_that_is_not_testable_says_why() -> None:
    """Nothing else changes."""
    model = Reviewer()
    before = model.form
    model.preset = "dax"
    assert model.failed
    assert "persistent memory" in model.status
    assert (model.form, model.preset) == (before, "")


def test_a_review_is_measured(done: Reviewer) -> None:
    """Every candidate that applies; the model has the words for it."""
    assert done.review is not None
    assert {each.outcome for each in done.review.candidates} <= {"ok", "not-applicable"}
    assert done.answer
    assert done.status.startswith("Done in")


def test_weights_rank_again_without_measuring(done: Reviewer) -> None:
    """If bytes written back are expensive, POPULATE_WRITE is out: it dirties every page."""
    measured = done.review
    done.written = 1e6
    assert done.review is measured
    assert not any("POPULATE_WRITE" in each for each in done.answer[:1])
    done.written = 0.0
    done.tail = done.memory = 0.0
    changed = done.changed
    done.startup = 0.5
    assert done.changed > changed


def test_stop_ends_the_worker(model: Reviewer, tmp_path: Path) -> None:
    """Nothing is kept of it, nothing lies in the directory, and the next run works."""
    model.size, model.repeats = "16 MiB", 1000
    model.run()
    begun = threading.Event()
    model.observe(lambda change: change["new"] > 0 and begun.set(), "fraction")
    assert begun.wait(WAIT_S)
    pid = model.worker_pid
    model.stop()
    assert model.wait(WAIT_S)
    assert model.status.startswith("Stopped after")
    assert not Path(f"/proc/{pid}").exists()
    assert model.review is None
    assert list(tmp_path.iterdir()) == []
    model.size, model.repeats = f"{16 * PAGE}", 2
    model.run()
    assert model.wait(WAIT_S)
    assert model.review is not None


def test_what_cannot_run_says_so(model: Reviewer) -> None:
    """In one sentence, and nothing is started."""
    model.size = "900000 GiB"
    assert model.problem is not None
    model.run()
    assert model.failed
    assert not model.running


def test_export_overwrites_nothing(done: Reviewer, tmp_path: Path) -> None:
    """Two files; a second time it is refused; so is a page that would be the summary."""
    target = tmp_path / "out.html"
    assert done.export(str(target))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.html", "out.md"]
    assert not done.export(str(target))
    assert "already" in done.status
    assert not done.export(str(tmp_path / "other.md"))
    assert not done.export(str(tmp_path / "no" / "such.html"))
    assert "Cannot write" in done.status
    assert len(list(tmp_path.iterdir())) == 2


def test_nothing_to_export_before_a_run(model: Reviewer, tmp_path: Path) -> None:
    """It says what to do."""
    assert not model.export(str(tmp_path / "out.html"))
    assert "press Run first" in model.status


def test_a_file_of_ones_own_is_not_evicted_unasked(tmp_path: Path) -> None:
    """What was asked for the kit's own file is not asked for yours, nor for the next of yours."""
    (tmp_path / "mine").write_bytes(bytes(PAGE))
    model = Reviewer(directory=str(tmp_path), content="cold", afterwards="evict")
    model.backing = OWN_FILE
    assert (model.content, model.afterwards) == ("as-is", "nothing")
    model.content = "cold"
    model.existing_file = str(tmp_path / "mine")
    assert (model.content, model.afterwards) == ("as-is", "nothing")
    model.afterwards = "evict"
    assert model.form.workload().afterwards == "evict"


def test_a_moved_control_redraws_nothing(model: Reviewer) -> None:
    """What was measured is not changed by it."""
    changed = model.changed
    model.repeats = 3
    model.backing = "memfd"
    assert model.changed == changed


def test_a_control_may_change_while_another_is_settled(
    model: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JupyterLab handles messages of widgets in several threads: none may undo another's."""
    settled, others = WorkloadForm.settled, []

    def meanwhile(form: WorkloadForm) -> WorkloadForm:
        if not others:
            others.append(threading.Thread(target=model.set_trait, args=("size", "a lot")))
            others[0].start()
            deadline = time.monotonic() + WAIT_S
            while model.size != "a lot" and time.monotonic() < deadline:
                time.sleep(0.001)
        return settled(form)

    monkeypatch.setattr(WorkloadForm, "settled", meanwhile)
    model.repeats = 3
    others[0].join(WAIT_S)
    assert not others[0].is_alive()
    assert (model.repeats, model.size) == (3, "a lot")
    assert model.problem is not None
