"""prefault_kit.studies.promises.memcg: a cgroup for a child, and none left."""

import os
from pathlib import Path

import pytest

from prefault_kit.kernel import cgroup
from prefault_kit.measure.forked import ended
from prefault_kit.studies.promises import memcg
from prefault_kit.studies.promises.promise import NotTestable


def groups() -> list[Path]:
    return [
        left
        for _, level in cgroup.own_directories("memory")
        for left in level.glob(f"{memcg.PREFIX}*")
    ]


@pytest.mark.needs("root")
def test_a_child_enters_and_nothing_is_left() -> None:
    """The child that enters is in the cgroup; afterwards the cgroup is gone."""
    with memcg.limited(32 << 20) as enter:

        def inside() -> None:
            enter()
            if memcg.PREFIX not in Path("/proc/self/cgroup").read_text():
                raise OSError(1, "not in it")

        assert ended(inside) == "returns"
        assert len(groups()) == 1
    assert groups() == []


@pytest.mark.needs("root")
def test_what_a_killed_check_left_is_removed() -> None:
    """An empty cgroup of an earlier check is taken away by the next."""
    level = next(each for _, each in cgroup.own_directories("memory") if os.access(each, os.W_OK))
    left = level / f"{memcg.PREFIX}0"
    left.mkdir()
    with memcg.limited(32 << 20):
        assert not left.exists()
    assert groups() == []


def test_who_may_not_make_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without permission it is not testable, and says what would help."""
    monkeypatch.setattr(memcg.os, "access", lambda *words: False)
    with pytest.raises(NotTestable, match="systemd-run"), memcg.limited(32 << 20):
        pass
