"""The steps of a method: operations of a mapping by their names."""

from __future__ import annotations

from prefault_kit.kernel.timed import Work
from prefault_kit.memory.mapping import Mapping

ONE_CALL = ("fallocate", "map_populate", "mlock_on_fault")
"""Steps that are one system call, which cannot be shared out among threads."""


def do(mapping: Mapping, step: str, threads: int) -> Work:
    """Do one step of a method: its work."""
    if step.startswith("MADV_"):
        return mapping.advise(step)
    if step.startswith("protect "):
        return mapping.protect(step.removeprefix("protect "))
    if step in ONE_CALL:
        work: Work = getattr(mapping, step)()
    else:
        work = getattr(mapping, step)(threads=threads, interruptible=False)
    return work
