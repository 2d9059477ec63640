"""The widgets of a process: linked to the model, and harmless whatever a process is called."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.screens.process import ProcessScreen, ProcessView, view, your_process
from prefault_kit.screens.process.view import about, table
from prefault_kit.studies.process import Diagnosis
from tests.studies.process.made import mapping, overview


@pytest.fixture
def shown() -> ProcessView:
    """Nothing is chosen yet."""
    return view(ProcessScreen())


def test_nothing_is_drawn_before_a_process_is_chosen(shown: ProcessView) -> None:
    """But what to do."""
    assert "Choose a process" in shown.diagnosis.value
    assert {each.layout.display for each in shown.cards.cards.values()} == {"none"}
    assert shown.process.value == 0
    assert shown.stop.disabled
    assert shown.export.disabled


def test_choosing_looks(shown: ProcessView) -> None:
    """At once; the list that is made anew keeps the choice."""
    shown.process.value = os.getpid()
    assert f"Process {os.getpid()}" in shown.diagnosis.value
    assert "this notebook" in dict(map(reversed, shown.process.options))[os.getpid()]
    assert shown.sizes.bars.data["y"]
    assert "<table" in shown.table.value
    shown.refresh.click()
    assert shown.process.value == os.getpid()


def test_buttons_follow_the_model() -> None:
    """Watch and Stop, of which one can be pressed."""
    model = ProcessScreen(os.getpid())
    shown = view(model)
    shown.watch.click()
    assert (shown.watch.disabled, shown.stop.disabled) == (True, False)
    assert shown.status.value.count("Watching") == 1
    assert "prefault-running" in shown.status.value and "progressbar" not in shown.status.value
    shown.stop.click()
    assert (shown.watch.disabled, shown.stop.disabled) == (False, True)


def test_a_process_outside_of_the_list_is_shown() -> None:
    """One that is small, or was given by its id."""
    model = ProcessScreen(os.getpid())
    model.choices = ()
    shown = view(model)
    assert shown.process.value == os.getpid()
    assert "this notebook" in shown.process.label


def test_an_export_takes_the_next_free_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on every screen, so that a second press overwrites nothing and fails at nothing."""
    monkeypatch.chdir(tmp_path)
    shown = view(ProcessScreen(os.getpid()))
    for name in ("process.html", "process-2.html"):
        assert shown.path.value == name
        shown.export.click()
        assert f"Wrote {name} and {name.replace('html', 'json')} beside it." in shown.status.value


def test_names_are_harmless() -> None:
    """A process may call itself what it likes."""
    seen = ProcessScreen(os.getpid()).overview
    assert seen
    hostile = replace(seen, stat=seen.stat._replace(command="<script>\x1b[2J"))
    told = about(hostile, (Diagnosis("x", "note", "<b>bold</b>", help="<i>"),))
    assert "<script>" not in told
    assert "\x1b" not in told
    assert "&lt;b&gt;bold&lt;/b&gt;." in told
    assert "What helps: &lt;i&gt;." in told


def test_what_helps_is_code_where_it_is() -> None:
    """A command or a call, within words."""
    seen = ProcessScreen(os.getpid()).overview
    assert seen
    for words, told in (
        ("sudo prlimit --pid 7", "<code>sudo prlimit --pid 7</code>."),
        (
            "read(2) it; or mlock(fd, (void *)1) it",
            "read(2) it; or <code>mlock(fd, (void *)1)</code> it.",
        ),
        (
            "prefault-kit attach 7 --faults 5 says where",
            "<code>prefault-kit attach 7 --faults 5</code> says where.",
        ),
    ):
        assert f"What helps: {told}" in about(seen, (Diagnosis("x", "note", "y", help=words),))


def test_the_table_tells_what_there_is() -> None:
    """Words at the left, figures at the right, and no column of zeros alone."""
    html = table(overview(mapping(4, present=2, flags="rr")))
    assert html.count("<th ") == html.count("<td")
    assert '<th scope="col">anonymous</th>' in html
    assert '<td class="prefault-left">MADV_RANDOM</td>' in html
    assert "swapped" not in html


def test_a_buffer_of_the_notebook() -> None:
    """It is in this process, and nowhere else."""
    with pytest.raises(ValueError, match="not both"):
        your_process(1, memory=b"x")
