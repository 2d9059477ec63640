"""prefault_kit.screens.trial.view: set a widget, look at the model; and the other way round."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.screens.trial import ProgramScreen, ProgramView, view
from prefault_kit.screens.trial.form import YOUR_OWN
from prefault_kit.screens.trial.view import (
    answer,
    faults,
    figures,
    how,
    mappings,
    picture,
    your_program,
)
from prefault_kit.screens.widgets import parts
from prefault_kit.studies.trial import programs
from prefault_kit.studies.trial.result import Again
from tests.kernel import traced
from tests.studies.trial import made

WAIT_S = 60
PAGES = 64
BAD = "<script>alert(1)</script>"
AGAIN = Again("HUGEPAGE", made.runs(made.FAST), made.runs(made.SLOW))
TRIAL = made.trial(*made.PLAIN, made.row("HUGEPAGE", *made.FAST), again=(AGAIN,))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProgramScreen:
    """A model in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return ProgramScreen(repeats=2, candidates=("POPULATE_WRITE",), least_size=f"{PAGES * PAGE}")


@pytest.fixture
def shown(model: ProgramScreen) -> ProgramView:
    """Its widgets."""
    return view(model)


def press(chips: Any, value: str) -> None:
    """What clicking one of the buttons does."""
    chips.buttons[value].value = True


def hidden(widget: Any) -> bool:
    """Whether it is out of the page."""
    return bool(widget.layout.display == "none")


def test_controls_set_the_model(model: ProgramScreen, shown: ProgramView) -> None:
    """Each control is its trait; what is for a command of one's own is shown for that alone."""
    controls = shown.controls
    assert hidden(controls.own) and hidden(controls.ready)
    assert "NumPy" in controls.about.value
    press(controls.program, YOUR_OWN)
    assert not hidden(controls.own) and not hidden(controls.ready)
    controls.own.value = "true"
    controls.repeats.value = 3
    controls.candidates.value = ("WILLNEED", "HUGEPAGE")
    controls.least_size.value = "2 MiB"
    controls.ready.value = "up"
    assert hidden(controls.evicted)
    press(controls.start, "cold")
    assert not hidden(controls.evicted)
    assert "may be" in controls.problem.value
    controls.evicted.value = True
    assert controls.problem.value == ""
    form = model.form
    assert (form.program, form.own, form.repeats) == (YOUR_OWN, "true", 3)
    assert (form.candidates, form.least_size) == (("WILLNEED", "HUGEPAGE"), "2 MiB")
    assert (form.ready, form.start, form.evicted) == ("up", "cold", True)


def test_options_are_folded_away(shown: ProgramView) -> None:
    """Under More, until it is opened."""
    assert shown.controls.more.titles == ("More",)
    assert shown.controls.more.selected_index is None


def test_what_is_not_installed_is_greyed_out(
    model: ProgramScreen, shown: ProgramView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it; it can be pressed after that, and Check again."""
    monkeypatch.setattr(programs, "_found", lambda _: None)
    shown.controls.check.click()
    assert shown.controls.program.buttons["redis"].disabled
    assert "sudo apt install redis-server redis-tools" in shown.controls.refused.value
    assert not shown.controls.program.buttons["python"].disabled
    monkeypatch.setattr(programs, "_found", lambda _: "/bin/true")
    assert not hidden(shown.controls.check)
    shown.controls.check.click()
    assert not shown.controls.program.buttons["redis"].disabled
    assert hidden(shown.controls.check)
    assert model.problem is None


@pytest.mark.needs("compiler")
@pytest.mark.needs("tracing")
def test_run_shows_an_answer(model: ProgramScreen, shown: ProgramView, tmp_path: Path) -> None:
    """In bold, with a picture and tables; Export writes it, and names the next."""
    press(shown.controls.program, YOUR_OWN)
    shown.controls.own.value = f"{traced.program()} write {PAGES} 1"
    assert shown.export.disabled and shown.stop.disabled and hidden(shown.folded)
    assert "Press <b>Run</b>" in shown.answer.value
    shown.run.click()
    assert model.wait(WAIT_S)
    assert not model.failed, model.status
    assert f"<b>{model.answer[0]}</b>" in shown.answer.value
    assert "<svg" in shown.picture.value
    assert "POPULATE_WRITE" in shown.figures.value
    assert "anonymous private" in shown.mappings.value
    assert "Command to repeat it" in shown.how.value
    assert not hidden(shown.folded)
    assert shown.path.value == "trial.html"
    shown.export.click()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["trial.html", "trial.md"]
    assert shown.path.value == "trial-2.html"


@pytest.mark.needs("tracing")
def test_stop_is_enabled_while_it_runs(model: ProgramScreen, shown: ProgramView) -> None:
    """And the bar is shown; both are gone afterwards."""
    press(shown.controls.program, YOUR_OWN)
    shown.controls.own.value = "sleep 1000"
    shown.run.click()
    assert shown.run.disabled and not shown.stop.disabled
    assert "progressbar" in shown.status.value
    shown.stop.click()
    assert model.wait(WAIT_S)
    assert shown.stop.disabled and not shown.run.disabled
    assert "Stopped after" in shown.status.value and "progressbar" not in shown.status.value


def test_a_recorded_trial_is_shown(model: ProgramScreen, shown: ProgramView) -> None:
    """Its recommendation is marked, with the lines of code; and it can be taken away again."""
    model.trial = TRIAL
    assert "<b>HUGEPAGE: the " in shown.answer.value
    assert "prefault-code" in shown.answer.value and "MADV_HUGEPAGE" in shown.answer.value
    assert "<tr class=prefault-shown><td>HUGEPAGE</td>" in shown.figures.value
    assert shown.mappings.value.count("prefault-shown") == len(TRIAL.chosen)
    assert "not observed" in shown.faults.value
    assert not shown.export.disabled
    model.trial = None
    assert shown.export.disabled and hidden(shown.folded) and shown.picture.value == ""


def test_names_are_no_html() -> None:
    """Whatever a program, a row, a file or a note is called; of many mappings the first."""
    group = replace(made.FILE, path=f"/data/{BAD}")
    rows = made.row("nothing", *made.SLOW), made.row(BAD, *made.FAST)
    found = made.trial(*rows, groups=(group,) * 300, chosen=(group,), notes=(BAD,))
    found = replace(found, command=(f"/bin/{BAD}", BAD), host={"kernel": BAD})
    for part in (answer, picture, figures, mappings, faults, how):
        assert "<script" not in part(found), part
    assert "And 200 lines more" in mappings(found)


def test_it_is_shown_without_bokeh(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no chart; the notebook keeps a text that is always the same."""
    displayed: list[object] = []
    monkeypatch.setattr(parts, "display", lambda *found, **_: displayed.extend(found))
    monkeypatch.setattr(parts, "loader", lambda: pytest.fail("Bokeh was loaded"))
    model = your_program()
    assert isinstance(model, ProgramScreen)
    assert len(displayed) == 2
    assert displayed[0]["text/plain"] == (  # type: ignore[index]
        "The trial runs in JupyterLab: choose Run > Run All Cells."
    )
