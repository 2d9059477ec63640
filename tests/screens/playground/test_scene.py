"""prefault_kit.screens.playground.scene: prepared memory, few operations, and the way back."""

from collections.abc import Iterator

import pytest

from prefault_kit.screens.playground import Playground
from prefault_kit.screens.playground.scene import SceneView
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
