"""prefault_kit.measure.memory_group: a cgroup for a child, and none left."""

import errno
import os
from pathlib import Path

import pytest

from prefault_kit.kernel import cgroup
from prefault_kit.measure import memory_group
from prefault_kit.measure.forked import ended
from prefault_kit.measure.memory_group import NoGroup


def groups() -> list[Path]:
    return [
        left
        for _, level in cgroup.own_directories("memory")
        for left in level.glob(f"{memory_group.PREFIX}{os.getpid()}-*")  # others may have theirs
    ]


@pytest.mark.needs("root")
def test_a_child_enters_and_nothing_is_left() -> None:
    """The child that enters is in the cgroup; afterwards the cgroup is gone."""
    with memory_group.limited(32 << 20) as enter:

        def inside() -> None:
            enter()
            if memory_group.PREFIX not in Path("/proc/self/cgroup").read_text():
                raise OSError(1, "not in it")

        assert ended(inside) == "returns"
        assert len(groups()) == 1
    assert groups() == []


@pytest.mark.needs("root")
def test_what_a_killed_check_left_is_removed() -> None:
    """An empty cgroup of an earlier check is taken away by the next."""
    level = next(each for _, each in cgroup.own_directories("memory") if os.access(each, os.W_OK))
    left = level / f"{memory_group.PREFIX}0-0"
    left.mkdir()
    with memory_group.limited(32 << 20):
        assert not left.exists()
    assert groups() == []


@pytest.mark.needs("root")
def test_one_process_may_have_two() -> None:
    """Limits of two sizes side by side: each is a cgroup of its own."""
    with memory_group.limited(32 << 20), memory_group.limited(64 << 20):
        assert len(groups()) == 2
    assert groups() == []


@pytest.mark.needs("root")
def test_asking_leaves_none() -> None:
    """Whether one can be made is found out by making one."""
    assert memory_group.why_not() is None
    assert groups() == []


def test_who_may_not_make_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without permission an OSError with errno, which says what would help."""
    monkeypatch.setattr(memory_group.os, "access", lambda *words: False)
    with pytest.raises(NoGroup, match="systemd-run") as caught, memory_group.limited(32 << 20):
        pass
    assert caught.value.errno == errno.EACCES
    assert memory_group.why_not() == caught.value.missing
