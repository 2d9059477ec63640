"""prefault_kit.studies.sparse: touching what cannot be had."""

from collections.abc import Callable
from typing import Any

import pytest

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.worker import Event, Task
from prefault_kit.memory import small_tmpfs
from prefault_kit.studies import sparse


@pytest.mark.needs("own_mounts")
def test_touching_dies_where_plugging_is_an_error() -> None:
    """In the worker: SIGBUS; with enough memory it lives."""
    assert sparse.touched(4 * PAGE, 8 * PAGE) == "SIGBUS"
    assert sparse.touched(8 * PAGE, 8 * PAGE) == "lives"


def test_who_may_not_mount_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An OSError with the errno and the words of the worker."""

    def refuse(limit_bytes: int, size_bytes: int) -> int:
        raise PermissionError(1, small_tmpfs.FORBIDDEN)

    monkeypatch.setattr(small_tmpfs, "file", refuse)

    def listen(
        task: Task, payload: dict[str, Any], hear: Callable[[Event], object], _: object
    ) -> None:
        for event in task(payload):
            hear(event)

    monkeypatch.setattr(sparse, "listen", listen)
    with pytest.raises(PermissionError, match="may not mount"):
        sparse.touched(PAGE, PAGE)


@pytest.mark.parametrize(
    ("kind", "sharing", "times"),
    [
        ("anon", "private", 1),
        ("anon", "shared", 1),
        ("memfd", "private", 2),
        ("memfd", "shared", 1),
    ],
)
def test_what_is_unplugged_is_given_back(kind: str, sharing: str, times: int) -> None:
    """All of it; a private memfd takes every block twice."""
    block = 4 * PAGE
    assert sparse.taken(Backing.of(kind), sharing, block, 3) == (times * 3 * block, 0)
