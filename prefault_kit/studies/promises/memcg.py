"""A memory cgroup of its own for a child process, or a promise that is not testable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefault_kit.measure import memory_group
from prefault_kit.measure.memory_group import NoGroup
from prefault_kit.studies.promises.promise import NotTestable


@contextmanager
def limited(limit_bytes: int) -> Iterator[Callable[[], None]]:
    """See :func:`memory_group.limited`; NotTestable where this user may not make one."""
    try:
        with memory_group.limited(limit_bytes) as enter:
            yield enter
    except NoGroup as lacking:
        raise NotTestable(lacking.missing) from None
