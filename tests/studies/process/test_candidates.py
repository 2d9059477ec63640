"""Which processes may be looked at."""

from __future__ import annotations

import os

from prefault_kit.studies.process import candidates


def test_the_largest_come_first() -> None:
    """With their names; threads of the kernel have no memory and are not among them."""
    found = candidates.largest(1 << 20)
    sizes = [each.resident_bytes for each in found]
    assert sizes == sorted(sizes, reverse=True)
    assert 2 not in [each.pid for each in found]
    own = next(each for each in found if each.pid == os.getpid())
    assert own.resident_bytes > 1 << 20
    with open("/proc/self/comm", encoding="ascii") as comm:
        assert own.command == comm.read().strip()
    assert len(candidates.largest(1)) == 1
