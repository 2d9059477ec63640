"""prefault_kit.studies.promises.dirty_bit: it explains a fault on its processors alone."""

import platform

import pytest

from prefault_kit.studies.promises import dirty_bit


def test_it_explains_on_its_processors_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere the same is a surprise."""
    for machine in dirty_bit.WITHOUT:
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        assert dirty_bit.differs("one", "two") == {"one": dirty_bit.REASON, "two": dirty_bit.REASON}
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert dirty_bit.differs("one") == {}
