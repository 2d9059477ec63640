"""A playground for its tests: widgets and model in this process, on real memory."""

from collections.abc import Iterator

import pytest

from prefault_kit.screens.playground import Playground, PlaygroundView, view


@pytest.fixture(scope="module")
def model() -> Iterator[Playground]:
    """One process for all tests; each begins anew."""
    made = Playground(pages=64)
    yield made
    made.close()


@pytest.fixture(scope="module")
def widgets(model: Playground) -> PlaygroundView:
    """Its widgets."""
    return view(model)


@pytest.fixture
def shown(model: Playground, widgets: PlaygroundView) -> PlaygroundView:
    """The widgets on fresh anonymous memory."""
    model.predicting = False
    model.kind, model.sharing, model.pages = "anon", "private", 64
    model.choose(0, 1)
    model.begin()
    return widgets
