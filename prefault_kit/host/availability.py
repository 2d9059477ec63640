"""Whether a cell can run on this machine: the one place that decides it."""

from __future__ import annotations

from dataclasses import replace

from prefault_kit.host import features, footprint, place, process, rlimits, space
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel.mounts import file_system
from prefault_kit.memory import methods
from prefault_kit.memory.backing import Backing


def why_not(
    *,
    backing: Backing,
    sharing: str,
    method: str,
    size_bytes: int,
    start: str = "empty",
    threads: int = 1,
    kit_bytes: int = 0,
    libraries_bytes: int = 0,
) -> Unavailable | None:
    """The first thing that stops a cell on this host, and the command that helps; None if nothing.

    What would be wrong everywhere comes first, then what is cheapest to look up. ``threads``
    take no memory worth counting; ``kit_bytes`` is what the kit's own lists take for a cell of this
    size, ``libraries_bytes`` what it loads whatever the size. ValueError for an unknown method.
    """
    how = methods.method(method)
    senseless = methods.applies(
        how,
        has_file=backing.has_file,
        sharing=sharing,
        hugetlb=backing.is_hugetlb,
        on_disk=backing.on_disk,
    )
    if senseless:
        return Unavailable(senseless)
    if stop := process.why_not():
        return stop
    if stop := place.check(backing):
        return stop
    if stop := rlimits.check(backing=backing, method=how, size_bytes=size_bytes):
        return stop
    if stop := features.check(backing=backing, sharing=sharing, method=how, size_bytes=size_bytes):
        return stop
    directory = backing.find_directory()
    taken = footprint.of(
        backing=backing,
        sharing=sharing,
        method=how,
        size_bytes=size_bytes,
        start=start,
        file_system=file_system(directory) if directory else None,
    )
    taken = replace(taken, spare=taken.spare + libraries_bytes, kit=kit_bytes)
    return space.check(backing=backing, sharing=sharing, needs=taken, size_bytes=size_bytes)
