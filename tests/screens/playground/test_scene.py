"""prefault_kit.screens.playground.scene: prepared memory, few operations, and the way back."""

from collections.abc import Iterator

import pytest

from prefault_kit.screens.playground import Playground, scene
from prefault_kit.screens.playground.scene import SceneView
from prefault_kit.screens.widgets import parts
from prefault_kit.studies.playground import scenes


@pytest.fixture(scope="module")
def shown() -> Iterator[SceneView]:
    """Memory of which half was populated for reading, half for writing."""
    found = scenes.scene("read-then-write")
    model = Playground(found.history().dump())
    model.prepare()
    yield SceneView(model, found)
    model.close()


def test_what_was_prepared_is_no_news(shown: SceneView) -> None:
    """The reader sees memory and a question; nothing tells the answer."""
    assert len(shown.model.acts) == 2
    assert shown.happened.value == ""
    assert shown.back.disabled
    assert shown.model.status.startswith("Click a page")
    assert shown.maps.figures["parent"]._changed.data["x"] == []


def test_it_offers_what_matters_and_goes_back_to_what_was_prepared(shown: SceneView) -> None:
    """A button for each of its operations; Back and Begin anew stop at the prepared memory."""
    assert tuple(shown.buttons.of) == scenes.scene("read-then-write").operations
    shown.model.choose(0, 64)
    shown.buttons.of["write"].click()
    shown.buttons.of["MADV_DONTNEED"].click()
    assert "write" not in shown.happened.value
    assert "MADV_DONTNEED" in shown.happened.value
    shown.back.click()
    strips = shown.model.strips()
    assert strips is not None
    assert strips.table == ["anonymous"] * 64
    shown.anew.click()
    strips = shown.model.strips()
    assert strips is not None
    assert strips.table == ["zero page"] * 32 + ["anonymous"] * 32
    assert shown.happened.value == ""
    assert shown.back.disabled
    assert shown.model.status.startswith("Click a page")


def test_all_are_chosen_at_once_and_anew_at_the_beginning(shown: SceneView) -> None:
    """By a button, by Ctrl+A, and by Begin anew as the scene has it."""
    for choose in (shown.maps.all.click, lambda: shown.maps.press("all"), shown.anew.click):
        shown.model.choose(5, 1)
        choose()
        assert shown.model.step == (0, 64)


def test_only_what_can_come_is_offered_to_paint(shown: SceneView) -> None:
    """And something that is not what is there already."""
    assert list(shown.paint.buttons) == ["not present", "zero page", "anonymous"]
    assert shown.model.paint == "anonymous"


def test_it_shows_all_of_its_parts(shown: SceneView) -> None:
    """The question, the map, the amounts and by how much they changed, the status."""
    question = [each for each in shown.page.children if 'class="prefault-question"' in str(each)]
    assert len(question) == 1
    assert {shown.maps.box, shown.amounts, shown.status, shown.happened} <= set(shown.page.children)
    assert "resident (RSS) <b>128 KiB</b></span>" in shown.amounts.value
    shown.model.do("write", 0, 1)
    assert "resident (RSS) <b>132 KiB</b> (+4 KiB)" in shown.amounts.value
    shown.anew.click()


def test_a_call_shows_it_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the pages chosen that its question is about."""
    monkeypatch.setattr(parts, "display", lambda *_, **__: None)
    model = scene("unplug")
    try:
        assert (model.prepared, model.step, model.news) == (1, (0, 16), None)
    finally:
        model.close()


def test_a_death_is_forgotten_and_the_child_s_own(shown: SceneView) -> None:
    """Marks of what went wrong are on the map of the process that they concern alone."""
    shown.model.do("fork")
    shown.model.do("mprotect none", 3, 1)
    shown.model.process = "child"
    shown.model.do("read", 60, 1)
    shown.model.predicting = True
    shown.model.do("write", 5, 1)
    names = {process: each.names for process, each in shown.maps.figures.items()}
    assert ("expected" in names["child"], "expected" in names["parent"]) == (True, False)
    shown.forget.click()
    assert "not done" in shown.model.status
    assert shown.model.acts[-1].step.operation == "read"
    shown.model.predicting = False
    shown.anew.click()


def test_another_memory_has_no_prepared_steps(shown: SceneView) -> None:
    """A script may choose one; then Back goes to the beginning."""
    shown.model.pages = 128
    assert (shown.model.prepared, shown.model.acts) == (0, [])
    shown.model.do("write", 0, 1)
    assert not shown.back.disabled
    shown.anew.click()
    assert shown.model.acts == []


def test_its_question_stands_there_without_a_kernel(shown: SceneView) -> None:
    """A notebook stores it."""
    assert shown.page.idle.startswith("Touch it: The first half was populated for reading")
