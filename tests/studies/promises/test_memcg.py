"""prefault_kit.studies.promises.memcg: who may not make a cgroup is told."""

import pytest

from prefault_kit.measure import memory_group
from prefault_kit.studies.promises import memcg
from prefault_kit.studies.promises.promise import NotTestable


def test_who_may_not_make_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without permission it is not testable, and says what would help."""
    monkeypatch.setattr(memory_group.os, "access", lambda *words: False)
    with pytest.raises(NotTestable, match="systemd-run"), memcg.limited(32 << 20):
        pass
