"""The limits that this process has of its own (getrlimit(2)), held against what a cell needs."""

from __future__ import annotations

import resource

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import proc
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.methods import Method
from prefault_kit.memory.sizes import format_bytes

CAP_IPC_LOCK = 14
"""Bit of the capability that lifts RLIMIT_MEMLOCK, include/uapi/linux/capability.h."""


def memlock_bytes() -> int | None:
    """How much this process may lock in all; None without a limit."""
    if int(proc.status()["CapEff"], 16) >> CAP_IPC_LOCK & 1:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return None if soft == resource.RLIM_INFINITY else soft


def _over(name: str, what: str, needed: int, used: int) -> Unavailable | None:
    """Compare ``used + needed`` bytes with the soft limit ``name``."""
    kind: int = getattr(resource, f"RLIMIT_{name}")
    soft, hard = resource.getrlimit(kind)
    total = used + needed
    if soft == resource.RLIM_INFINITY or total <= soft:
        return None
    beside = f" beside the {format_bytes(used)} in use" if used else ""
    sudo = "" if hard == resource.RLIM_INFINITY or total <= hard else "sudo "
    # prlimit(1) and not ulimit, whose units differ from shell to shell
    bounds = f"{total}:" if not sudo else str(total)
    return Unavailable(
        f"{format_bytes(needed)} {what}{beside}, "
        f"but RLIMIT_{name} is {format_bytes(soft)} for this process",
        f"{sudo}prlimit --pid $$ --{name.lower()}={bounds}",
    )


def check(*, backing: Backing, method: Method, size_bytes: int) -> Unavailable | None:
    """The first limit of this process that a cell would run into.

    The commands hold for the shell that they are typed in, and what is started from it then.
    """
    if backing.has_file and (over := _over("FSIZE", "is the size of the file", size_bytes, 0)):
        return over
    if over := _over("AS", "of addresses are needed", size_bytes, proc.status_bytes("VmSize")):
        return over
    if "mlock" in method.steps and memlock_bytes() is not None:
        return _over("MEMLOCK", "is to be locked", size_bytes, proc.status_bytes("VmLck"))
    return None
