"""prefault_kit.studies.weights.loaders: each has a source, and a way that there is."""

import pytest

from prefault_kit.studies.weights.loaders import LOADERS
from prefault_kit.studies.weights.ways import WAYS


@pytest.mark.parametrize("each", LOADERS, ids=lambda each: f"{each.who} {each.option}")
def test_a_loader_has_its_source(each: object) -> None:
    """A public address, and a way that the lab can try."""
    assert each.source.startswith("https://github.com/")
    assert each.way in WAYS
    assert each.does


def test_no_loader_is_there_twice() -> None:
    """With the same option."""
    assert len({(each.who, each.option) for each in LOADERS}) == len(LOADERS)
